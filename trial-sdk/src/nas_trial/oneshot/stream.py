"""An endless stream of the batches of one split, epoch after epoch, which goes on exactly where it was left.

Its random numbers (orders, transforms) are its own, so they depend on nothing that is trained meanwhile.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from nascore.errors import InvalidInputError

from nas_trial.oneshot.randomness import OwnGenerators
from nas_trial.oneshot.source import Source


class Stream:
    """Batches of a source without end.

    Args:
        source: The split.
        seed: Seed of its random numbers.
        name: What tells its random numbers from those of other streams with this seed.
    """

    def __init__(self, source: Source, *, seed: int, name: str) -> None:
        self._source = source
        self._seed = seed
        self._name = name
        self._epoch = 0
        self._index = 0  # Of the next batch within the epoch.
        self._batches: Iterator[object] | None = None
        self._generators = OwnGenerators(0)
        self._ahead: list[object] = []  # The next batch, once it was looked at,
        self._after_ahead = (0, 0)  # and the position after it.

    @property
    def position(self) -> tuple[int, int]:
        """Epoch and index of the next batch."""
        return self._epoch, self._index

    def take(self, count: int) -> list[object]:
        """Return the next batches."""
        return [self._taken() for _ in range(count)]

    def peek(self) -> object:
        """Return the next batch, which stays the next."""
        if not self._ahead:
            position = self.position
            self._ahead.append(self._drawn())
            self._after_ahead, (self._epoch, self._index) = self.position, position
        return self._ahead[0]

    def go_to(self, position: tuple[int, int]) -> None:
        """Go on from a position; within an epoch, the batches before are made once more."""
        self._epoch, index = position
        self._index = 0
        self._batches, self._ahead = None, []
        for _ in range(index):
            self._drawn()
        self._epoch, self._index = position

    def _taken(self) -> object:
        if not self._ahead:
            return self._drawn()
        self._epoch, self._index = self._after_ahead
        return self._ahead.pop()

    def _drawn(self) -> object:
        for _ in range(2):
            if self._batches is None:
                self._begin_epoch()
            assert self._batches is not None
            try:
                batch = self._next(self._batches)
            except StopIteration:
                self._epoch, self._index, self._batches = self._epoch + 1, 0, None
            else:
                self._index += 1
                return batch
        raise InvalidInputError(
            f"The {self._name} batches of epoch {self._epoch} are none.",
            hint="Return a fresh iterable each time, not a generator made once.",
        )

    def _begin_epoch(self) -> None:
        content = f"nascore.stream {self._seed} {self._name} {self._epoch}".encode()
        self._generators = OwnGenerators(int.from_bytes(hashlib.sha256(content).digest()[:8], "big"))
        with self._generators.used():
            self._batches = self._source.epoch()

    def _next(self, batches: Iterator[object]) -> object:
        if not self._source.draws:
            return next(batches)
        with self._generators.used():
            return next(batches)
