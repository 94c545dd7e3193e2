"""How SQLite's errors are told of a database of logs."""

from __future__ import annotations

from nascore.journal.store import FULL
from nascore.sqlite import Wording

_WORDING = Wording(
    "Database",
    full=FULL,
    damaged="Restore the database from a copy.",
    foreign="Restore the database from a copy, or name another file.",
)
understood = _WORDING.understood
"""Turns SQLite's errors into ours; others pass."""

translated = _WORDING.translated
"""Returns our error for one of SQLite's; what is not known is worth another try."""
