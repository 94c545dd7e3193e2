"""The log in SQLite, as the engine sees it: the default, one file beside the run.

Not here: the writer thread and group commit (``nascore.journal.sqlite_writer``), tables and errors
(``nascore.journal.sqlite_schema``), and reading beside a live server (``nascore.experiment.archive``).
"""

from __future__ import annotations

import asyncio
import hashlib
from asyncio import Future
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from nascore.errors import UnavailableError
from nascore.journal.contract import Entry, Journal, TunerSnapshot
from nascore.journal.sqlite_schema import connect, stored_entries, stored_experiments
from nascore.journal.sqlite_writer import Append, SqliteWriter

ResultT = TypeVar("ResultT")

_SAVE_SNAPSHOT = """
INSERT INTO snapshots
VALUES (?1, (SELECT coalesce(max(place), 0) + 1 FROM snapshots WHERE experiment = ?1), ?2, ?3, ?4, ?5)
"""
_KEEP_TWO = """
DELETE FROM snapshots
WHERE experiment = ?1 AND place <= (SELECT max(place) FROM snapshots WHERE experiment = ?1) - 2
"""


class SqliteJournal(Journal):
    """The log in one SQLite file; made by `open`."""

    def __init__(self, writer: SqliteWriter, *, loop: asyncio.AbstractEventLoop) -> None:
        self._writer = writer
        self._loop = loop
        self._buffer: list[Append] = []
        self._is_closed = False

    @classmethod
    async def open(cls, path: Path) -> SqliteJournal:
        """Open the log, making the file if there is none.

        Raises:
            StateError: The file was made by a newer nascore or another program.
            DataLossError: It is damaged.
            PermissionDeniedError: It cannot be written to.
        """
        loop = asyncio.get_running_loop()
        writer = SqliteWriter(path, await asyncio.to_thread(connect, path), loop=loop)
        try:
            await writer.call(writer.take_over)
        except BaseException:
            await writer.stop()
            raise
        return cls(writer, loop=loop)

    @property
    def transactions(self) -> int:
        """How many transactions appends have cost so far."""
        return self._writer.transactions

    def append(self, experiment: str, entries: Sequence[Entry]) -> Future[None]:
        """See `Journal.append`."""
        done: Future[None] = self._loop.create_future()
        if self._is_closed:
            done.set_exception(_closed())
            return done
        if not self._buffer:
            self._loop.call_soon(self._flush)  # What this turn of the loop appends goes together.
        self._buffer.append(Append(experiment, entries, done))
        return done

    async def read(self, experiment: str, *, after_seq: int = 0) -> list[Entry]:
        """See `Journal.read`."""

        def read() -> list[Entry]:
            entries = stored_entries(self._writer.connection, experiment, after_seq=after_seq)
            self._writer.accept_again(experiment)
            return entries

        return await self._call(read)

    async def experiments(self) -> tuple[str, ...]:
        """See `Journal.experiments`."""
        return await self._call(lambda: stored_experiments(self._writer.connection))

    async def delete(self, experiment: str, *, request_id: str) -> None:
        """See `Journal.delete`."""
        remember = "INSERT OR REPLACE INTO deletions VALUES (?, ?)"
        await self._write((remember, (request_id, experiment)), ("DELETE FROM experiments WHERE id = ?", (experiment,)))
        await self._call(lambda: self._writer.accept_again(experiment))

    async def deletions(self) -> Mapping[str, str]:
        """See `Journal.deletions`."""
        return dict(await self._rows("SELECT request_id, experiment FROM deletions"))

    async def save_snapshot(self, experiment: str, snapshot: TunerSnapshot) -> None:
        """See `Journal.save_snapshot`."""
        state = snapshot.state
        row = (experiment, snapshot.asked, snapshot.told_through, state, hashlib.sha256(state).digest())
        await self._write((_SAVE_SNAPSHOT, row), (_KEEP_TWO, (experiment,)))

    async def snapshots(self, experiment: str) -> tuple[TunerSnapshot, ...]:
        """See `Journal.snapshots`."""
        rows = await self._rows(
            "SELECT asked, told_through, state, checksum FROM snapshots WHERE experiment = ? ORDER BY place DESC",
            experiment,
        )
        return tuple(
            TunerSnapshot(asked, told_through, state)
            for asked, told_through, state, checksum in rows
            if hashlib.sha256(state).digest() == checksum
        )

    async def close(self) -> None:
        """See `Journal.close`."""
        if not self._is_closed:
            self._flush()
            self._is_closed = True
            await self._writer.stop()

    def _flush(self) -> None:
        if self._buffer:
            self._writer.append(self._buffer)
            self._buffer = []

    async def _call(self, work: Callable[[], ResultT]) -> ResultT:
        if self._is_closed:
            raise _closed()
        self._flush()
        return await self._writer.call(work)

    async def _rows(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        return await self._call(lambda: self._writer.connection.execute(query, values).fetchall())

    async def _write(self, *statements: tuple[str, tuple[object, ...]]) -> None:
        def write() -> None:
            for statement, values in statements:
                self._writer.connection.execute(statement, values)

        await self._call(lambda: self._writer.transact(write))


def _closed() -> UnavailableError:
    return UnavailableError("The log is closed: the server is stopping.", hint="Try again later.")
