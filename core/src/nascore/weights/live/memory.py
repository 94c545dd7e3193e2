"""How much memory live tables may take: all together, and those of one experiment. Thread-safe."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from nascore.errors import ExhaustedResourceError


def half_of_memory() -> int:
    """Return half the bytes of this machine's memory: a fitting limit where nobody says another."""
    return int(psutil.virtual_memory().total) // 2


class Memory:
    """A count of bytes that are taken.

    Args:
        limit: For all experiments together.
        experiment_limit: For each; ``None``: only the limit for all counts.
    """

    def __init__(self, limit: int, *, experiment_limit: int | None = None) -> None:
        self._limit = limit
        self._experiment_limit = limit if experiment_limit is None else experiment_limit
        self._taken: Counter[str] = Counter()
        self._lock = threading.Lock()

    def take(self, experiment: str, size: int, *, what: str) -> None:
        """Count ``size`` bytes more.

        Raises:
            ExhaustedResourceError: There would be too many; nothing is counted.
        """
        with self._lock:
            left = self._left(experiment)
            if size > left:
                raise ExhaustedResourceError(
                    f"{what}: {size:,} bytes are needed, and {max(0, left):,} are left for live tables.",
                    hint="Drop tables that nobody uses, let fewer workers push at a time, or raise the limit.",
                )
            self._taken[experiment] += size

    def give(self, experiment: str, size: int) -> None:
        """Count ``size`` bytes less."""
        with self._lock:
            self._taken[experiment] -= size
            if not self._taken[experiment]:
                del self._taken[experiment]

    @contextmanager
    def held(self, experiment: str, size: int, *, what: str) -> Iterator[None]:
        """Count ``size`` bytes more within a block.

        Raises:
            ExhaustedResourceError: As for `take`.
        """
        self.take(experiment, size, what=what)
        try:
            yield
        finally:
            self.give(experiment, size)

    def taken(self, experiment: str = "") -> int:
        """Return the bytes that an experiment has taken; of all by default."""
        with self._lock:
            return self._taken[experiment] if experiment else self._taken.total()

    def _left(self, experiment: str) -> int:
        return min(self._limit - self._taken.total(), self._experiment_limit - self._taken[experiment])
