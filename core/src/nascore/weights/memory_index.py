"""The index in memory, for who may read a store but can write nothing: a full disk, a folder that is read only.

Made from the files, which takes the longer the more there is, then kept up with the log. Not here: the index on the
disk (``index``), which is used wherever it can be.
"""

from __future__ import annotations

import errno
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from nascore.errors import DataLossError, ExhaustedResourceError, PermissionDeniedError
from nascore.weights.history import History
from nascore.weights.index_schema import connect, create

_TRIES = 4
_POOL = 8
_NOT_WRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS})


def is_of_writing(error: Exception) -> bool:
    """Whether an error says that nothing can be written; whoever only reads can do without."""
    if isinstance(error, ExhaustedResourceError | PermissionDeniedError):
        return True
    return isinstance(error, OSError) and error.errno in _NOT_WRITABLE


class MemoryIndex:
    """What ``history`` says, as an index that is never written. Thread-safe."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._idle: list[sqlite3.Connection] = []
        self._guard = threading.Lock()  # Guards the one above.

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give the index as it is now.

        Raises:
            DataLossError: The log is not what was written.
        """
        connection = self._current()
        try:
            yield connection
        finally:
            self._give(connection)

    def fresh(self) -> sqlite3.Connection:
        """Return one that is made anew, and is the caller's to close."""
        connection = connect(None)
        try:
            create(connection)
            self._history.fill(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def close(self) -> None:
        """Let go of what was made; the next reader makes it again."""
        with self._guard:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _current(self) -> sqlite3.Connection:
        with self._guard:
            connection = self._idle.pop() if self._idle else None
        for _ in range(_TRIES):
            try:
                return self._caught_up(connection)
            except (DataLossError, FileNotFoundError):  # Somebody who can write has just compacted the log.
                connection = None
        return self.fresh()

    def _caught_up(self, connection: sqlite3.Connection | None) -> sqlite3.Connection:
        if connection is None:
            return self.fresh()
        try:
            (log,) = connection.execute("SELECT log FROM meta").fetchone()
            if log:
                self._history.catch_up(connection)
                return connection
        except BaseException:
            connection.close()
            raise
        connection.close()  # There was no log, and where nothing can be written none is begun.
        return self.fresh()

    def _give(self, connection: sqlite3.Connection) -> None:
        with self._guard:
            is_kept = len(self._idle) < _POOL
            if is_kept:
                self._idle.append(connection)
        if not is_kept:
            connection.close()
