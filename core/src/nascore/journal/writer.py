"""The one thread that writes to the log, and group commit: one transaction for all that waits.

While the database makes one transaction durable, appends gather; the next transaction takes them all. So a hundred
workers cost few more syncs than one. Not here: the contract that the engine sees (``nascore.journal.stored_journal``),
and what the database does (``nascore.journal.store``).
"""

from __future__ import annotations

import asyncio
import logging
import threading
from asyncio import Future
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TypeVar

from nascore.errors import NascoreError
from nascore.failpoints import failpoint
from nascore.journal.contract import Entry, checked
from nascore.journal.store import Store

ResultT = TypeVar("ResultT")

_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class Append:
    """Entries that wait to be stored, who waits for that, and what went wrong with it."""

    experiment: str
    entries: Sequence[Entry]
    done: Future[None]
    error: NascoreError | None = None


@dataclass(frozen=True, slots=True)
class _Call:
    run: Callable[[], None]


class Writer:
    """Runs jobs in order on a thread of its own; only that thread touches the store once it is started.

    Attributes:
        store: The database.
        transactions: How many transactions were committed for appends, for measuring group commit.
    """

    def __init__(self, store: Store, *, loop: asyncio.AbstractEventLoop) -> None:
        self.store = store
        self.transactions = 0
        self._loop = loop
        self._jobs: SimpleQueue[list[Append] | _Call | None] = SimpleQueue()
        self._last: dict[str, int] = {}  # Seq of the last stored entry.
        self._failed: dict[str, NascoreError] = {}
        self._thread = threading.Thread(target=self._work, name="nascore-journal", daemon=True)
        self._thread.start()

    # --- called on the event loop -------------------------------------------------------------------------------

    def append(self, appends: list[Append]) -> None:
        """Store them after everything before; each one's ``done`` is settled when it is durable, or was not stored."""
        self._jobs.put(appends)

    async def call(self, work: Callable[[], ResultT]) -> ResultT:
        """Run ``work`` on the thread, after everything before."""
        done: Future[ResultT] = self._loop.create_future()
        self._jobs.put(_Call(lambda: self._answer(done, work)))
        return await done

    def post(self, work: Callable[[], object]) -> None:
        """Run ``work`` on the thread, after everything before; nobody waits for it, and a failure is only logged."""

        def run() -> None:
            try:
                work()
            except Exception as error:  # The thread must live on.
                _LOG.warning("%s", self.store.understood(error))

        self._jobs.put(_Call(run))

    async def stop(self) -> None:
        """Finish what waits, close the store and end the thread."""
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)
        await asyncio.sleep(0)  # Lets the last answers, which the thread sent before it ended, reach their futures.

    # --- on the writer's thread ---------------------------------------------------------------------------------

    def accept_again(self, experiment: str) -> None:
        """Take appends of an experiment again after a failure: its memory is being rebuilt from what is stored."""
        self._failed.pop(experiment, None)
        self._last.pop(experiment, None)

    def _work(self) -> None:
        """Take what waits, in order; appends that stand next to each other share a transaction."""
        batch: list[Append] = []
        while True:
            if batch and self._jobs.empty():
                self._commit(batch)
                batch = []
            job = self._jobs.get()
            if isinstance(job, list):
                batch.extend(job)
                continue
            self._commit(batch)
            batch = []
            if job is None:
                break
            job.run()
        self.store.close()

    def _commit(self, batch: list[Append]) -> None:
        accepted = [append for append in batch if self._is_accepted(append)]
        if accepted:
            self._store(accepted)
        if not batch:
            return
        with suppress(RuntimeError):  # The loop is gone: nobody waits any more.
            self._loop.call_soon_threadsafe(_resolve, batch)

    def _store(self, accepted: list[Append]) -> None:
        try:
            failpoint("journal.before_append")
            self.store.write([(append.experiment, append.entries) for append in accepted])
            self.transactions += 1
        except Exception as error:  # The thread must live on; those who wait are told.
            failure = self.store.understood(error)
            for append in accepted:
                append.error = self._failed[append.experiment] = failure

    def _is_accepted(self, append: Append) -> bool:
        """Refuse what builds on entries that were not stored, or that does not follow what is stored."""
        try:
            if (failed := self._failed.get(append.experiment)) is not None:
                raise failed
            checked(append.entries, experiment=append.experiment, after_seq=self._last_seq(append.experiment))
        except NascoreError as error:
            append.error = self._failed[append.experiment] = error
            return False
        self._last[append.experiment] = append.entries[-1].seq
        return True

    def _last_seq(self, experiment: str) -> int:
        if experiment not in self._last:
            self._last[experiment] = self.store.last_seq(experiment)
        return self._last[experiment]

    def _answer(self, done: Future[ResultT], work: Callable[[], ResultT]) -> None:
        settle: Callable[[], None]
        try:
            result = work()
        except Exception as error:  # Carried to whoever waits for it: the thread must live on.
            settle = _failing(done, self.store.understood(error))
        else:
            settle = _succeeding(done, result)
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(settle)


def _succeeding(done: Future[ResultT], result: ResultT) -> Callable[[], None]:
    def settle() -> None:
        if not done.done():
            done.set_result(result)

    return settle


def _failing(done: Future[ResultT], error: Exception) -> Callable[[], None]:
    def settle() -> None:
        if not done.done():
            done.set_exception(error)

    return settle


def _resolve(batch: list[Append]) -> None:
    for append in batch:
        if append.done.done():
            continue
        if append.error is not None:
            append.done.set_exception(append.error)
        else:
            append.done.set_result(None)
