"""Durations as people write them: ``90s``, ``1h30m``, ``24h``, ``2d``; and back."""

from __future__ import annotations

import math
import re

from nascore.errors import SettingsError

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(w|d|h|m|s)", re.IGNORECASE)
_WHOLE = re.compile(rf"\s*(?:{_PART.pattern}\s*)+", re.IGNORECASE)


def parse_duration(text: str) -> float:
    """Return a duration in seconds; a number without a unit counts seconds.

    Raises:
        SettingsError: If it is not a duration above zero.
    """
    try:
        seconds = float(text)
    except ValueError:
        seconds = _parse_parts(text)
    if not math.isfinite(seconds) or seconds <= 0:
        raise SettingsError(f"`{text}` is not a duration above zero.", hint="Write for example 90s, 30m, 1h30m or 2d.")
    return seconds


def _parse_parts(text: str) -> float:
    if not _WHOLE.fullmatch(text):
        return 0.0
    return sum(float(amount) * _SECONDS[unit.lower()] for amount, unit in _PART.findall(text))


def format_duration(seconds: float) -> str:
    """Return seconds for people: ``20 ms``, ``4.2 s``, ``3 min 05 s``, ``1 h 02 min``, ``2 d 03 h``."""
    if 0 < seconds < 0.95:
        return f"{max(1, round(seconds * 1000))} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} d {whole % 86400 // 3600:02d} h"
