"""The SQLite file of the log: its tables, and how it is opened.

Not here: writing (``nascore.journal.sqlite_store``) and what SQLite's errors mean (``nascore.journal.sqlite_errors``).
A file made by a newer nascore is refused before anything is written to it. Settings:
https://www.sqlite.org/pragma.html (WAL with ``synchronous=FULL`` keeps acknowledged transactions through a power cut);
place of the version in the file: https://www.sqlite.org/fileformat2.html#the_database_header.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from nascore.errors import DataLossError, StateError
from nascore.failpoints import failpoint
from nascore.journal.contract import Entry
from nascore.journal.file_lock import read_file_holder
from nascore.journal.migrations import Step, migrate, newest, refuse_newer
from nascore.journal.rows import EVENT_COLUMNS, entries_of
from nascore.journal.sqlite_errors import understood

_APPLICATION_ID = 0x6E617363  # "nasc"
_MAGIC = b"SQLite format 3\x00"
_HEADER_BYTES = 105  # The file's header, and that of the table of tables behind it.
_TIMEOUT_S = 5.0

STEPS = (
    Step(
        1,
        (
            "CREATE TABLE writer (only INTEGER PRIMARY KEY CHECK (only = 1), epoch INTEGER NOT NULL)",
            "INSERT INTO writer VALUES (1, 0)",
            "CREATE TABLE experiments (id TEXT PRIMARY KEY, place INTEGER NOT NULL) WITHOUT ROWID",
            """
            CREATE TABLE events (
                experiment TEXT NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
                seq INTEGER NOT NULL, kind TEXT NOT NULL, payload TEXT NOT NULL,
                time REAL NOT NULL, elapsed_s REAL NOT NULL, checksum INTEGER NOT NULL,
                PRIMARY KEY (experiment, seq)
            ) WITHOUT ROWID
            """,
            """
            CREATE TABLE snapshots (
                experiment TEXT NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
                place INTEGER NOT NULL, asked INTEGER NOT NULL, told_through INTEGER NOT NULL,
                state BLOB NOT NULL, checksum BLOB NOT NULL,
                PRIMARY KEY (experiment, place)
            )
            """,
            "CREATE TABLE deletions (request_id TEXT PRIMARY KEY, experiment TEXT NOT NULL) WITHOUT ROWID",
        ),
    ),
)
"""How the tables came to be, in order; a step that stands in a release is never changed."""

SCHEMA_VERSION = newest(STEPS)


def connect(path: Path, *, steps: Sequence[Step] = STEPS) -> sqlite3.Connection:
    """Open the log for writing, making it if there is none and bringing an older one up to date.

    Before the tables of an older one are changed, it is copied to a file beside it (see `copy_file`).

    Raises:
        StateError: It was made by a newer nascore, or is another program's database.
        DataLossError: It is no SQLite database, or is damaged.
    """
    with understood(path):
        if path.exists() and path.stat().st_size:
            _look(path, steps)
        # Opened by one thread, then used by the writer's alone.
        connection = sqlite3.connect(path, isolation_level=None, timeout=_TIMEOUT_S, check_same_thread=False)
        try:
            # Written back by SqliteStore: SQLite's own way does not say when it failed.
            own = ("wal_autocheckpoint=0", "journal_size_limit=0")
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", *own):
                connection.execute(f"PRAGMA {pragma}")
            _bring_up_to_date(connection, path, steps)
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
        if path.exists() and path.stat().st_size and not _is_ours(path):
            _look(path, STEPS)
        return _open_read_only(path, STEPS)


def copy_file(path: Path, version: int) -> Path:
    """Return where a log is copied to before the tables of that version are changed."""
    return path.with_name(f"{path.name}.version-{version}")


def stored_experiments(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Return the ids of all experiments, oldest first."""
    return tuple(row[0] for row in connection.execute("SELECT id FROM experiments ORDER BY place"))


def stored_entries(
    connection: sqlite3.Connection, experiment: str, *, after_seq: int = 0, count: int | None = None
) -> list[Entry]:
    """Return up to ``count`` of an experiment's entries after a position.

    Raises:
        DataLossError: One is missing, or is not what was written.
    """
    query = f"SELECT {EVENT_COLUMNS} FROM events WHERE experiment = ? AND seq > ? ORDER BY seq LIMIT ?"  # noqa: S608 - no input in it
    rows = connection.execute(query, (experiment, after_seq, -1 if count is None else count))
    return entries_of(rows, experiment=experiment, after_seq=after_seq)


def _is_ours(path: Path) -> bool:
    """Whether this very process writes to the file: closing another descriptor of it would drop SQLite's locks."""
    holder = read_file_holder(path)
    return holder is not None and holder.pid == os.getpid()


def _look(path: Path, steps: Sequence[Step]) -> None:
    """Refuse a foreign or newer file without SQLite, which would make files of its own beside it.

    What a process that was killed wrote last stands in the write-ahead log only; such a file SQLite has to look at.
    """
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size:
        _open_read_only(path, steps).close()
        return
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    if len(header) < _HEADER_BYTES or not header.startswith(_MAGIC):
        raise DataLossError(
            f"Database {path}: file is not a database.", hint="Restore the database from a copy, or name another file."
        )
    version, application, tables = (int.from_bytes(header[a:b], "big") for a, b in ((60, 64), (68, 72), (103, 105)))
    _refuse_foreign(path, version=version, application=application, is_empty=not tables, steps=steps)


def _open_read_only(path: Path, steps: Sequence[Step]) -> sqlite3.Connection:
    address = f"{path.absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(address, uri=True, isolation_level=None, timeout=_TIMEOUT_S)
    try:
        version, application = (_pragma(connection, name) for name in ("user_version", "application_id"))
        is_empty = not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        _refuse_foreign(path, version=version, application=application, is_empty=is_empty, steps=steps)
    except BaseException:
        connection.close()
        raise
    return connection


def _refuse_foreign(path: Path, *, version: int, application: int, is_empty: bool, steps: Sequence[Step]) -> None:
    if is_empty and version == application == 0:
        return  # It is just being made, or whoever began that was killed.
    if application != _APPLICATION_ID:
        raise StateError(
            f"{path} is a database of another program (application id {application:#x}); it is left untouched.",
            hint="Name another file.",
        )
    refuse_newer(version, steps=steps, name=str(path))


def _bring_up_to_date(connection: sqlite3.Connection, path: Path, steps: Sequence[Step]) -> None:
    migrate(
        steps,
        version=_pragma(connection, "user_version"),
        copy=lambda version: _copy(connection, path, version),
        take=lambda step: _take(connection, step),
    )


def _take(connection: sqlite3.Connection, step: Step) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        if _pragma(connection, "user_version") < step.version:  # Else another process was faster.
            for statement in step.statements:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id={_APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version={step.version}")
        failpoint("journal.before_migration")
        connection.execute("COMMIT")
        failpoint("journal.after_migration")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _copy(connection: sqlite3.Connection, path: Path, version: int) -> None:
    """Copy the log beside it, whole or not at all; one that is there from an attempt that was killed is replaced."""
    target = copy_file(path, version)
    fresh = target.with_name(f"{target.name}.partial")
    fresh.unlink(missing_ok=True)
    failpoint("journal.before_copy")
    connection.execute("VACUUM INTO ?", (str(fresh),))
    fresh.chmod(path.stat().st_mode & 0o777)
    _sync(fresh)
    fresh.replace(target)
    _sync(path.parent)
    failpoint("journal.after_copy")


def _sync(place: Path) -> None:
    descriptor = os.open(place, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    value: int = connection.execute(f"PRAGMA {name}").fetchone()[0]
    return value
