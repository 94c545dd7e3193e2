"""The two databases of the log, alike for tests: each opens a journal, and lets a test look and tamper behind it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path

import pytest
from nascore import failpoints
from nascore.journal import Entry, Journal, LogReader, PostgresUrl, SqliteJournal, parse_location, reading
from nascore.journal.holder import Holder

HOLDER = Holder(4242, "here", started_at=1.0)


class Database:
    """A database for one test.

    Attributes:
        opened: The journals that the test opened; closed after it.
    """

    kind: str
    prefix = ""

    def __init__(self) -> None:
        self.opened: list[Journal] = []

    async def open(self, **options: object) -> Journal:
        journal = await self._open(**options)
        self.opened.append(journal)
        return journal

    async def _open(self, **options: object) -> Journal:
        raise NotImplementedError

    async def pass_over(self) -> Journal:
        """Open it as another process that found the lock free: the first one only stood still."""
        raise NotImplementedError

    def execute(self, statement: str) -> list[tuple[object, ...]]:
        """Execute a statement behind the journal's back; a table is written as ``{events}``."""
        raise NotImplementedError

    def tables(self, statement: str) -> str:
        names = ("writer", "experiments", "events", "snapshots", "deletions")
        return statement.format(**{name: f"{self.prefix}{name}" for name in names})

    def reading(self) -> AbstractContextManager[LogReader]:
        raise NotImplementedError


class Sqlite(Database):
    kind = "sqlite"

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    async def _open(self, **options: object) -> Journal:
        return await SqliteJournal.open(self.path, **options)  # type: ignore[arg-type]

    async def pass_over(self) -> Journal:
        return await self.open()

    def execute(self, statement: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            return connection.execute(self.tables(statement)).fetchall()

    def reading(self) -> AbstractContextManager[LogReader]:
        return reading(self.path)


class Postgres(Database):
    kind = "postgres"
    prefix = "nascore_"

    def __init__(self, cluster: object) -> None:
        super().__init__()
        self.cluster = cluster
        self.schema = cluster.new_schema()
        location = parse_location(cluster.url(self.schema))
        assert isinstance(location, PostgresUrl)
        self.url = location

    async def _open(self, **options: object) -> Journal:
        from nascore.journal.postgres_journal import PostgresJournal  # noqa: PLC0415 - an extra

        return await PostgresJournal.open(self.url, **{"holder": HOLDER, **options})

    async def pass_over(self) -> Journal:
        self.end_backend()
        return await self.open()

    def backend(self) -> int:
        """The server's process that works for the journal."""
        return int(self.execute("SELECT backend FROM {writer}")[0][0])

    def end_backend(self) -> None:
        self.execute(f"SELECT pg_terminate_backend({self.backend()}, 5000)")

    def execute(self, statement: str) -> list[tuple[object, ...]]:
        return self.cluster.execute(self.tables(statement), schema=self.schema)

    def reading(self) -> AbstractContextManager[LogReader]:
        return reading(self.url)


async def _closed(database: Database) -> None:
    for journal in database.opened:
        await journal.close()


@pytest.fixture(params=["sqlite", "postgres"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """Each of the databases."""
    made = Sqlite(tmp_path / "log.db") if request.param == "sqlite" else Postgres(request.getfixturevalue("postgres"))
    yield made
    await _closed(made)


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[Sqlite]:
    made = Sqlite(tmp_path / "log.db")
    yield made
    await _closed(made)


@pytest.fixture
async def on_postgres(postgres: object) -> AsyncIterator[Postgres]:
    made = Postgres(postgres)
    yield made
    await _closed(made)


@pytest.fixture
def postgres_at() -> Callable[[object], Postgres]:
    """Makes a database on a given server."""
    return Postgres


@pytest.fixture
async def journal(database: Database) -> Journal:
    return await database.open()


@pytest.fixture
def entry() -> Callable[..., Entry]:
    return lambda seq, text="{}": Entry(seq, "kind", text, 1.5, 0.1)


@pytest.fixture
def armed() -> AsyncIterator[Callable[[str], None]]:
    """Arms failpoints until the test has ended."""
    yield failpoints.arm
    failpoints.arm("")


@pytest.fixture
def on_thread() -> Callable[..., object]:
    """Does something on the writer's thread."""

    async def call(journal: Journal, work: Callable[[], object]) -> object:
        return await asyncio.wait_for(journal._call(work), 60)

    return call
