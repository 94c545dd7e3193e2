"""A space as a row of questions, each answered by a choice among candidates.

Decisions are asked in the order in which the space was written, what depends on a decision right after it. Ranges of
numbers are cut into parts of equal size, on a logarithmic axis where the range is logarithmic, and the number is
drawn uniformly within its part. Not here: how choices are drawn (``laws``).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from random import Random

from nascore.errors import ArchitectureError
from nascore.space import Architecture, Integer, Node, OneOf, Real, Repeat, SearchSpace, SomeOf
from nascore.space.plan import DecisionInfo
from nascore.space.scope import inner_lists

from nas_enas.laws import Choice, Law, One, Sequence, Subset

Value = str | tuple[str, ...] | int | float
MAX_LISTED = 64
"""The longest range of whole numbers of which each is a candidate of its own."""
PARTS = 32
"""Parts of a longer range, or of a range of real numbers."""

MAX_DRAWS = 1000


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to choose.

    Attributes:
        slot: What tells it from all others: the path of its decision, and a word where a decision asks twice.
        law: How scores become a choice.
        vocabulary: Equal for questions of which the candidates mean the same.
    """

    slot: str
    law: Law
    vocabulary: str


Choose = Callable[[Question], Choice]


class Asker(ABC):
    """Asks for the value of one decision."""

    @abstractmethod
    def ask(self, choose: Choose, random: Random) -> Value:
        """Return the value that the choices stand for."""

    @abstractmethod
    def answers(self, value: Value) -> tuple[tuple[Question, Choice], ...]:
        """Return the questions that lead to a value, with their answers."""

    @abstractmethod
    def questions(self) -> tuple[Question, ...]:
        """Return every question that it may ask."""


class Inquiry:
    """All questions about a space.

    Attributes:
        space: The space.
        questions: Every question that may be asked, in order.
    """

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        rows = [row for row in space.decisions if not row.is_search_only]
        order = written_order(space)
        self._rows = sorted(((row, _asker(row)) for row in rows), key=lambda pair: order[pair[0].path])
        self.questions = tuple(question for _, asker in self._rows for question in asker.questions())

    def ask(self, choose: Choose, random: Random) -> dict[str, Value]:
        """Return an architecture's decisions, constraints not regarded."""
        decisions: dict[str, Value] = {}
        for row, asker in self._rows:
            if row.condition is None or row.condition.holds(decisions):
                decisions[row.path] = asker.ask(choose, random)
        return decisions

    def answers(self, architecture: Mapping[str, Value]) -> Iterator[tuple[Question, Choice]]:
        """Return the questions that lead to an architecture, in order, with their answers."""
        for row, asker in self._rows:
            if row.path in architecture:
                yield from asker.answers(architecture[row.path])

    def draw(self, choose: Choose, begin: Callable[[], None], random: Random) -> Architecture | None:
        """Return an architecture that keeps the constraints, or ``None`` if many draws found none.

        Args:
            choose: Answers a question.
            begin: Called before each attempt.
            random: For numbers within a part.
        """
        for _ in range(MAX_DRAWS):
            begin()
            decisions = self.ask(choose, random)
            try:
                return self.space.architecture(decisions)
            except ArchitectureError:  # Of what it drew, only constraints can be violated.
                continue
        return None


def written_order(space: SearchSpace) -> dict[str, tuple[tuple[int, int], ...]]:
    """Return a key for each path that sorts decisions as they were written, each before those that depend on it."""
    labels: dict[str, int] = {}
    _number(space.nodes, labels)
    keys: dict[str, tuple[tuple[int, int], ...]] = {}
    for row in space.decisions:  # A parent's path begins its child's, so it comes first.
        parent = row.condition
        before = () if parent is None else keys[parent.path]
        copy = 0 if parent is None or parent.count_above is None else parent.count_above
        keys[row.path] = (*before, (copy, labels[row.node.label]))
    return keys


def _number(nodes: Iterable[Node], labels: dict[str, int]) -> None:
    for node in nodes:
        labels.setdefault(node.label, len(labels))
        for inner in inner_lists(node):
            _number(inner, labels)


def _asker(row: DecisionInfo) -> Asker:
    node = row.node
    if isinstance(node, OneOf):
        return _Candidates(row.path, tuple(each.key for each in node.candidates if not each.search_only))
    if isinstance(node, SomeOf):
        keys = tuple(each.key for each in node.candidates if not each.search_only)
        if node.ordered or node.with_replacement:
            return _Row(row.path, keys, node)
        return _Set(row.path, keys, node.min_chosen, min(node.max_chosen, len(keys)))
    if isinstance(node, Real):
        return _Range(row.path, _Reals(node), f"{node.low}:{node.high}:{node.log}")
    assert isinstance(node, Integer | Repeat)
    numbers = range(node.low, node.high + 1, node.step) if isinstance(node, Integer) else _counts(node)
    if len(numbers) <= MAX_LISTED:
        return _Listed(row.path, numbers)
    is_log = isinstance(node, Integer) and node.log
    return _Range(row.path, _Integers(numbers, is_log=is_log), f"{numbers}:{is_log}")


def _counts(node: Repeat) -> range:
    return range(node.min_count, node.max_count + 1)


