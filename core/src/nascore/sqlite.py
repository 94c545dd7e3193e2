"""What SQLite's errors mean to us (https://www.sqlite.org/rescode.html), for whoever keeps something in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nascore.errors import DataLossError, ExhaustedResourceError, NascoreError, PermissionDeniedError, UnavailableError

BROKEN = (sqlite3.Error, UnicodeDecodeError)
"""What SQLite raises; the second for text that is not UTF-8, also in its own messages."""

_NO_ROOM = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM)
_NO_RIGHT = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CONSTRAINT)


@dataclass(frozen=True, slots=True)
class Wording:
    """How the errors of one kind of file are told.

    Attributes:
        name: What the file is, such as ``Database``.
        full: What to do when there is no room, or the disk failed.
        damaged: What to do when it is not what was written.
        foreign: What to do when it is no database at all.
        is_schema_certain: Whether a statement that SQLite does not understand means damage.
    """

    name: str
    full: str
    damaged: str
    foreign: str
    is_schema_certain: bool = False

    @contextmanager
    def understood(self, path: Path) -> Iterator[None]:
        """Turn SQLite's errors into ours; others pass."""
        try:
            yield
        except BROKEN as error:
            raise self.translated(error, path) from error

    def translated(self, error: sqlite3.Error | UnicodeDecodeError, path: Path) -> NascoreError:
        """Return our error for one of SQLite's; what is not known is worth another try."""
        kind, hint = self._meaning(_code(error))
        return kind(f"{self.name} {path}: {error}.", hint=hint)

    def _meaning(self, code: int) -> tuple[type[NascoreError], str]:
        if code in _NO_ROOM:
            return ExhaustedResourceError, self.full
        if code in _DAMAGED or (self.is_schema_certain and code == sqlite3.SQLITE_ERROR):
            return DataLossError, self.foreign if code == sqlite3.SQLITE_NOTADB else self.damaged
        if code in _NO_RIGHT:
            return PermissionDeniedError, "Give this user the right to write there."
        if code == sqlite3.SQLITE_CANTOPEN:
            return PermissionDeniedError, "Does the folder exist, and may this user write there?"
        return UnavailableError, "Try again."


def _code(error: sqlite3.Error | UnicodeDecodeError) -> int:
    """Return the primary code; text that is not UTF-8 is found by Python's module rather than by SQLite."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if isinstance(error, UnicodeDecodeError) or (not code and "decode" in str(error)):
        return sqlite3.SQLITE_CORRUPT
    return code
