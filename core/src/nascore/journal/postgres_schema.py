"""The tables of the log in PostgreSQL, and how a session finds them.

They stand in the schema that the session's ``search_path`` names first, under names that begin with ``nascore_``. A
database made by a newer nascore is only looked at. Before a step no copy is made: a step is one transaction, tables
and all, and is wholly undone if it fails; copies are the matter of ``pg_dump``. Not here: writing
(``nascore.journal.postgres_store``).
"""

from __future__ import annotations

from collections.abc import Sequence

from nascore.errors import NotFoundError
from nascore.failpoints import failpoint
from nascore.journal.contract import Entry
from nascore.journal.migrations import Step, migrate, refuse_newer
from nascore.journal.postgres_connection import Connection
from nascore.journal.postgres_url import PostgresUrl
from nascore.journal.rows import EVENT_COLUMNS, entries_of

_ROWS_AT_A_TIME = 5_000

STEPS = (
    Step(
        1,
        (
            "CREATE TABLE nascore_schema (line integer PRIMARY KEY CHECK (line = 1), version integer NOT NULL)",
            "INSERT INTO nascore_schema VALUES (1, 0)",
            """
            CREATE TABLE nascore_writer (
                line integer PRIMARY KEY CHECK (line = 1), epoch bigint NOT NULL,
                backend integer NOT NULL, pid integer NOT NULL, host text NOT NULL, address text NOT NULL,
                token_file text NOT NULL, started_at double precision NOT NULL
            )
            """,
            "INSERT INTO nascore_writer VALUES (1, 0, 0, 0, '', '', '', 0)",
            "CREATE TABLE nascore_experiments (id text PRIMARY KEY, place bigint NOT NULL)",
            """
            CREATE TABLE nascore_events (
                experiment text NOT NULL, seq bigint NOT NULL, kind text NOT NULL, payload text NOT NULL,
                time double precision NOT NULL, elapsed_s double precision NOT NULL, checksum bigint NOT NULL,
                PRIMARY KEY (experiment, seq)
            )
            """,
            """
            CREATE TABLE nascore_snapshots (
                experiment text NOT NULL REFERENCES nascore_experiments (id), place bigint NOT NULL,
                asked bigint NOT NULL, told_through bigint NOT NULL, state bytea NOT NULL, checksum bytea NOT NULL,
                PRIMARY KEY (experiment, place)
            )
            """,
            "CREATE TABLE nascore_deletions (request_id text PRIMARY KEY, experiment text NOT NULL)",
        ),
    ),
)
"""How the tables came to be, in order; a step that stands in a release is never changed."""

_FIND_SCHEMA = """
SELECT coalesce(
    (SELECT nspname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
     WHERE pg_class.oid = to_regclass('nascore_schema')),
    current_schema())
"""
_ENTRIES = f"""
SELECT {EVENT_COLUMNS} FROM nascore_events WHERE experiment = %s AND seq > %s ORDER BY seq LIMIT %s
"""  # noqa: S608 - no input in it


def use_schema(connection: Connection, url: PostgresUrl) -> str:
    """Let the session see only the schema that holds the tables, or will, and return its name.

    Raises:
        NotFoundError: ``search_path`` names none that exists.
    """
    schema = str(_value(connection, _FIND_SCHEMA) or "")
    if not schema:
        raise NotFoundError(
            f"Database {url}: search_path names no schema that exists.", hint="Make one with CREATE SCHEMA."
        )
    connection.execute("SELECT set_config('search_path', quote_ident(%s), false)", (schema,))
    return schema


def stored_version(connection: Connection) -> int:
    """Return the version of the tables; 0 if there are none."""
    if _value(connection, "SELECT to_regclass('nascore_schema')") is None:
        return 0
    return int(_value(connection, "SELECT version FROM nascore_schema"))  # type: ignore[call-overload,no-any-return]  # an integer column


def bring_up_to_date(connection: Connection, url: PostgresUrl, *, steps: Sequence[Step]) -> None:
    """Take the steps that the database lacks; the caller holds the lock on it.

    Raises:
        StateError: It was made by a newer nascore.
    """
    version = stored_version(connection)
    refuse_newer(version, steps=steps, name=str(url))
    limit_s, connection.limit_s = connection.limit_s, None
    try:
        migrate(steps, version=version, copy=lambda version: None, take=lambda step: _take(connection, step))
    finally:
        connection.limit_s = limit_s


def stored_experiments(connection: Connection) -> tuple[str, ...]:
    """Return the ids of all experiments, oldest first."""
    rows = connection.execute("SELECT id FROM nascore_experiments ORDER BY place").fetchall()
    return tuple(row[0] for row in rows)


def stored_entries(
    connection: Connection, experiment: str, *, after_seq: int = 0, count: int | None = None
) -> list[Entry]:
    """Return up to ``count`` of an experiment's entries after a position, asked for in parts that come soon.

    Raises:
        DataLossError: One is missing, or is not what was written.
    """
    entries: list[Entry] = []
    while True:
        last = entries[-1].seq if entries else after_seq
        wanted = _ROWS_AT_A_TIME if count is None else min(_ROWS_AT_A_TIME, count - len(entries))
        rows = connection.execute(_ENTRIES, (experiment, last, wanted)).fetchall()
        entries += entries_of(rows, experiment=experiment, after_seq=last)
        if len(rows) < wanted or len(entries) == count:
            return entries


def _take(connection: Connection, step: Step) -> None:
    with connection.transaction():
        connection.execute("SET LOCAL statement_timeout = 0")  # It may have to rewrite a large table.
        for statement in step.statements:
            connection.execute(statement)
        connection.execute("UPDATE nascore_schema SET version = %s", (step.version,))
        failpoint("journal.before_migration")
    failpoint("journal.after_migration")


def _value(connection: Connection, query: str) -> object:
    row = connection.execute(query).fetchone()
    return None if row is None else row[0]
