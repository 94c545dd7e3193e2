"""Limits on the cost of networks, as people write them: ``params=3M``, ``macs=300M``, ``latency=5ms``; and for workers.

Workers measure each network before they train it; one above a limit ends its trial at once as infeasible. Not here:
when a search ends (``nascore.record.Limits``), and measuring, which the trial SDK does.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from nascore.cli.suggestion import did_you_mean
from nascore.errors import SettingsError

_COUNTS: Mapping[str, float] = MappingProxyType({"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12})
_BYTES: Mapping[str, float] = MappingProxyType(
    {f"{prefix}{unit}": size for prefix, size in _COUNTS.items() for unit in ("", "B")}
    | {f"{prefix}iB": 1024.0**power for power, prefix in enumerate(("K", "M", "G"), start=1)}
)
_TIMES: Mapping[str, float] = MappingProxyType({"": 1, "us": 1e-3, "ms": 1, "s": 1e3})

UNITS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {"params": _COUNTS, "macs": _COUNTS, "activation_bytes": _BYTES, "latency_ms": _TIMES}
)
"""The figures of a network, as metrics, and the units of each; without one, those of its name."""

_SHORT: Mapping[str, str] = MappingProxyType(
    {"parameters": "params", "activations": "activation_bytes", "memory": "activation_bytes", "latency": "latency_ms"}
)
_AMOUNT = re.compile(r"\s*(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)\s*([A-Za-z]*)\s*", re.ASCII)

Maximum = tuple[str, float]


def parse_maximum(text: str) -> Maximum:
    """Return the figure and its limit in ``params=3M``.

    Raises:
        SettingsError: It is not of this form, or there is no such figure or unit.
    """
    name, separator, amount = text.partition("=")
    if not separator:
        raise SettingsError(f"`{text}` is no limit.", hint="Write for example params=3M, macs=300M or latency=5ms.")
    figure = parse_figure(name)
    return figure, parse_amount(figure, amount)


def parse_figure(text: str) -> str:
    """Return the name of a figure as a metric; ``latency`` stands for ``latency_ms``, and so on.

    Raises:
        SettingsError: There is no such figure.
    """
    name = _SHORT.get(text.strip(), text.strip())
    if name not in UNITS:
        near = did_you_mean(name, [*UNITS, *_SHORT])
        raise SettingsError(f"There is no figure `{text.strip()}`.", hint=near or f"There are {', '.join(UNITS)}.")
    return name


def parse_figures(text: str) -> tuple[str, ...]:
    """Return the figures in ``params,macs``.

    Raises:
        SettingsError: There is no such figure.
    """
    return tuple(dict.fromkeys(parse_figure(part) for part in text.split(",")))


def parse_amount(figure: str, text: str) -> float:
    """Return the amount of a figure in ``3M``, ``5ms`` or ``64MiB``.

    Raises:
        SettingsError: It is no number above zero, or has a unit of something else.
    """
    return _parse(text, UNITS[figure], f"no limit of {figure}")


def parse_bytes(text: str) -> int:
    """Return the bytes in ``8GiB``, ``512MB`` or ``1000000``.

    Raises:
        SettingsError: It is no number above zero, or has a unit of something else.
    """
    return math.ceil(_parse(text, _BYTES, "no amount of memory"))


def _parse(text: str, units: Mapping[str, float], otherwise: str) -> float:
    found = _AMOUNT.fullmatch(text)
    size = units.get(found[2]) if found else None
    amount = float(found[1]) * size if found and size is not None else math.nan
    if not (math.isfinite(amount) and amount > 0):
        known = ", ".join(unit for unit in units if unit)
        raise SettingsError(f"`{text}` is {otherwise}.", hint=f"Write a number above zero, plain or in {known}.")
    return amount


def as_texts(maxima: Mapping[str, float]) -> tuple[str, ...]:
    """Return limits as texts that workers read: ``params=3000000.0``."""
    return tuple(f"{name}={limit!r}" for name, limit in maxima.items())


def worker_limits(maxima: Iterable[str], figures: Iterable[str]) -> dict[str, str]:
    """Return the environment variables that tell a worker what its networks may cost, and what it shall report."""
    said = {"NASCORE_MAX": ",".join(maxima), "NASCORE_PROFILE": ",".join(figures)}
    return {name: text for name, text in said.items() if text}
