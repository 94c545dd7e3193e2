"""What is read of a log without holding it, the same from every database.

Not here: what the entries mean (``nascore.experiment.archive``).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

from nascore.journal.contract import ENTRIES_A_READ, Entry
from nascore.journal.rows import EventRow, entry_of


class LogReader(ABC):
    """A log as it was at one moment; nothing is written and nothing locked."""

    @abstractmethod
    def experiments(self) -> tuple[str, ...]:
        """Return the ids of all experiments, oldest first."""

    def entries(self, experiment: str) -> Iterator[Entry]:
        """Yield an experiment's entries, few of which are held at a time.

        Raises:
            DataLossError: One is missing, or is not what was written.
        """
        seq = 0
        while True:
            part = self._entries(experiment, after_seq=seq, count=ENTRIES_A_READ)
            yield from part
            seq += len(part)
            if len(part) < ENTRIES_A_READ:
                return

    def first(self, experiment: str) -> Entry | None:
        """Return an experiment's first entry, which says how it began; ``None`` if it has none.

        Raises:
            DataLossError: It is not what was written.
        """
        return self._entry(experiment, is_last=False)

    def last(self, experiment: str) -> Entry | None:
        """Return an experiment's last entry; ``None`` if it has none.

        Raises:
            DataLossError: It is not what was written.
        """
        return self._entry(experiment, is_last=True)

    @abstractmethod
    def _entries(self, experiment: str, *, after_seq: int, count: int) -> list[Entry]:
        """Return up to ``count`` entries after a position, as `Store.entries`."""

    @abstractmethod
    def _row(self, experiment: str, *, is_last: bool) -> EventRow | None:
        """Return the row of an experiment's first or last entry, whatever it holds."""

    def _entry(self, experiment: str, *, is_last: bool) -> Entry | None:
        row = self._row(experiment, is_last=is_last)
        return None if row is None else entry_of(row, experiment=experiment)
