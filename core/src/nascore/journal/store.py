"""The contract of a database that holds the log: what the writer's thread does with it, one call after the other.

A store blocks and is used by one thread alone. What all of them share stands here: how a write is fenced, where tests
may let it fail, and what is done afterwards. Not here: the order of writing and who waits for it
(``nascore.journal.writer``), and single databases (``sqlite_store``, ``postgres_store``).
"""

from __future__ import annotations

import errno
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence

from nascore.errors import (
    ExhaustedResourceError,
    HeldError,
    InternalError,
    NascoreError,
    PermissionDeniedError,
    UnavailableError,
)
from nascore.failpoints import failpoint
from nascore.journal.contract import Entry, TunerSnapshot

KEPT_SNAPSHOTS = 2
FULL = "Nothing was acknowledged that is not stored; make room, and it goes on by itself."

_FULL_ERRORS = frozenset({errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EFBIG, errno.ENOMEM})
_FORBIDDEN_ERRORS = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


class Store(ABC):
    """A database that is open for writing.

    Attributes:
        name: The database as people call it, without a password.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._epoch: int | None = None

    @abstractmethod
    def take_over(self) -> None:
        """Raise the fencing number: from now on a process that held the database before cannot write."""

    @abstractmethod
    def last_seq(self, experiment: str) -> int:
        """Return the seq of an experiment's last entry; 0 if there is none."""

    @abstractmethod
    def write(self, appends: Sequence[tuple[str, Sequence[Entry]]]) -> None:
        """Store entries of experiments in one transaction."""

    @abstractmethod
    def entries(self, experiment: str, *, after_seq: int, count: int | None) -> list[Entry]:
        """Return up to ``count`` of an experiment's entries after a position.

        Raises:
            DataLossError: One is missing, or is not what was written.
        """

    @abstractmethod
    def experiments(self) -> tuple[str, ...]:
        """Return the ids of all experiments, oldest first."""

    @abstractmethod
    def delete(self, experiment: str, *, request_id: str) -> None:
        """Remove an experiment, and remember which request did it."""

    @abstractmethod
    def deletions(self) -> Mapping[str, str]:
        """Return which request deleted which experiment."""

    @abstractmethod
    def save_snapshot(self, experiment: str, snapshot: TunerSnapshot) -> None:
        """Store a tuner's state, and forget all but the newest two."""

    @abstractmethod
    def snapshots(self, experiment: str) -> tuple[TunerSnapshot, ...]:
        """Return stored states, newest first, without damaged ones."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the database."""

    @abstractmethod
    def _begin(self) -> int:
        """Begin a transaction and return the fencing number, which nobody can raise before it ends."""

    @abstractmethod
    def _commit(self) -> None:
        """Make the transaction durable."""

    @abstractmethod
    def _undo(self, error: Exception) -> None:
        """Leave nothing of a transaction that failed, nor a connection that proves nothing any more; never raises."""

    @abstractmethod
    def _translated(self, error: Exception) -> NascoreError | None:
        """Return what an error of the database means; ``None`` if it is none of its own."""

    def transact(self, work: Callable[[], object], *, step: str = "commit") -> None:
        """Do ``work`` in one transaction, fenced; after an error everything is as before, or is found out by reading.

        Args:
            work: What is written.
            step: Name of the failpoints before and after the commit.

        Raises:
            HeldError: Another process took the database over.
            NascoreError: What the database's error means.
        """
        try:
            refuse_if_taken_over(self._begin(), own=self._epoch, name=self.name)
            work()
            failpoint(f"journal.before_{step}")
            self._commit()
            failpoint(f"journal.after_{step}")
        except Exception as error:  # The writer's thread must live on, or nobody would ever be answered again.
            self._undo(error)
            if isinstance(error, NascoreError):
                raise
            raise self.understood(error) from error

    def understood(self, error: Exception) -> NascoreError:
        """Return our error for any other."""
        if isinstance(error, NascoreError):
            return error
        own = self._translated(error)
        if own is not None:
            return own
        if isinstance(error, OSError):
            return self._of_system(error)
        return InternalError(f"Database {self.name}: work on it failed: {type(error).__name__}: {error}.")

    def _of_system(self, error: OSError) -> NascoreError:
        text = f"Database {self.name}: {error.strerror or error}."
        if error.errno in _FULL_ERRORS:
            return ExhaustedResourceError(text, hint=FULL)
        if error.errno in _FORBIDDEN_ERRORS:
            return PermissionDeniedError(text, hint="Give this user the right to write there.")
        return UnavailableError(text, hint="Try again.")


def refuse_if_taken_over(epoch: int, *, own: int | None, name: str) -> None:
    """Make sure that no other process has taken a database over.

    Args:
        epoch: The fencing number that is stored.
        own: Ours; ``None`` before we took it over.
        name: The database.

    Raises:
        HeldError: One has.
    """
    if own is not None and epoch != own:
        raise HeldError(
            f"Database {name}: another process took it over (writer {epoch}, this one was {own}).",
            hint="Stop this server; the other one goes on.",
        )
