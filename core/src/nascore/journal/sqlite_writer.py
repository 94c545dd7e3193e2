"""The one thread that writes to the SQLite log, and group commit: one transaction for all that waits.

While the disk syncs one transaction, appends gather; the next transaction takes them all. So a hundred workers cost
few more syncs than one. Not here: the contract that the engine sees (``nascore.journal.sqlite_journal``), tables
and errors (``nascore.journal.sqlite_schema``).
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from asyncio import Future
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

from nascore.errors import HeldError, InternalError, NascoreError
from nascore.journal.contract import Entry, checked
from nascore.journal.sqlite_schema import connect, translated

ResultT = TypeVar("ResultT")

_NEW_EXPERIMENT = "INSERT INTO experiments VALUES (?, (SELECT coalesce(max(place), 0) + 1 FROM experiments))"


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


class SqliteWriter:
    """Runs jobs in order on a thread of its own; only that thread touches the connection once it is started.

    Attributes:
        transactions: How many transactions were committed for appends, for measuring group commit.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, *, loop: asyncio.AbstractEventLoop) -> None:
        self.transactions = 0
        self.connection = connection
        self._path = path
        self._loop = loop
        self._jobs: SimpleQueue[list[Append] | _Call | None] = SimpleQueue()
        self._last: dict[str, int] = {}  # Seq of the last stored entry.
        self._failed: dict[str, NascoreError] = {}
        self._epoch: int | None = None
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

    async def stop(self) -> None:
        """Finish what waits, close the connection and end the thread."""
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)
        await asyncio.sleep(0)  # Lets the last answers, which the thread sent before it ended, reach their futures.

    # --- on the writer thread -----------------------------------------------------------------------------------

    def take_over(self) -> None:
        """Raise the fencing number: from now on a process that held the file before cannot write."""
        self.transact(lambda: self.connection.execute("UPDATE writer SET epoch = epoch + 1"))
        self._epoch = self._stored_epoch()

    def accept_again(self, experiment: str) -> None:
        """Take appends of an experiment again after a failure: its memory is being rebuilt from what is stored."""
        self._failed.pop(experiment, None)
        self._last.pop(experiment, None)

    def transact(self, work: Callable[[], object]) -> None:
        """Do ``work`` in one transaction; after an error everything is as before.

        Raises:
            HeldError: Another process took the file over.
            NascoreError: What SQLite's error means.
        """
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            self._refuse_if_taken_over()
            work()
            self.connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._undo(error)
            raise translated(error, self._path) from error
        except NascoreError as error:
            self._undo(error)
            raise
        except Exception as error:  # The thread must live on, or nobody would ever be answered again.
            self._undo(error)
            raise InternalError(f"Writing to {self._path} failed: {type(error).__name__}: {error}.") from error

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
        self.connection.close()

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
            self.transact(lambda: self._insert(accepted))
            self.transactions += 1
        except NascoreError as error:
            for append in accepted:
                append.error = self._failed[append.experiment] = error

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
            query = "SELECT coalesce(max(seq), 0) FROM events WHERE experiment = ?"
            try:
                self._last[experiment] = self.connection.execute(query, (experiment,)).fetchone()[0]
            except sqlite3.Error as error:
                raise translated(error, self._path) from error
        return self._last[experiment]

    def _insert(self, appends: list[Append]) -> None:
        for append in appends:
            if append.entries[0].seq == 1:
                self.connection.execute(_NEW_EXPERIMENT, (append.experiment,))
        rows = [
            (append.experiment, entry.seq, entry.kind, entry.payload, entry.time, entry.elapsed_s, entry.checksum)
            for append in appends
            for entry in append.entries
        ]
        self.connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def _undo(self, error: Exception) -> None:
        with suppress(sqlite3.Error):
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_IOERR:
            # After a failed sync, what this connection holds in memory proves nothing: look at the disk again.
            with suppress(NascoreError, OSError, sqlite3.Error):
                fresh = connect(self._path)
                self.connection.close()
                self.connection = fresh

    def _stored_epoch(self) -> int:
        epoch: int = self.connection.execute("SELECT epoch FROM writer").fetchone()[0]
        return epoch

    def _refuse_if_taken_over(self) -> None:
        if self._epoch is not None and (epoch := self._stored_epoch()) != self._epoch:
            raise HeldError(
                f"Database {self._path}: another process took it over (writer {epoch}, this one was {self._epoch}).",
                hint="Stop this server; the other one goes on.",
            )

    def _answer(self, done: Future[ResultT], work: Callable[[], ResultT]) -> None:
        settle: Callable[[], None]
        try:
            result = work()
        except sqlite3.Error as error:
            settle = _failing(done, translated(error, self._path))
        except Exception as error:  # Carried to whoever waits for it: the thread must live on.
            settle = _failing(done, error)
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
