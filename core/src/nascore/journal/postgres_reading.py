"""Reading a log in PostgreSQL beside a live server, in a transaction that may not write and sees one moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from nascore.journal.contract import Entry
from nascore.journal.holder import Holder
from nascore.journal.log_reader import LogReader
from nascore.journal.migrations import refuse_newer
from nascore.journal.postgres_connection import PATIENCE_S, Connection
from nascore.journal.postgres_errors import translated
from nascore.journal.postgres_lock import Session, begin_session, holder_in
from nascore.journal.postgres_schema import STEPS, stored_entries, stored_experiments, stored_version
from nascore.journal.postgres_url import PostgresUrl
from nascore.journal.rows import EVENT_COLUMNS, EventRow

_END = f"SELECT {EVENT_COLUMNS} FROM nascore_events WHERE experiment = %s ORDER BY seq"  # noqa: S608 - no input in it


class PostgresReader(LogReader):
    """A log in PostgreSQL at one moment."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def experiments(self) -> tuple[str, ...]:
        """See `LogReader.experiments`."""
        return stored_experiments(self._connection) if stored_version(self._connection) else ()

    def _entries(self, experiment: str, *, after_seq: int, count: int) -> list[Entry]:
        return stored_entries(self._connection, experiment, after_seq=after_seq, count=count)

    def _row(self, experiment: str, *, is_last: bool) -> EventRow | None:
        query = f"{_END} DESC LIMIT 1" if is_last else f"{_END} LIMIT 1"
        row: EventRow | None = self._connection.execute(query, (experiment,)).fetchone()
        return row


@contextmanager
def reading_postgres(url: PostgresUrl) -> Iterator[PostgresReader]:
    """Read the log in a database as of one moment.

    Raises:
        StateError: It was made by a newer nascore.
        NascoreError: What PostgreSQL's error means.
    """
    with _session(url) as session:
        session.connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        refuse_newer(stored_version(session.connection), steps=STEPS, name=str(url))
        yield PostgresReader(session.connection)


def read_postgres_holder(url: PostgresUrl) -> Holder | None:
    """Return who holds the log in a database; ``None`` unless it is really locked.

    Raises:
        NascoreError: What PostgreSQL's error means.
    """
    with _session(url) as session:
        return holder_in(session)


@contextmanager
def _session(url: PostgresUrl) -> Iterator[Session]:
    try:
        session = begin_session(url, patience_s=PATIENCE_S, is_writer=False)
        try:
            yield session
        finally:
            session.connection.close()
    except psycopg.Error as error:
        raise translated(error, url) from error
