"""The index as the store uses it: readers at any time, one writer at a time over all processes.

A writer holds ``lock`` (which dies with its process), first does what the log says beyond the index, then makes its
changes, appends them to the log and commits. Not here: what changes do (``index_changes``).
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from nascore.errors import NascoreError, StateError
from nascore.failpoints import failpoint
from nascore.sqlite import BROKEN
from nascore.weights import index_changes
from nascore.weights.durable import named_if_failed
from nascore.weights.history import History
from nascore.weights.index_schema import SCHEMA_VERSION, connect, connect_made, create, drop, understood, version
from nascore.weights.layout import Layout
from nascore.weights.lock import Lock
from nascore.weights.manifest import Manifest
from nascore.weights.memory_index import MemoryIndex, is_of_writing
from nascore.weights.record_log import Record

_LOG = logging.getLogger(__name__)
_POOL = 8

AnswerT = TypeVar("AnswerT")


class Change:
    """A transaction: the index as it is now, and what shall be done to it.

    Attributes:
        connection: The index, in a transaction.
    """

    def __init__(self, connection: sqlite3.Connection, history: History) -> None:
        self.connection = connection
        self._history = history
        self._offset, self.seq = connection.execute("SELECT log_offset, seq FROM meta").fetchone()
        self._records: list[Record] = []
        self._moved: list[str] = []

    def move(self, file: str, target: str) -> None:
        """Rename a file into place; it goes if the transaction does not come to its end.

        Raises:
            ExhaustedResourceError: The disk is full or failed.
        """
        is_new = not os.path.exists(target)  # noqa: PTH110 - a commit has hundreds of files
        with named_if_failed(target):
            os.replace(file, target)  # noqa: PTH105
        if is_new:
            self._moved.append(target)

    def do(self, record: Record, manifest: Manifest | None = None) -> None:
        """Apply a record; it is logged when the transaction ends."""
        self.seq += 1
        numbered = replace(record, seq=self.seq)
        index_changes.apply(self.connection, numbered, manifest)
        self._records.append(numbered)

    def commit(self) -> None:
        """Make it durable: in the log, then in the index."""
        offset = self._offset
        for record in self._records:
            offset = self._history.append(record, offset)
        self.connection.execute("UPDATE meta SET log_offset = ?, seq = ?", (offset, self.seq))
        failpoint("weights.before_index")
        self.connection.execute("COMMIT")
        failpoint("weights.after_index")

    def undo(self) -> None:
        """Leave everything as it was."""
        with suppress(sqlite3.Error):
            self.connection.execute("ROLLBACK")
        for target in self._moved:
            Path(target).unlink(missing_ok=True)
        if self._records:
            self._history.take_back(self._offset)


class Index:
    """The index of the store in ``layout``, a cache of ``history``; thread-safe, and survives a fork."""

    def __init__(self, layout: Layout, history: History) -> None:
        self._layout = layout
        self._history = history
        self._idle: list[sqlite3.Connection] = []
        self._inode = 0
        self._pid = os.getpid()
        self._guard = threading.Lock()  # Guards the three above.
        self._lock = Lock(layout.lock)
        self._memory = MemoryIndex(history)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give the index as it is at one moment; empty if there is no folder yet.

        Where it cannot be opened because nothing can be written, it is made in memory.
        """
        found = self._taken()
        if found is None:
            with self._memory.reading() as connection:
                yield connection
            return
        with understood(self._layout.index), self._lent(found) as connection:
            connection.execute("BEGIN")
            yield connection
            connection.execute("COMMIT")

    @contextmanager
    def writing(self) -> Iterator[Change]:
        """Give a transaction, which is committed at the end, or undone if an error is raised.

        Raises:
            UnavailableError: Another process writes, and did not end.
            ExhaustedResourceError: The disk is full or failed; nothing was done.
        """
        with self.held(), understood(self._layout.index), self._lent(self._take(is_held=True)) as connection:
            yield from self._changed(connection)

    def transact(self, work: Callable[[Change], AnswerT]) -> AnswerT:
        """Return what ``work`` makes of a transaction, which is committed if it raises nothing; see `writing`."""
        with self.writing() as change:
            return work(change)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the store's lock."""
        with self._lock.held():
            yield

    def rebuild(self) -> None:
        """Make the index anew from the files, in another file if this one is no database any more."""
        with self.held(), understood(self._layout.index):
            self.close()
            try:
                self._make(connect(self._layout.index)).close()
            except BROKEN:
                for suffix in ("", "-wal", "-shm"):
                    self._layout.index.with_name(f"{self._layout.index.name}{suffix}").unlink(missing_ok=True)
                self._make(connect(self._layout.index)).close()

    def fresh(self) -> sqlite3.Connection:
        """Return what the index should be, made in memory from the files."""
        return self._memory.fresh()

    def close(self) -> None:
        """Close what is open; the next call opens it again."""
        with self._guard:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
        self._memory.close()

    def _changed(self, connection: sqlite3.Connection) -> Iterator[Change]:
        connection.execute("BEGIN IMMEDIATE")
        if self._history.catch_up(connection):
            connection.execute("COMMIT")
            connection.execute("BEGIN IMMEDIATE")
        change = Change(connection, self._history)
        try:
            yield change
            change.commit()
            self._memory.close()  # It is the disk that is asked from now on.
        except BaseException:
            change.undo()
            raise

    @contextmanager
    def _lent(self, connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
        """Give a connection, and keep it unless SQLite failed: what it remembers then proves nothing."""
        try:
            yield connection
        except BROKEN:
            connection.close()
            raise
        except BaseException:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            self._give(connection)
            raise
        self._give(connection)

    def _taken(self) -> sqlite3.Connection | None:
        """Return a connection; ``None`` if none can be opened because nothing can be written."""
        try:
            with understood(self._layout.index):
                return self._take()
        except (NascoreError, OSError) as error:
            if not is_of_writing(error):
                raise
            _LOG.info("Reading without the index on the disk: %s", error)
            return None

    def _take(self, *, is_held: bool = False) -> sqlite3.Connection:
        if not os.path.exists(self._layout.folder):  # noqa: PTH110 - done for each blob
            connection = connect(None)
            create(connection)
            return connection
        stale: list[sqlite3.Connection] = []
        with self._guard:
            if (found := self._found()) != (self._pid, self._inode):
                stale, self._idle = self._idle, []
                if self._pid != found[0]:
                    _INHERITED.extend(stale)  # Closing them here would close the parent's.
                    stale = []
                self._pid, self._inode = found
            connection_or_none = self._idle.pop() if self._idle else None
        for connection in stale:
            connection.close()
        return connection_or_none or self._opened(is_held=is_held)

    def _give(self, connection: sqlite3.Connection) -> None:
        with self._guard:
            is_kept = self._inode > 0 and len(self._idle) < _POOL and self._found() == (self._pid, self._inode)
            if is_kept:
                self._idle.append(connection)
        if not is_kept:
            connection.close()

    def _found(self) -> tuple[int, int]:
        try:
            return os.getpid(), self._layout.index.stat().st_ino
        except FileNotFoundError:
            return os.getpid(), 0

    def _opened(self, *, is_held: bool) -> sqlite3.Connection:
        if not is_held:
            found = connect_made(self._layout.index)
            if found is not None and _is_made(found, self._layout):
                return found
            if found is not None:
                found.close()
            with self.held():
                return self._opened(is_held=True)
        connection = connect(self._layout.index)
        return connection if _is_made(connection, self._layout) else self._make(connection)

    def _make(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
            drop(connection)
            create(connection)
            self._history.fill(connection)
            connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
        with self._guard:
            self._pid, self._inode = self._found()
        return connection


_INHERITED: list[sqlite3.Connection] = []


def _is_made(connection: sqlite3.Connection, layout: Layout) -> bool:
    found = version(connection)
    if found > SCHEMA_VERSION:
        connection.close()
        raise StateError(
            f"{layout.index} was written by a newer nascore (schema {found}; this one knows {SCHEMA_VERSION}).",
            hint="Upgrade nascore to open it.",
        )
    return found == SCHEMA_VERSION
