"""The SQLite file of the log: its tables, how it is opened, and what SQLite's errors mean to us.

Not here: the order of writing (``nascore.journal.sqlite_journal``). A file made by a newer nascore is refused
before anything is written to it. Settings: https://www.sqlite.org/pragma.html (WAL with ``synchronous=FULL`` keeps
acknowledged transactions through a power cut).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from nascore.errors import (
    DataLossError,
    ExhaustedResourceError,
    NascoreError,
    PermissionDeniedError,
    StateError,
    UnavailableError,
)
from nascore.journal.contract import Entry, checked

SCHEMA_VERSION = 1
_APPLICATION_ID = 0x6E617363  # "nasc"

_TABLES = """
CREATE TABLE writer (only INTEGER PRIMARY KEY CHECK (only = 1), epoch INTEGER NOT NULL);
INSERT INTO writer VALUES (1, 0);
CREATE TABLE experiments (id TEXT PRIMARY KEY, place INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE events (
    experiment TEXT NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL, kind TEXT NOT NULL, payload TEXT NOT NULL, time REAL NOT NULL, elapsed_s REAL NOT NULL,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (experiment, seq)
) WITHOUT ROWID;
CREATE TABLE snapshots (
    experiment TEXT NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
    place INTEGER NOT NULL, asked INTEGER NOT NULL, told_through INTEGER NOT NULL,
    state BLOB NOT NULL, checksum BLOB NOT NULL,
    PRIMARY KEY (experiment, place)
);
CREATE TABLE deletions (request_id TEXT PRIMARY KEY, experiment TEXT NOT NULL) WITHOUT ROWID;
"""


def connect(path: Path) -> sqlite3.Connection:
    """Open the log for writing, making it if there is none.

    Raises:
        StateError: It was made by a newer nascore, or is another program's database.
        DataLossError: It is no SQLite database, or is damaged.
    """
    with understood(path):
        if path.exists() and path.stat().st_size:
            with closing(connect_for_reading(path)):
                pass  # Looks at the version without the right to write.
        # Opened by one thread, then used by the writer's alone.
        connection = sqlite3.connect(path, isolation_level=None, timeout=5.0, check_same_thread=False)
        try:
            _prepare(connection)
        except BaseException:
            connection.close()
            raise
    return connection


def connect_for_reading(path: Path) -> sqlite3.Connection:
    """Open the log without the right to write; works beside a process that writes to it.

    Raises:
        StateError: It was made by a newer nascore, or is another program's database.
        DataLossError: It is no SQLite database, or is damaged.
    """
    with understood(path):
        address = f"{path.absolute().as_uri()}?mode=ro"
        connection = sqlite3.connect(address, uri=True, isolation_level=None, timeout=5.0)
        try:
            _refuse_foreign(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
        version = f"PRAGMA application_id={_APPLICATION_ID}; PRAGMA user_version={SCHEMA_VERSION};"
        connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} {version} COMMIT;")


def _refuse_foreign(connection: sqlite3.Connection, path: Path) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if application != _APPLICATION_ID and (version or tables):
        raise StateError(
            f"{path} is a database of another program (application id {application:#x}); it is left untouched.",
            hint="Name another file.",
        )
    if version > SCHEMA_VERSION:
        raise StateError(
            f"{path} was written by a newer nascore (schema {version}; this one knows {SCHEMA_VERSION}); "
            "it is left untouched.",
            hint="Upgrade nascore to open it.",
        )


def stored_experiments(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Return the ids of all experiments in the file, oldest first."""
    return tuple(row[0] for row in connection.execute("SELECT id FROM experiments ORDER BY place"))


def stored_entries(connection: sqlite3.Connection, experiment: str, *, after_seq: int = 0) -> list[Entry]:
    """Return an experiment's entries after a position.

    Raises:
        DataLossError: One is missing, or is not what was written.
    """
    columns = "seq, kind, payload, time, elapsed_s, checksum"
    query = f"SELECT {columns} FROM events WHERE experiment = ? AND seq > ? ORDER BY seq"  # noqa: S608 - no input in it
    rows = connection.execute(query, (experiment, after_seq))
    entries = []
    for *values, checksum in rows:
        entry = Entry(*values)
        if entry.checksum != checksum:
            raise DataLossError(
                f"Log of experiment {experiment}: entry {entry.seq} is not what was written (checksum).",
                hint="Restore the database from a copy; nothing was changed.",
            )
        entries.append(entry)
    checked(entries, experiment=experiment, after_seq=after_seq)
    return entries


@contextmanager
def understood(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours; others pass."""
    try:
        yield
    except sqlite3.Error as error:
        raise translated(error, path) from error


_FULL = "Nothing was acknowledged that is not stored; make room, and it goes on by itself."
_ERRORS: dict[int, tuple[type[NascoreError], str]] = {
    sqlite3.SQLITE_FULL: (ExhaustedResourceError, _FULL),
    sqlite3.SQLITE_IOERR: (ExhaustedResourceError, _FULL),
    sqlite3.SQLITE_NOMEM: (ExhaustedResourceError, _FULL),
    sqlite3.SQLITE_CORRUPT: (DataLossError, "Restore the database from a copy."),
    sqlite3.SQLITE_NOTADB: (DataLossError, "Restore the database from a copy, or name another file."),
    sqlite3.SQLITE_CONSTRAINT: (DataLossError, "Restore the database from a copy."),
    sqlite3.SQLITE_READONLY: (PermissionDeniedError, "Give this user the right to write there."),
    sqlite3.SQLITE_PERM: (PermissionDeniedError, "Give this user the right to write there."),
    sqlite3.SQLITE_CANTOPEN: (PermissionDeniedError, "Does the folder exist, and may this user write there?"),
}


def translated(error: sqlite3.Error, path: Path) -> NascoreError:
    """Return our error for one of SQLite's; what is not known is worth another try."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # The low byte is the primary code.
    if not code and "decode" in str(error):  # Text that is not UTF-8, found by Python's module rather than by SQLite.
        code = sqlite3.SQLITE_CORRUPT
    kind, hint = _ERRORS.get(code, (UnavailableError, "Try again."))
    return kind(f"Database {path}: {error}.", hint=hint)
