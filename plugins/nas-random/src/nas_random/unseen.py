"""Drawing architectures that have not been seen, down to the last one.

While most are unseen, a draw that hits a seen one is repeated. When that gets slow, the unseen ones are numbered and
one of the numbers is drawn: architecture k in the gaps between the seen numbers is found by bisection, without listing
any.
"""

from __future__ import annotations

import bisect
import json
import zlib
from collections.abc import Callable
from random import Random

from nascore.errors import UnsupportedError
from nascore.space import Architecture, SearchSpace

TRIES = 32
"""Draws before the unseen are numbered."""

LAST_TRIES = 10_000
"""Draws where they cannot be numbered (real numbers, or constraints on a large space); then all count as seen."""


class Unseen:
    """The architectures of a space that have not been seen.

    Args:
        space: The space.
    """

    def __init__(self, space: SearchSpace) -> None:
        self._space = space
        self._size = space.size()
        self._seen: set[Architecture] = set()
        self._is_numbered = False
        self._numbers: list[int] = []

    def to_bytes(self) -> bytes:
        """Return all that has been seen, as compressed JSON; which of it came first makes no difference."""
        shapes: dict[tuple[str, ...], int] = {}
        rows = [[shapes.setdefault(tuple(seen), len(shapes)), *seen.values()] for seen in self._seen]
        return zlib.compress(json.dumps([list(shapes), rows], separators=(",", ":")).encode(), 1)

    @classmethod
    def from_bytes(cls, state: bytes, space: SearchSpace) -> Unseen:
        """Return what `to_bytes` wrote."""
        shapes, rows = json.loads(zlib.decompress(state))
        unseen = cls(space)
        for shape, *values in rows:
            decisions = zip(shapes[shape], values, strict=True)
            unseen.see(
                Architecture({path: tuple(value) if isinstance(value, list) else value for path, value in decisions})
            )
        return unseen

    def see(self, architecture: Architecture) -> None:
        """Take an architecture out of the unseen; seeing it twice is harmless."""
        if architecture in self._seen:
            return
        self._seen.add(architecture)
        if self._is_numbered:
            bisect.insort(self._numbers, self._space.index_of(architecture))

    def draw(self, generator: Random, sample: Callable[[Random], Architecture]) -> Architecture | None:
        """Return one that is unseen, or ``None`` if there is none left.

        Args:
            generator: The only source of randomness.
            sample: Draws any architecture.
        """
        if len(self._seen) >= self._size.high:
            return None
        found = self._rejected(generator, sample, TRIES)
        if found is not None:
            return found
        try:
            return self._numbered(generator)
        except UnsupportedError:
            return self._rejected(generator, sample, LAST_TRIES)

    def _rejected(self, generator: Random, sample: Callable[[Random], Architecture], tries: int) -> Architecture | None:
        for _ in range(tries):
            architecture = sample(generator)
            if architecture not in self._seen:
                return architecture
        return None

    def _numbered(self, generator: Random) -> Architecture:
        if not self._is_numbered:
            self._numbers = sorted(map(self._space.index_of, self._seen))
            self._is_numbered = True
        remaining = int(self._size.high) - len(self._numbers)
        # Random.random, whose stream is the same under every version of Python.
        return self._space.at(self._gap(int(generator.random() * remaining)))

    def _gap(self, k: int) -> int:
        """Return the k-th number, from 0, that is not among the seen ones."""
        numbers = self._numbers
        # numbers[i] - i unseen ones lie below numbers[i]; it rises with i.
        below = bisect.bisect_right(range(len(numbers)), k, key=lambda i: numbers[i] - i)
        return k + below
