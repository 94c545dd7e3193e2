"""What SQLite's errors mean to us (https://www.sqlite.org/rescode.html)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nascore.errors import DataLossError, ExhaustedResourceError, NascoreError, PermissionDeniedError, UnavailableError
from nascore.journal.store import FULL

_ERRORS: dict[int, tuple[type[NascoreError], str]] = {
    sqlite3.SQLITE_FULL: (ExhaustedResourceError, FULL),
    sqlite3.SQLITE_IOERR: (ExhaustedResourceError, FULL),
    sqlite3.SQLITE_NOMEM: (ExhaustedResourceError, FULL),
    sqlite3.SQLITE_CORRUPT: (DataLossError, "Restore the database from a copy."),
    sqlite3.SQLITE_NOTADB: (DataLossError, "Restore the database from a copy, or name another file."),
    sqlite3.SQLITE_CONSTRAINT: (DataLossError, "Restore the database from a copy."),
    sqlite3.SQLITE_READONLY: (PermissionDeniedError, "Give this user the right to write there."),
    sqlite3.SQLITE_PERM: (PermissionDeniedError, "Give this user the right to write there."),
    sqlite3.SQLITE_CANTOPEN: (PermissionDeniedError, "Does the folder exist, and may this user write there?"),
}


@contextmanager
def understood(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours; others pass."""
    try:
        yield
    except sqlite3.Error as error:
        raise translated(error, path) from error


def translated(error: sqlite3.Error, path: Path) -> NascoreError:
    """Return our error for one of SQLite's; what is not known is worth another try."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # The low byte is the primary code.
    if not code and "decode" in str(error):  # Text that is not UTF-8, found by Python's module rather than by SQLite.
        code = sqlite3.SQLITE_CORRUPT
    kind, hint = _ERRORS.get(code, (UnavailableError, "Try again."))
    return kind(f"Database {path}: {error}.", hint=hint)
