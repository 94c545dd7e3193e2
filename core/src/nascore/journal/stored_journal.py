"""The log as the engine sees it, over any store: calls become jobs of the writer's thread.

Not here: the thread and group commit (``nascore.journal.writer``), and the databases (``sqlite_journal``,
``postgres_journal``).
"""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import Callable, Mapping, Sequence
from typing import Self, TypeVar

from nascore.errors import UnavailableError
from nascore.failpoints import failpoint
from nascore.journal.contract import Entry, Journal, TunerSnapshot
from nascore.journal.store import Store
from nascore.journal.writer import Append, Writer

ResultT = TypeVar("ResultT")


class StoredJournal(Journal):
    """The log in a store; made by the subclasses' ``open``."""

    def __init__(self, writer: Writer, *, loop: asyncio.AbstractEventLoop) -> None:
        self._writer = writer
        self._loop = loop
        self._buffer: list[Append] = []
        self._is_closed = False

    @classmethod
    async def _begun(cls, make: Callable[[], Store]) -> Self:
        """Make a store, take the database over, and return the log in it."""
        loop = asyncio.get_running_loop()
        writer = Writer(await asyncio.to_thread(make), loop=loop)
        try:
            await writer.call(writer.store.take_over)
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

    async def read(self, experiment: str, *, after_seq: int = 0, count: int | None = None) -> list[Entry]:
        """See `Journal.read`."""

        def read() -> list[Entry]:
            failpoint("journal.before_read")
            entries = self._writer.store.entries(experiment, after_seq=after_seq, count=count)
            self._writer.accept_again(experiment)
            return entries

        return await self._call(read)

    async def experiments(self) -> tuple[str, ...]:
        """See `Journal.experiments`."""
        return await self._call(self._writer.store.experiments)

    async def delete(self, experiment: str, *, request_id: str) -> None:
        """See `Journal.delete`."""

        def delete() -> None:
            self._writer.store.delete(experiment, request_id=request_id)
            self._writer.accept_again(experiment)

        await self._call(delete)

    async def deletions(self) -> Mapping[str, str]:
        """See `Journal.deletions`."""
        return await self._call(self._writer.store.deletions)

    async def save_snapshot(self, experiment: str, snapshot: TunerSnapshot) -> None:
        """See `Journal.save_snapshot`."""
        await self._call(lambda: self._writer.store.save_snapshot(experiment, snapshot))

    async def snapshots(self, experiment: str) -> tuple[TunerSnapshot, ...]:
        """See `Journal.snapshots`."""
        return await self._call(lambda: self._writer.store.snapshots(experiment))

    async def close(self) -> None:
        """See `Journal.close`."""
        if not self._is_closed:
            self._flush()
            self._is_closed = True
            await self._writer.stop()

    async def _call(self, work: Callable[[], ResultT]) -> ResultT:
        if self._is_closed:
            raise _closed()
        self._flush()
        return await self._writer.call(work)

    def _flush(self) -> None:
        appends, self._buffer = self._buffer, []
        if appends:
            self._writer.append(appends)


def _closed() -> UnavailableError:
    return UnavailableError("The log is closed: the server is stopping.", hint="Try again later.")
