"""What is read of a log without holding it, the same from every database.

Not here: what the entries mean (``nascore.experiment.archive``).
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from nascore.journal.contract import Entry


class LogReader(ABC):
    """A log as it was at one moment; nothing is written and nothing locked."""

    @abstractmethod
    def experiments(self) -> tuple[str, ...]:
        """Return the ids of all experiments, oldest first."""

    @abstractmethod
    def entries(self, experiment: str) -> list[Entry]:
        """Return an experiment's entries.

        Raises:
            DataLossError: One is missing, or is not what was written.
        """

    @abstractmethod
    def first(self, experiment: str) -> Entry | None:
        """Return an experiment's first entry, which says how it began; ``None`` if it has none.

        Raises:
            DataLossError: It is not what was written.
        """

    @abstractmethod
    def last(self, experiment: str) -> Entry | None:
        """Return an experiment's last entry; ``None`` if it has none.

        Raises:
            DataLossError: It is not what was written.
        """
