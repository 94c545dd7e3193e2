"""The contract of the log: what the engine needs of a database, and nothing more.

A journal holds one totally ordered sequence of entries for each experiment, and snapshots of tuners as a cache. The
engine knows only this class, so that another database (PostgreSQL) is another subclass. Not here: what entries mean
(``nascore.experiment.events``), and SQLite (``nascore.journal.sqlite_journal``).
"""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from asyncio import Future
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nascore.errors import DataLossError

ENTRIES_A_READ = 4_096
"""A log is read in parts of so many, so that a long one is never held twice: as entries and as what they mean."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One event of an experiment as it is stored.

    Attributes:
        seq: Place in the experiment's log, from 1, without gaps.
        kind: Name of the event.
        payload: The event as JSON text.
        time: Unix time in seconds, for people; nothing is decided by it.
        elapsed_s: Running time of the experiment up to the event, pauses and downtime not counted.
    """

    seq: int
    kind: str
    payload: str
    time: float
    elapsed_s: float

    @property
    def checksum(self) -> int:
        """CRC-32 of kind and payload: finds bytes that a disk changed."""
        return zlib.crc32(self.payload.encode(), zlib.crc32(self.kind.encode()))


@dataclass(frozen=True, slots=True)
class TunerSnapshot:
    """State of a tuner and what it covers: a cache of the log, never the truth.

    Attributes:
        asked: Number of the tuner's own proposals that it contains.
        told_through: Seq of the last outcome that it contains.
        state: Opaque bytes.
    """

    asked: int
    told_through: int
    state: bytes


class Journal(ABC):
    """A durable, totally ordered log for each of several experiments.

    All methods are called from one event loop. Work is done in the order of the calls. If a commit fails, every
    append to the experiments in it fails with the same error until `read` is called: what was applied in memory is
    then rebuilt from what is stored.
    """

    @abstractmethod
    def append(self, experiment: str, entries: Sequence[Entry]) -> Future[None]:
        """Store entries that follow the last one; the result comes once they survive a power cut.

        Appends that wait at the same time share one transaction, each wholly stored or wholly not.

        Raises (in the future):
            ExhaustedResourceError: The disk is full or failed; nothing of this append is acknowledged.
            DataLossError: The database is damaged, or the entries do not follow the last one stored.
            HeldError: Another process has taken the database over.
        """

    @abstractmethod
    async def read(self, experiment: str, *, after_seq: int = 0, count: int | None = None) -> list[Entry]:
        """Return up to ``count`` stored entries after a position, in order, and accept appends again after a failure.

        Raises:
            DataLossError: An entry is damaged or missing; its seq is named.
        """

    @abstractmethod
    async def experiments(self) -> tuple[str, ...]:
        """Return the ids of all experiments that have entries, oldest first."""

    @abstractmethod
    async def delete(self, experiment: str, *, request_id: str) -> None:
        """Remove an experiment's entries and snapshots for good, and remember which request did it."""

    @abstractmethod
    async def deletions(self) -> Mapping[str, str]:
        """Return which request (by its id) deleted which experiment."""

    @abstractmethod
    async def save_snapshot(self, experiment: str, snapshot: TunerSnapshot) -> None:
        """Store a tuner's state; the newest two of an experiment are kept."""

    @abstractmethod
    async def snapshots(self, experiment: str) -> tuple[TunerSnapshot, ...]:
        """Return stored states, newest first, those with a wrong checksum left out."""

    @abstractmethod
    async def close(self) -> None:
        """Finish what was appended, and let go of the database."""


def checked(entries: Sequence[Entry], *, experiment: str, after_seq: int = 0) -> None:
    """Make sure that entries follow each other without gaps from ``after_seq``.

    Raises:
        DataLossError: One is missing.
    """
    for expected, entry in enumerate(entries, after_seq + 1):
        if entry.seq != expected:
            raise DataLossError(
                f"Log of experiment {experiment}: entry {expected} is missing (entry {entry.seq} comes next).",
                hint="Restore the database from a copy; nothing was changed.",
            )
