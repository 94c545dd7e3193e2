"""The lock on a log in PostgreSQL, which dies with the connection of the process that holds it.

It is an advisory lock of the session that writes; a row says who that is, for people and for clients that look for
the server. What the row says counts only while its session holds the lock. Because the lock is freed only once the
session's last transaction has ended, whoever takes it knows that nothing more is written by the one before.
https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
"""

from __future__ import annotations

import time
import zlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import psycopg

from nascore.journal.holder import UNKNOWN, Holder
from nascore.journal.postgres_connection import Connection, connect
from nascore.journal.postgres_schema import stored_version, use_schema
from nascore.journal.postgres_url import PostgresUrl

_FAMILY = 0x6E617363  # "nasc"
_PATIENCE_S = 1.0  # A session whose process was just killed takes a moment to go.
_PAUSE_S = 0.05

_HOLDING_BACKEND = """
SELECT pid FROM pg_locks
WHERE locktype = 'advisory' AND granted AND objsubid = 2
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND classid = %s::bigint::oid AND objid = %s::bigint::oid
"""
_HOLDER = "SELECT pid, host, address, token_file, started_at FROM nascore_writer WHERE backend = %s"
_END_BACKEND = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = %s AND backend_start = %s"


@dataclass(frozen=True, slots=True)
class Backend:
    """The process of the server that works for a session: its id, and when it began, for ids come again."""

    pid: int
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """A connection, the schema that it sees, and the process that serves it."""

    connection: Connection
    schema: str
    backend: Backend


def begin_session(url: PostgresUrl, *, patience_s: float, is_writer: bool) -> Session:
    """Connect to the database and find the tables.

    Raises:
        psycopg.Error: It did not succeed.
        NotFoundError: There is no schema for the tables.
        UnsupportedError: The server cannot hold them.
    """
    connection = connect(url, patience_s=patience_s, is_writer=is_writer)
    try:
        schema = use_schema(connection, url)
        row = connection.execute(
            "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
        ).fetchone()
        assert row is not None
    except BaseException:
        connection.close()
        raise
    return Session(connection, schema, Backend(*row))


def take_lock(session: Session, *, former: Backend | None = None) -> bool:
    """Lock the log for this session; a short while is waited for one that is just ending.

    Args:
        session: Who locks.
        former: Our own session before this one, whose connection was lost; it is ended.

    Returns:
        Whether it was locked.
    """
    key = _key(session.schema)
    if former is not None:
        with suppress(psycopg.DatabaseError):  # Without the right to end it, we wait until it has ended.
            session.connection.execute(_END_BACKEND, (former.pid, former.started_at))
    until = time.monotonic() + _PATIENCE_S
    while True:
        row = session.connection.execute("SELECT pg_try_advisory_lock(%s::int, %s::int)", (_FAMILY, key)).fetchone()
        if row == (True,):
            return True
        if time.monotonic() >= until:
            return False
        time.sleep(_PAUSE_S)


def give_lock_back(session: Session) -> None:
    """Unlock the log at once; the end of the connection does it too, but a moment later.

    Raises:
        psycopg.Error: It did not succeed.
    """
    session.connection.execute("SELECT pg_advisory_unlock(%s::int, %s::int)", (_FAMILY, _key(session.schema)))


def holder_in(session: Session) -> Holder | None:
    """Return who holds the log; ``None`` unless it is really locked."""
    key = _key(session.schema)
    row = session.connection.execute(_HOLDING_BACKEND, (_FAMILY, key & 0xFFFFFFFF)).fetchone()
    if row is None:
        return None
    known = session.connection.execute(_HOLDER, row).fetchone() if stored_version(session.connection) else None
    return UNKNOWN if known is None else Holder(*known)


def _key(schema: str) -> int:
    return zlib.crc32(schema.encode()) - 2**31
