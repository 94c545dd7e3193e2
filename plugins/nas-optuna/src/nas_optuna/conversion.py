"""Search spaces from what Optuna has: distributions by name, or a function that suggests.

A function is run with a probe in place of a trial, once for every choice: what it suggests only while a parameter has
one value is a decision beneath that value. What it suggests for several values of one parameter, but not for all, is
one decision that is always made, as shared labels are. What needs two choices at once, neither beneath the other, is
not found; a trial that suggests it later is told so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from nascore.errors import SpaceError
from nascore.space import Candidate, Integer, Node, OneOf, Real, SearchSpace
from optuna.distributions import (
    BaseDistribution,
    CategoricalChoiceType,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from nas_optuna.translation import choices_of, key_of

MAX_RUNS = 2000
MAX_BRANCHES = 16
"""Integers with up to so many values are tried for what depends on them."""

Distributions = Mapping[str, BaseDistribution]
Choices = dict[str, CategoricalChoiceType]


def space_of(source: Distributions | Callable[[Any], object]) -> SearchSpace:
    """Return the space of distributions by name, or of a function that takes a trial and suggests.

    Args:
        source: The function may do anything else as well, but it is run often: give it the suggestions only. It can
            use ``suggest_categorical``, ``suggest_int`` and ``suggest_float``.

    Raises:
        SpaceError: A distribution has no counterpart, or the function has too many branches.
    """
    if not callable(source):
        return SearchSpace(tuple(_node(name, each, {}) for name, each in source.items()))
    return SearchSpace(_Explorer(source).nodes({}, known=frozenset()))


class Probe:
    """A trial in name only: answers with what it was given, else with the first value, and remembers all it was asked.

    Args:
        choices: Values by name.
    """

    def __init__(self, choices: Choices) -> None:
        self._choices = choices
        self.met: dict[str, BaseDistribution] = {}

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        """Return one of the choices."""
        return self._answer(name, CategoricalDistribution(choices))

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> Any:
        """Return the lowest integer, or the one that was given."""
        return self._answer(name, IntDistribution(low, high, log=log, step=step))

    def suggest_float(self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False) -> Any:
        """Return the lowest number, or the one that was given."""
        return self._answer(name, FloatDistribution(low, high, log=log, step=step))

    def _answer(self, name: str, distribution: BaseDistribution) -> Any:
        self.met.setdefault(name, distribution)
        if name in self._choices:
            return self._choices[name]
        if isinstance(distribution, CategoricalDistribution):
            return distribution.choices[0]
        assert isinstance(distribution, (IntDistribution, FloatDistribution))
        return distribution.low


class _Explorer:
    """Runs a function in every branch, one choice at a time."""

    def __init__(self, define: Callable[[Any], object]) -> None:
        self._define = define
        self._runs = 0

    def nodes(self, choices: Choices, *, known: frozenset[str]) -> tuple[Node, ...]:
        """Return what is decided under some choices and was not known above."""
        first = self._met(choices)
        everywhere, branches = dict(first), {}
        for name, distribution in first.items():
            if name in known or name in choices or not (values := _branching(distribution)):
                continue
            branches[name] = {value: self._met({**choices, name: value}) for value in values}
            shared = set.intersection(*(set(met) for met in branches[name].values()))
            everywhere = {each: found for each, found in everywhere.items() if each in shared}
        inner = known | everywhere.keys()
        return tuple(
            _node(name, distribution, dict(self._children(name, branches.get(name, {}), choices, inner)))
            for name, distribution in everywhere.items()
            if name not in known
        )

    def _children(
        self,
        name: str,
        branches: Mapping[CategoricalChoiceType, Distributions],
        choices: Choices,
        known: frozenset[str],
    ) -> Iterator[tuple[CategoricalChoiceType, tuple[Node, ...]]]:
        for choice, met in branches.items():
            if met.keys() - known:
                yield choice, self.nodes({**choices, name: choice}, known=known)

    def _met(self, choices: Choices) -> dict[str, BaseDistribution]:
        self._runs += 1
        if self._runs > MAX_RUNS:
            raise SpaceError(
                f"The function was run {MAX_RUNS} times, and not all of its branches are known.",
                hint="Write the search space by hand.",
            )
        probe = Probe(choices)
        self._define(probe)
        return probe.met


def _branching(distribution: BaseDistribution) -> tuple[CategoricalChoiceType, ...]:
    """Return the values of a parameter on which others may depend."""
    values = choices_of(distribution)
    is_few = isinstance(distribution, CategoricalDistribution) or len(values) <= MAX_BRANCHES
    return values if is_few and not isinstance(distribution, FloatDistribution) else ()


def _node(name: str, distribution: BaseDistribution, children: Mapping[Any, tuple[Node, ...]]) -> Node:
    match distribution:
        case CategoricalDistribution() | FloatDistribution(step=float()) if choices := choices_of(distribution):
            return OneOf(name, tuple(_candidate(choice, children.get(choice, ())) for choice in choices))
        case IntDistribution() if children:
            return OneOf(name, tuple(_candidate(value, children.get(value, ())) for value in choices_of(distribution)))
        case IntDistribution():
            return Integer(name, distribution.low, distribution.high, distribution.step, log=distribution.log)
        case FloatDistribution(step=None):
            return Real(name, distribution.low, distribution.high, log=distribution.log)
    raise SpaceError(
        f"{name!r} has {distribution}, which has no counterpart in a search space.",
        hint="Give it fewer steps, or none.",
    )


def _candidate(choice: CategoricalChoiceType, children: tuple[Node, ...]) -> Candidate:
    is_named = choice is None or isinstance(choice, str)
    return Candidate(key_of(choice), None if is_named else choice, children)
