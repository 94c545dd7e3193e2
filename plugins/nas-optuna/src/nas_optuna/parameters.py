"""Decisions of a search space as parameters of Optuna, and back.

==============================  =====================================================================================
decision                        parameters
==============================  =====================================================================================
OneOf at ``op``                 ``op``: categorical over the keys of its candidates
Integer, count of a Repeat      ``width``: integer; of a log range with steps the nearest step counts
Real                            ``rate``: float
SomeOf, up to `LISTED` ways     ``inputs``: categorical over all ways, each as a JSON list of keys
SomeOf, more ways               ``inputs[count]``: integer; ``inputs[0]``, ``inputs[1]``, ...: categorical over the keys
==============================  =====================================================================================

Names are paths. Candidates for search only are no choices. What a SomeOf cannot be (a candidate twice, another order)
is read as the nearest that it can.

Not here: when a decision is active (`nas_optuna.table`).
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from nascore.space import Condition, DecisionInfo, Integer, OneOf, Real, Repeat, SomeOf, Value
from nascore.space.domain import Domain, domain_of
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

LISTED = 64
"""Up to so many ways of choosing several are one categorical parameter."""

ParameterValue = str | int | float


@dataclass(frozen=True, slots=True)
class Decision(ABC):
    """A decision and its parameters.

    Attributes:
        path: Its path.
        node: What it decides.
        condition: What must hold for it to be active; ``None`` if it always is.
        distributions: Its parameters, by name.
    """

    path: str
    node: OneOf | SomeOf | Integer | Real | Repeat
    condition: Condition | None
    distributions: Mapping[str, BaseDistribution]

    @abstractmethod
    def read(self, values: Mapping[str, ParameterValue]) -> Value:
        """Return what the values of its parameters decide."""

    @abstractmethod
    def written(self, value: Value, hidden: Mapping[str, ParameterValue]) -> dict[str, ParameterValue]:
        """Return the values of its parameters that decide so.

        Args:
            value: The decision.
            hidden: Values of parameters that have no say in it, where they are known.
        """

    @abstractmethod
    def default(self) -> Value:
        """Return its first value."""


@dataclass(frozen=True, slots=True)
class Single(Decision):
    """A decision that is one parameter; the values of some are written as others that Optuna can hold."""

    domain: Domain

    def read(self, values: Mapping[str, ParameterValue]) -> Value:
        """Return the value, moved to the nearest that there is."""
        value = values[self.path]
        match self.node:
            case Real():
                return min(max(float(value), self.node.low), self.node.high)
            case Integer():
                steps = (int(value) - self.node.low + self.node.step // 2) // self.node.step
                return self.domain.at(min(max(steps, 0), _count(self.domain) - 1))
            case SomeOf():
                return tuple(json.loads(str(value)))
            case OneOf():
                return str(value)
        return int(value)

    def written(self, value: Value, hidden: Mapping[str, ParameterValue]) -> dict[str, ParameterValue]:
        """Return the value by the path."""
        return {self.path: text_of(value) if isinstance(value, tuple) else value}

    def default(self) -> Value:
        """Return its first value."""
        return self.domain.at(0)


@dataclass(frozen=True, slots=True)
class Slots(Decision):
    """A choice of several of which there are too many ways to list: how many, and what stands in each place."""

    node: SomeOf
    keys: tuple[str, ...]

    def read(self, values: Mapping[str, ParameterValue]) -> Value:
        """Return what stands in the places, put right."""
        count = int(values[f"{self.path}[count]"])
        picked = [str(values[f"{self.path}[{place}]"]) for place in range(count)]
        if not self.node.with_replacement:
            picked = list(_distinct(picked, self.keys))
        return tuple(picked if self.node.ordered else sorted(picked, key=self.keys.index))

    def written(self, value: Value, hidden: Mapping[str, ParameterValue]) -> dict[str, ParameterValue]:
        """Return the count and every place; those beyond the count keep their hidden value."""
        assert isinstance(value, tuple)
        places = [f"{self.path}[{place}]" for place in range(self.node.max_chosen)]
        rest = [hidden.get(name, self.keys[0]) for name in places[len(value) :]]
        return {f"{self.path}[count]": len(value), **dict(zip(places, [*value, *rest], strict=True))}

    def default(self) -> Value:
        """Return the first candidates, as few as may be."""
        few = self.node.min_chosen
        return (self.keys[0],) * few if self.node.with_replacement else self.keys[:few]


def decision_of(row: DecisionInfo) -> Decision:
    """Return a row of the decision table with its parameters."""
    node = row.node
    assert isinstance(node, (OneOf, SomeOf, Integer, Real, Repeat)), "a group decides nothing"
    domain = domain_of(node)
    if isinstance(node, SomeOf) and _count(domain) > LISTED:
        keys = choosable(node)
        return Slots(row.path, node, row.condition, dict(_slots(row.path, node, keys)), keys)
    return Single(row.path, node, row.condition, {row.path: _distribution(node, domain)}, domain)


def choosable(node: OneOf | SomeOf) -> tuple[str, ...]:
    """Return the keys of the candidates that may be in an architecture."""
    return tuple(candidate.key for candidate in node.candidates if not candidate.search_only)


def text_of(keys: tuple[str, ...]) -> str:
    """Return a way of choosing several as a choice of Optuna, which must be text."""
    return json.dumps(keys, ensure_ascii=False)


def _distribution(node: OneOf | SomeOf | Integer | Real | Repeat, domain: Domain) -> BaseDistribution:
    match node:
        case OneOf():
            return CategoricalDistribution(choosable(node))
        case SomeOf():
            ways = (domain.at(index) for index in range(_count(domain)))
            return CategoricalDistribution([text_of(way) for way in ways if isinstance(way, tuple)])
        case Integer(log=True):
            # Optuna knows no steps in a log range: values in between are moved to the nearest step when they are read.
            return IntDistribution(node.low, int(_last(domain)), log=True)
        case Integer():
            # The last step, for Optuna warns of a range that ends between two.
            return IntDistribution(node.low, int(_last(domain)), step=node.step)
        case Real():
            return FloatDistribution(node.low, node.high, log=node.log)
    return IntDistribution(node.min_count, node.max_count)


def _slots(path: str, node: SomeOf, keys: tuple[str, ...]) -> Iterator[tuple[str, BaseDistribution]]:
    yield f"{path}[count]", IntDistribution(node.min_chosen, node.max_chosen)
    shared = CategoricalDistribution(keys)
    yield from ((f"{path}[{place}]", shared) for place in range(node.max_chosen))


def _distinct(picked: Iterable[str], keys: tuple[str, ...]) -> Iterator[str]:
    """Yield what was picked, and in place of what was picked before the next candidate that was not."""
    taken: set[str] = set()
    for key in picked:
        index = keys.index(key)
        while keys[index % len(keys)] in taken:
            index += 1
        taken.add(keys[index % len(keys)])
        yield keys[index % len(keys)]


def _last(domain: Domain) -> int:
    last = domain.at(_count(domain) - 1)
    assert isinstance(last, int)
    return last


def _count(domain: Domain) -> int:
    assert domain.count is not None, "only a range of real numbers cannot be counted"
    return domain.count