class _Single(Asker):
    """Asks one question."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._questions = (question,)

    def ask(self, choose: Choose, random: Random) -> Value:
        return self._value(choose(self._question), random)

    def answers(self, value: Value) -> tuple[tuple[Question, Choice], ...]:
        return ((self._question, self._choice(value)),)

    def questions(self) -> tuple[Question, ...]:
        return self._questions

    @abstractmethod
    def _value(self, choice: Choice, random: Random) -> Value: ...

    @abstractmethod
    def _choice(self, value: Value) -> Choice: ...


class _Candidates(_Single):
    def __init__(self, path: str, keys: tuple[str, ...]) -> None:
        super().__init__(Question(path, One(len(keys)), f"one:{keys}"))
        self._keys = keys

    def _value(self, choice: Choice, random: Random) -> Value:
        return self._keys[choice[0]]

    def _choice(self, value: Value) -> Choice:
        return (self._keys.index(str(value)),)


class _Set(_Single):
    def __init__(self, path: str, keys: tuple[str, ...], low: int, high: int) -> None:
        super().__init__(Question(path, Subset(len(keys), low, high), f"set:{keys}"))
        self._keys = keys

    def _value(self, choice: Choice, random: Random) -> Value:
        return tuple(self._keys[index] for index in choice)

    def _choice(self, value: Value) -> Choice:
        assert isinstance(value, tuple)
        return tuple(index for index, key in enumerate(self._keys) if key in value)


class _Row(Asker):
    """Several candidates, in an order or with repetition: first how many, then which."""

    def __init__(self, path: str, keys: tuple[str, ...], node: SomeOf) -> None:
        self._keys = keys
        most = node.max_chosen if node.with_replacement else min(node.max_chosen, len(keys))
        self._lengths = range(node.min_chosen, most + 1)
        self._count = Question(f"{path}#count", One(len(self._lengths)), f"count:{self._lengths}")
        self._which = tuple(
            Question(
                f"{path}#{length}",
                Sequence(len(keys), length, node.with_replacement, is_sorted=not node.ordered),
                f"row:{keys}",
            )
            for length in self._lengths
        )

    def ask(self, choose: Choose, random: Random) -> Value:
        place = choose(self._count)[0] if len(self._lengths) > 1 else 0
        if not self._lengths[place]:
            return ()
        return tuple(self._keys[index] for index in choose(self._which[place]))

    def answers(self, value: Value) -> tuple[tuple[Question, Choice], ...]:
        assert isinstance(value, tuple)
        place = self._lengths.index(len(value))
        counted = ((self._count, (place,)),) if len(self._lengths) > 1 else ()
        if not value:
            return counted
        return (*counted, (self._which[place], tuple(self._keys.index(key) for key in value)))

    def questions(self) -> tuple[Question, ...]:
        counted = (self._count,) if len(self._lengths) > 1 else ()
        return (*counted, *(which for which, length in zip(self._which, self._lengths, strict=True) if length))


class _Listed(_Single):
    def __init__(self, path: str, numbers: range) -> None:
        super().__init__(Question(path, One(len(numbers)), f"number:{numbers}"))
        self._numbers = numbers

    def _value(self, choice: Choice, random: Random) -> Value:
        return self._numbers[choice[0]]

    def _choice(self, value: Value) -> Choice:
        assert isinstance(value, int)
        return (self._numbers.index(value),)


class _Parts(ABC):
    """A range of numbers in parts."""

    count: int

    @abstractmethod
    def at(self, part: int, random: Random) -> int | float:
        """Return a number of a part, each equally probable (of a logarithmic range in the logarithm)."""

    @abstractmethod
    def part_of(self, value: float) -> int:
        """Return the part in which a number lies."""


class _Reals(_Parts):
    """Parts of equal width on the axis of the range."""

    def __init__(self, node: Real) -> None:
        self.count = PARTS
        self._node = node
        self._low, self._high = (math.log(node.low), math.log(node.high)) if node.log else (node.low, node.high)

    def at(self, part: int, random: Random) -> float:
        place = self._low + (self._high - self._low) * (part + random.random()) / PARTS
        return min(max(math.exp(place) if self._node.log else place, self._node.low), self._node.high)

    def part_of(self, value: float) -> int:
        if self._high == self._low:
            return 0
        place = math.log(value) if self._node.log else value
        return min(max(int((place - self._low) / (self._high - self._low) * PARTS), 0), PARTS - 1)


class _Integers(_Parts):
    """Rows of neighbouring whole numbers, about equally many, or equally wide in the logarithm."""

    def __init__(self, numbers: range, *, is_log: bool) -> None:
        self._numbers = numbers
        if is_log:
            wide = math.log(numbers[-1] / numbers[0])
            ends = [numbers[0] * math.exp(wide * part / PARTS) for part in range(1, PARTS)]
            cuts = [math.ceil((end - numbers[0]) / numbers.step) for end in ends]
        else:
            cuts = [len(numbers) * part // PARTS for part in range(1, PARTS)]
        self._begins = sorted({0, *(cut for cut in cuts if 0 < cut < len(numbers))})
        self.count = len(self._begins)

    def at(self, part: int, random: Random) -> int:
        begin = self._begins[part]
        end = self._begins[part + 1] if part + 1 < self.count else len(self._numbers)
        return self._numbers[begin + int(random.random() * (end - begin))]

    def part_of(self, value: float) -> int:
        return bisect_right(self._begins, self._numbers.index(int(value))) - 1


class _Range(_Single):
    def __init__(self, path: str, parts: _Parts, name: str) -> None:
        super().__init__(Question(path, One(parts.count), f"range:{name}"))
        self._parts = parts

    def _value(self, choice: Choice, random: Random) -> Value:
        return self._parts.at(choice[0], random)

    def _choice(self, value: Value) -> Choice:
        assert isinstance(value, int | float)
        return (self._parts.part_of(value),)
