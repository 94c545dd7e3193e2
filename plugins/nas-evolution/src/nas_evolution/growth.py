"""How an architecture can grow, so that its network can go on with the weights of the smaller one.

Elsken, Metzen and Hutter, "Simple and efficient architecture search for convolutional neural networks",
arXiv:1711.04528: widen (a larger integer, a larger one of integer candidates; kernels as well), deepen (one more copy
of a repeat, or a layer where a skip was), add a branch (one more copy of a repeat, or a path where none was). What was
there keeps its values. Not here: weights, which the trial grows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from random import Random

from nascore.errors import ArchitectureError
from nascore.space import Architecture, DecisionInfo, Integer, OneOf, Repeat, SearchSpace, Value

_Values = Sequence[str] | Sequence[int]


@dataclass(frozen=True, slots=True)
class Rule:
    """What may grow.

    Attributes:
        grows: Patterns of labels or paths of decisions, with ``*`` and ``?``.
        layers: Keys of candidates that may take the place of a skip.
        skips: Keys of candidates that pass on what they are given.
        branches: Keys of candidates that may take the place of nothing.
        zeros: Keys of candidates that give zeros, so that they add nothing to a sum.
    """

    grows: tuple[str, ...] = ("*",)
    layers: tuple[str, ...] = ()
    skips: tuple[str, ...] = ()
    branches: tuple[str, ...] = ()
    zeros: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Axis:
    """A decision that grows.

    Attributes:
        path: Where it stands.
        least: The smallest network's value.
        larger: Returns the values to which one may grow, the nearest first; none for the largest.
    """

    path: str
    least: str | int
    larger: Callable[[Value], _Values]


class Growth:
    """How the architectures of a space grow.

    Args:
        space: The space.
        rule: What of it may grow.
    """

    def __init__(self, space: SearchSpace, rule: Rule) -> None:
        self._space = space
        self._rows = tuple(row for row in space.decisions if not row.is_search_only)
        found = (_axis(row, rule) for row in self._rows if _is_chosen(row, rule))
        self.axes = tuple(axis for axis in found if axis is not None)
        self._least = {axis.path: axis.least for axis in self.axes}
        self._copied = {row.path for row in self._rows if isinstance(row.node, Repeat) and not row.node.tied}

    def smallest(self, architecture: Architecture) -> Architecture:
        """Return an architecture with all that grows at its least; itself where constraints forbid that."""
        kept: dict[str, Value] = {}
        for row in self._rows:
            if row.path in architecture and (row.condition is None or row.condition.holds(kept)):
                kept[row.path] = self._least.get(row.path, architecture[row.path])
        return self._completed(kept) or architecture

    def grown(self, architecture: Architecture, generator: Random) -> tuple[str, Architecture] | None:
        """Return the path that grew and the larger architecture; ``None`` where nothing can grow."""
        open_ = [axis for axis in self.axes if axis.path in architecture]
        while open_:
            axis = open_.pop(int(generator.random() * len(open_)))
            values = axis.larger(architecture[axis.path])
            if not values:
                continue
            drawn = values[int(generator.random() * len(values))]
            # Constraints may allow a short step where they forbid a long one.
            for value in dict.fromkeys((drawn, values[0])):
                if (child := self._completed(self._changed(architecture, axis.path, value))) is not None:
                    return axis.path, child
        return None

    def _changed(self, architecture: Architecture, path: str, value: Value) -> dict[str, Value]:
        """Return the decisions with one changed; one more copy of a repeat is like the copy before it."""
        decisions: dict[str, Value] = {**architecture, path: value}
        before = architecture[path]
        if path in self._copied and isinstance(before, int) and before > 0:
            last, new = f"{path}[{before - 1}]", f"{path}[{before}]"
            same = {f"{last}/": f"{new}/", f"{last}[": f"{new}["}
            decisions |= dict(_renamed(architecture, same))
        return decisions

    def _completed(self, decisions: Mapping[str, Value]) -> Architecture | None:
        """Return the architecture with what is not decided at its default; ``None`` if constraints forbid it."""
        try:
            return self._space.architecture(decisions, with_defaults=True)
        except ArchitectureError:
            return None


def _renamed(architecture: Architecture, prefixes: Mapping[str, str]) -> Iterator[tuple[str, Value]]:
    for path, value in architecture.items():
        for old, new in prefixes.items():
            if path.startswith(old):
                yield new + path[len(old) :], value


def _is_chosen(row: DecisionInfo, rule: Rule) -> bool:
    # Brackets are those of a path, as in stage[1].
    patterns = [pattern.replace("[", "[[]") for pattern in rule.grows]
    return any(fnmatchcase(text, pattern) for pattern in patterns for text in (row.path, row.node.label))


def _axis(row: DecisionInfo, rule: Rule) -> Axis | None:
    """Return how a decision grows; ``None`` if it does not."""
    match row.node:
        case Repeat(min_count=low, max_count=high) if low < high:
            return Axis(row.path, low, lambda value: [_number(value) + 1] if _number(value) < high else [])
        case Integer(low=low, high=high, step=step) if low > 0 and low + step <= high:
            return Axis(row.path, low, lambda value: _steps(_number(value), high, step))
        case OneOf() as node:
            return _sizes(row.path, node) or _places(row.path, node, rule)
    return None


def _steps(value: int, high: int, step: int) -> range:
    """Return the larger integers, up to twice as large."""
    return range(value + step, min(high, max(2 * value, value + step)) + 1, step)


def _sizes(path: str, node: OneOf) -> Axis | None:
    """Return how a choice of sizes grows, whatever their order: to the next, or to what is up to twice as large."""
    sizes = {each.key: each.value for each in node.candidates if not each.search_only}
    if len(sizes) < 2 or any(type(size) is not int or size <= 0 for size in sizes.values()):
        return None
    ordered = sorted(sizes, key=lambda key: _number(sizes[key]))

    def larger(value: Value) -> list[str]:
        size = _number(sizes[str(value)])
        above = [key for key in ordered if _number(sizes[key]) > size]
        return [key for key in above if _number(sizes[key]) <= 2 * size] or above[:1]

    return Axis(path, ordered[0], larger)


def _places(path: str, node: OneOf, rule: Rule) -> Axis | None:
    """Return how a choice grows that may skip or add nothing: to what can begin as the same."""
    keys = [each.key for each in node.candidates if not each.search_only]
    grown: dict[Value, list[str]] = {}
    for empty, full in ((rule.skips, rule.layers), (rule.zeros, rule.branches)):
        if offered := [key for key in keys if key in full]:
            grown |= {key: offered for key in keys if key in empty}
    return Axis(path, str(next(iter(grown))), lambda value: grown.get(value, [])) if grown else None


def _number(value: object) -> int:
    assert isinstance(value, int)
    return value
