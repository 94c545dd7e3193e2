"""The values that one decision can take: counted, numbered, drawn, and checked.

Candidates that are for search only are no values. Every draw uses nothing but ``random()`` of the generator, whose
stream Python promises to keep, so that a seed gives the same architectures under every version.

Not here: which decisions are active (``plan``).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence

from nascore.space.nodes import Group, Integer, Node, OneOf, Real, Repeat, SomeOf
from nascore.space.selection import Pick, Selection

Random = Callable[[], float]
DomainValue = str | tuple[str, ...] | int | float

LISTED_VALUES = 128
"""Up to so many values of a SomeOf are listed in advance, which makes drawing one as cheap as from a OneOf."""

REAL_STEPS = 20
"""Into so many equal steps (of the logarithm, for log ranges) a real range is cut where it has to be walked."""

_REDRAWS = 64
_EXACT_BITS = 53
# Below this, int(random() * count) is uniform to better than one part in a million.
_DRAWN_BY_PRODUCT = 2**32


class Domain(ABC):
    """What a decision can be.

    Attributes:
        count: Number of values; None where they cannot be counted.
        listed: All values, where they are equally likely and at hand; None otherwise.
    """

    count: int | None
    listed: Sequence[DomainValue] | None = None

    @abstractmethod
    def at(self, index: int) -> DomainValue:
        """The value with a number; 0 is the default."""

    @abstractmethod
    def index_of(self, value: DomainValue) -> int:
        """The number of a value that is one of them."""

    @abstractmethod
    def fault(self, value: object) -> str | None:
        """What is wrong with a value, or None if it is one of them."""

    def draw(self, random: Random) -> DomainValue:
        """A value by chance."""
        assert self.count is not None
        return self.at(below(random, self.count))

    def redraw(self, value: DomainValue, random: Random) -> DomainValue:
        """Another value by chance; there must be one."""
        assert self.count is not None
        index = below(random, self.count - 1)
        return self.at(index + 1 if index >= self.index_of(value) else index)

    def others(self, value: DomainValue) -> Iterator[DomainValue]:
        """Every other value, in order."""
        assert self.count is not None
        skipped, index = self.index_of(value), 0
        while index < self.count:
            if index != skipped:
                yield self.at(index)
            index += 1


def domain_of(node: Node) -> Domain:
    """The values of a node that decides; a Group does not."""
    assert not isinstance(node, Group), "a group decides nothing"
    if isinstance(node, OneOf):
        return Keys(node)
    if isinstance(node, SomeOf):
        return Subsets(node)
    if isinstance(node, Repeat):
        return Steps(range(node.min_count, node.max_count + 1), noun="count")
    if isinstance(node, Integer):
        steps = range(node.low, node.high + 1, node.step)
        return LogSteps(steps) if node.log else Steps(steps, noun="integer")
    return Interval(node)


def below(random: Random, count: int) -> int:
    """An integer from 0 to ``count - 1``, each exactly equally likely."""
    bits = (count - 1).bit_length()
    while True:
        drawn = 0
        for _ in range(0, bits, _EXACT_BITS):
            drawn = drawn << _EXACT_BITS | int(random() * (1 << _EXACT_BITS))
        drawn >>= -bits % _EXACT_BITS
        if drawn < count:
            return drawn


class Keys(Domain):
    """The keys of a OneOf."""

    def __init__(self, node: OneOf) -> None:
        self._search_only = frozenset(candidate.key for candidate in node.candidates if candidate.search_only)
        self.keys = tuple(candidate.key for candidate in node.candidates if not candidate.search_only)
        self.listed = self.keys
        self.count = len(self.keys)
        self._indices = {key: index for index, key in enumerate(self.keys)}

    def at(self, index: int) -> DomainValue:
        """The key of a candidate, search-only ones not counted."""
        return self.keys[index]

    def index_of(self, value: DomainValue) -> int:
        """The place of a key."""
        assert isinstance(value, str)
        return self._indices[value]

    def fault(self, value: object) -> str | None:
        """What is wrong with a key."""
        return _key_fault(value, self._indices, self._search_only)


class Subsets(Domain):
    """The tuples of keys of a SomeOf."""

    def __init__(self, node: SomeOf) -> None:
        self._node = node
        self._search_only = frozenset(candidate.key for candidate in node.candidates if candidate.search_only)
        self._keys = tuple(candidate.key for candidate in node.candidates if not candidate.search_only)
        self._indices = {key: index for index, key in enumerate(self._keys)}
        self._selection = Selection(node, [1] * len(self._keys))
        self.count = self._selection.count
        if self.count <= LISTED_VALUES:
            self.listed = tuple(self.at(index) for index in range(self.count))

    def at(self, index: int) -> DomainValue:
        """The keys of a way of choosing, in the order of `nascore.space.selection`."""
        return tuple(self._keys[place] for place in self._selection.at(index).places)

    def index_of(self, value: DomainValue) -> int:
        """The number of a way of choosing."""
        assert isinstance(value, tuple)
        places = tuple(self._indices[key] for key in value)
        return self._selection.index_of(Pick(places, dict.fromkeys(places, 0)))

    def fault(self, value: object) -> str | None:
        """What is wrong with a tuple of keys."""
        if not isinstance(value, tuple):
            return f"{value!r} is not a tuple of candidate keys"
        faults = (_key_fault(key, self._indices, self._search_only) for key in value)
        return next((fault for fault in faults if fault), None) or self._count_fault(value) or self._order_fault(value)

    def _count_fault(self, keys: tuple[str, ...]) -> str | None:
        low, high = self._node.min_chosen, self._node.max_chosen
        return None if low <= len(keys) <= high else f"{len(keys)} candidates are chosen; choose {low} to {high}"

    def _order_fault(self, keys: tuple[str, ...]) -> str | None:
        if not self._node.with_replacement and len(set(keys)) < len(keys):
            return f"{list(keys)} chooses a candidate twice; choose each at most once"
        in_order = sorted(keys, key=self._indices.__getitem__)
        if not self._node.ordered and list(keys) != in_order:
            return f"{list(keys)} is not in the order of the candidates; write {in_order}"
        return None


class Steps(Domain):
    """Equally likely integers at equal distances."""

    def __init__(self, steps: range, *, noun: str) -> None:
        self._steps = steps
        self._noun = noun
        # len() of a range ends at sys.maxsize, a 64 bit range does not.
        self.count = (steps.stop - 1 - steps.start) // steps.step + 1
        self.listed = steps if self.count <= _DRAWN_BY_PRODUCT else None

    def at(self, index: int) -> DomainValue:
        """The integer so many steps above the lowest."""
        return self._steps.start + index * self._steps.step

    def index_of(self, value: DomainValue) -> int:
        """How many steps an integer is above the lowest."""
        assert isinstance(value, int)
        return (value - self._steps.start) // self._steps.step

    def fault(self, value: object) -> str | None:
        """What is wrong with an integer."""
        if isinstance(value, bool) or not isinstance(value, int):
            return f"{value!r} is not an integer"
        if value in self._steps:
            return None
        step = f" in steps of {self._steps.step}" if self._steps.step > 1 else ""
        return f"the {self._noun} {value} is not one of {self._steps.start} to {self._steps.stop - 1}{step}"


class LogSteps(Steps):
    """Integers of which the small ones are likelier: v is drawn with probability log((v + step) / v), normalised."""

    def __init__(self, steps: range) -> None:
        super().__init__(steps, noun="integer")
        assert self.count is not None
        self.listed = None
        self._last = self.count - 1
        self._log_low = math.log(steps.start)
        self._log_span = math.log(steps.start + self.count * steps.step) - self._log_low

    def draw(self, random: Random) -> DomainValue:
        """An integer by chance, small ones likelier."""
        drawn = math.exp(self._log_low + self._log_span * random())
        index = int((drawn - self._steps.start) / self._steps.step)
        return self.at(min(max(index, 0), self._last))

    def redraw(self, value: DomainValue, random: Random) -> DomainValue:
        """Another integer by chance, small ones likelier."""
        return _redraw(self, value, random)


class Interval(Domain):
    """Real numbers between two bounds."""

    def __init__(self, node: Real) -> None:
        self._low, self._high = float(node.low), float(node.high)
        self._log = node.log
        self.count = 1 if self._low == self._high else None

    def at(self, index: int) -> DomainValue:
        """The point of the grid with a number."""
        return self._between(index / REAL_STEPS)

    def index_of(self, value: DomainValue) -> int:
        """The number of the nearest point of the grid."""
        assert isinstance(value, float)
        return round(self.share(value) * REAL_STEPS)

    def fault(self, value: object) -> str | None:
        """What is wrong with a real number."""
        if not isinstance(value, float):
            return f"{value!r} is not a real number"
        return None if self._low <= value <= self._high else f"{value} is not between {self._low} and {self._high}"

    def draw(self, random: Random) -> DomainValue:
        """A number by chance."""
        return self._between(random())

    def redraw(self, value: DomainValue, random: Random) -> DomainValue:
        """Another number by chance."""
        return _redraw(self, value, random)

    def others(self, value: DomainValue) -> Iterator[DomainValue]:
        """The other points of a grid of `REAL_STEPS` steps, for there is no end of values."""
        points = {self._between(index / REAL_STEPS) for index in range(REAL_STEPS + 1)}
        yield from sorted(points - {float(value)} if isinstance(value, (int, float)) else points)

    def share(self, value: float) -> float:
        """Where a value lies between the bounds, from 0 to 1; by logarithm in a log range."""
        if self.count == 1:
            return 0.0
        if self._log:
            return (math.log(value) - math.log(self._low)) / (math.log(self._high) - math.log(self._low))
        # Halved, so that a span from -1e308 to 1e308 does not overflow.
        return (value / 2 - self._low / 2) / (self._high / 2 - self._low / 2)

    def _between(self, share: float) -> float:
        if self._log:
            low, high = math.log(self._low), math.log(self._high)
            value = math.exp(low + (high - low) * share)
        else:
            value = self._low * (1 - share) + self._high * share
        return min(max(value, self._low), self._high)


def _redraw(domain: Domain, value: DomainValue, random: Random) -> DomainValue:
    """Draws until the value differs; walks to another one if chance will not have it."""
    for _ in range(_REDRAWS):
        drawn = domain.draw(random)
        if drawn != value:
            return drawn
    return next(domain.others(value))


def _key_fault(key: object, known: dict[str, int], search_only: frozenset[str]) -> str | None:
    if isinstance(key, str) and key in known:
        return None
    if isinstance(key, str) and key in search_only:
        return f"the candidate {key!r} is for search only and never part of an architecture"
    shown = ", ".join(map(repr, list(known)[:10])) + (", ..." if len(known) > 10 else "")
    return f"{key!r} is not the key of a candidate; choose one of {shown}"
