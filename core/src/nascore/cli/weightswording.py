"""How checkpoints read on the screen."""

from __future__ import annotations

_ID_LENGTH = 12
_UNITS = ("B", "kB", "MB", "GB", "TB")
_THOUSAND = 1000


def short_id(checkpoint: str) -> str:
    """Return the beginning of an id, which finds it again."""
    return checkpoint[:_ID_LENGTH]


def size_text(size: int) -> str:
    """Return bytes for people: ``1.5 MB``."""
    shown, unit = float(size), 0
    while shown >= _THOUSAND and unit < len(_UNITS) - 1:
        shown, unit = shown / _THOUSAND, unit + 1
    return f"{size} B" if not unit else f"{shown:.1f} {_UNITS[unit]}"
