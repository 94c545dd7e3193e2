"""A connection to PostgreSQL that cannot hang: each wait for an answer has an end.

Not here: what is asked (``nascore.journal.postgres_store``). Settings of a session:
https://www.postgresql.org/docs/current/runtime-config-client.html.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Generator
from typing import TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow
from psycopg.waiting import Ready, Wait

from nascore.errors import UnsupportedError
from nascore.journal.postgres_errors import StalledError
from nascore.journal.postgres_url import PostgresUrl

ResultT = TypeVar("ResultT")

PATIENCE_S = 20.0
"""How long one statement may take; past that the server breaks it off, and a little later we the connection."""

_OLDEST_SERVER = 120_000
_CONNECT_S = 5
_LOOK_S = 0.1
_MARGIN = 1.25
_DEFAULTS: dict[str, str | int] = {
    "connect_timeout": _CONNECT_S,
    "application_name": "nascore",
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
# The server, too, notices within half a minute that our machine has gone, and frees what this session holds.
_SESSION = """
SELECT set_config('client_encoding', 'UTF8', false),
    set_config('tcp_keepalives_idle', '10', false), set_config('tcp_keepalives_interval', '5', false),
    set_config('tcp_keepalives_count', '3', false), set_config('tcp_user_timeout', '20000', false),
    set_config('idle_in_transaction_session_timeout', '60s', false),
    set_config('statement_timeout', %s, false), set_config('lock_timeout', %s, false)
"""
_DURABLE = """
SELECT set_config('synchronous_commit', 'on', false)
WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')
"""

_LOG = logging.getLogger(__name__)


class Connection(psycopg.Connection[TupleRow]):
    """A connection that is closed when an answer takes too long.

    Attributes:
        limit_s: How long an answer may take; ``None`` for any time.
    """

    limit_s: float | None = PATIENCE_S * _MARGIN

    def wait(self, gen: PQGen[ResultT], interval: float = _LOOK_S, timeout: float | None = None) -> ResultT:
        """Wait for an answer.

        Raises:
            StalledError: There was none in time.
        """
        if self.limit_s is None:
            return super().wait(gen, _LOOK_S)
        try:
            return super().wait(_ending(gen, self.limit_s), _LOOK_S)
        except StalledError:
            self.pgconn.finish()  # What it does still do, it does without us; see `Session.backend`.
            raise


def connect(url: PostgresUrl, *, patience_s: float, is_writer: bool) -> Connection:
    """Connect, with the settings of a session that we need.

    Raises:
        psycopg.Error: It did not succeed.
        UnsupportedError: The server is too old, or the database does not hold UTF-8 text.
    """
    given = conninfo_to_dict(url.public)
    default = {**_DEFAULTS, "target_session_attrs": "read-write"} if is_writer else _DEFAULTS
    parameters = {**default, **{key: str(value) for key, value in given.items()}, **url.secrets}
    connection = Connection.connect(autocommit=True, **parameters)  # type: ignore[arg-type]  # names are libpq's
    try:
        connection.limit_s = patience_s * _MARGIN
        milliseconds = str(round(patience_s * 1000))
        connection.execute(_SESSION, (milliseconds, milliseconds))
        _check(connection, url)
        if is_writer:
            _make_durable(connection, url)
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: Connection, url: PostgresUrl) -> None:
    if connection.info.server_version < _OLDEST_SERVER:
        raise UnsupportedError(f"Database {url}: PostgreSQL 12 or newer is needed.", hint="Upgrade the server.")
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise UnsupportedError(
            f"Database {url} holds text as {encoding}; UTF8 is needed.",
            hint="Make one with `createdb -E UTF8 -T template0`.",
        )


def _make_durable(connection: Connection, url: PostgresUrl) -> None:
    connection.execute(_DURABLE)
    for (name,) in connection.execute(
        "SELECT name FROM pg_settings WHERE name IN ('fsync', 'full_page_writes') AND setting <> 'on'"
    ).fetchall():
        _LOG.warning("Database %s: the server runs with %s=off, so a power cut may lose what was stored.", url, name)


def _ending(gen: PQGen[ResultT], seconds: float) -> Generator[Wait, Ready | int, ResultT]:
    """Pass on what a generator waits for, until time is up."""
    deadline = time.monotonic() + seconds
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if not ready and time.monotonic() >= deadline:
                raise StalledError(f"no answer within {seconds:g} s")
            wanted = gen.send(ready)
    except StopIteration as end:
        result: ResultT = end.value
        return result
