"""Reading a log in SQLite beside a live server: its write-ahead log lets readers see the last committed state."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from nascore.journal.contract import Entry
from nascore.journal.log_reader import LogReader
from nascore.journal.rows import EVENT_COLUMNS, EventRow
from nascore.journal.sqlite_errors import understood
from nascore.journal.sqlite_schema import connect_for_reading, stored_entries, stored_experiments

_END = f"SELECT {EVENT_COLUMNS} FROM events WHERE experiment = ? ORDER BY seq"  # noqa: S608 - no input in it


class SqliteReader(LogReader):
    """A log in SQLite at one moment."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def experiments(self) -> tuple[str, ...]:
        """See `LogReader.experiments`."""
        if not self._connection.execute("PRAGMA user_version").fetchone()[0]:
            return ()  # It is just being made.
        return stored_experiments(self._connection)

    def _entries(self, experiment: str, *, after_seq: int, count: int) -> list[Entry]:
        return stored_entries(self._connection, experiment, after_seq=after_seq, count=count)

    def _row(self, experiment: str, *, is_last: bool) -> EventRow | None:
        query = f"{_END} DESC LIMIT 1" if is_last else f"{_END} LIMIT 1"
        row: EventRow | None = self._connection.execute(query, (experiment,)).fetchone()
        return row


@contextmanager
def reading_sqlite(path: Path) -> Iterator[SqliteReader]:
    """Read the log in a file as of one moment.

    Raises:
        NascoreError: What SQLite's error means.
    """
    with understood(path), closing(connect_for_reading(path)) as connection:
        connection.execute("BEGIN")
        yield SqliteReader(connection)
