"""What a trial of Optuna suggests, matched with what a search space has at that path.

People may write the keys of candidates or what they stand for, in any order: for
``OneOf("kernel", (Candidate("k3", 3), Candidate("k5", 5)))`` both ``suggest_categorical("kernel", ["k3", "k5"])`` and
``suggest_categorical("kernel", [5, 3])`` are right.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nascore.errors import SpaceError
from nascore.space import Candidate, Literal, OneOf, SearchSpace, Value
from nascore.space.nearest import nearest
from nascore.space.path import escape, split
from optuna.distributions import (
    BaseDistribution,
    CategoricalChoiceType,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from nas_optuna.parameters import Decision, ParameterValue
from nas_optuna.table import Table, table_of

MAX_CHOICES = 1000


@dataclass(frozen=True, slots=True)
class Translation:
    """How one parameter is written by a trial, where that is not as `nas_optuna.parameters` writes it.

    Attributes:
        by_key: What the trial suggests, by candidate; empty if both write the same.
    """

    by_key: Mapping[ParameterValue, CategoricalChoiceType]

    def theirs(self, value: ParameterValue) -> CategoricalChoiceType:
        """Return a value as the trial writes it."""
        return self.by_key[value] if self.by_key else value

    def ours(self, value: CategoricalChoiceType) -> ParameterValue:
        """Return a value of the trial as the decision writes it."""
        for key, choice in self.by_key.items():
            if _is_same(choice, value):
                return key
        assert value is not None, "only choices can be None, and those are in the dictionary"
        return value


class Translator:
    """Finds decisions by the names that trials use, and translates. Not thread-safe.

    Args:
        space: The search space.
    """

    def __init__(self, space: SearchSpace) -> None:
        self._table: Table = table_of(space)
        self._by_name = {name: each for each in self._table.decisions for name in each.distributions}
        self._by_label = _unique(self._by_name)
        self._known: dict[str, tuple[BaseDistribution, Translation]] = {}

    @property
    def table(self) -> Table:
        """The parameters of the space."""
        return self._table

    def name_of(self, suggested: str) -> str:
        """Return the name of the parameter that a trial suggests: by its path, or by its label where that is unique.

        Raises:
            SpaceError: The space has none of that name.
        """
        label = escape(suggested)  # In paths some signs are escaped.
        for name in (suggested, label, self._by_label.get(label)):
            if name in self._by_name:
                return name
        close = nearest(suggested, self._by_name)
        guess = f"Did you mean {' or '.join(map(repr, close))}? " if close else ""
        raise SpaceError(
            f"The trial suggests {suggested!r}, but the space has no decision at this path.",
            hint=f"{guess}Give the sampler a space that has it, or suggest another name.",
        )

    def decision(self, name: str) -> Decision:
        """Return the decision to which a parameter belongs."""
        return self._by_name[name]

    def made(self, values: Mapping[str, ParameterValue]) -> dict[str, Value]:
        """Return the decisions of which all parameters have a value, whether they are active or not."""
        return {
            each.path: each.read(values) for each in self._table.decisions if values.keys() >= each.distributions.keys()
        }

    def translation(self, name: str, given: BaseDistribution) -> Translation:
        """Return how values are written under a distribution that a trial gives.

        Raises:
            SpaceError: It does not match the space; both are shown.
        """
        known = self._known.get(name)
        if known is None or (known[0] is not given and known[0] != given):
            known = self._known[name] = (given, _translation(self._by_name[name], name, given))
        return known[1]


def _unique(names: Iterable[str]) -> dict[str, str]:
    """Return the names whose last segment no other has, by that segment."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(split(name)[-1], []).append(name)
    return {label: same[0] for label, same in found.items() if len(same) == 1}


def choices_of(distribution: BaseDistribution) -> tuple[CategoricalChoiceType, ...]:
    """Return all values of a distribution that has few; of others none."""
    match distribution:
        case CategoricalDistribution():
            return distribution.choices
        case IntDistribution(log=False):
            steps = range(distribution.low, distribution.high + 1, distribution.step)
            return tuple(steps) if len(steps) <= MAX_CHOICES else ()
        case FloatDistribution(step=float() as step):
            count = round((distribution.high - distribution.low) / step) + 1
            return tuple(distribution.low + place * step for place in range(count)) if count <= MAX_CHOICES else ()
    return ()


def key_of(choice: CategoricalChoiceType) -> str:
    """Return the key of the candidate that is made of a choice."""
    return choice if isinstance(choice, str) else str(choice)


def _translation(decision: Decision, name: str, given: BaseDistribution) -> Translation:
    expected = decision.distributions[name]
    if given == expected:
        return Translation({})
    if isinstance(decision.node, OneOf):
        candidates = [each for each in decision.node.candidates if not each.search_only]
        by_key = _matched(candidates, choices_of(given))
        if by_key is not None:
            return Translation(by_key)
    raise SpaceError(
        f"The trial suggests {name!r} from {given}, but the space has {_shown(decision, expected)}.",
        hint="Write the same in both.",
    )


def _shown(decision: Decision, expected: BaseDistribution) -> str:
    if not isinstance(decision.node, OneOf):
        return str(expected)
    keys = [each.key for each in decision.node.candidates if not each.search_only]
    values = [_stands_for(each) for each in decision.node.candidates if not each.search_only]
    return f"the candidates {keys}" + (f", which stand for {values}" if keys != values else "")


def _matched(
    candidates: list[Candidate], choices: tuple[CategoricalChoiceType, ...]
) -> dict[ParameterValue, CategoricalChoiceType] | None:
    """Return the choice of every candidate, if each has exactly one and none is left over."""
    if len(candidates) != len(choices):
        return None
    for name_of in (_key, _stands_for):
        same = [[choice for choice in choices if _is_same(choice, name_of(each))] for each in candidates]
        if all(len(one) == 1 for one in same):
            return {each.key: one[0] for each, one in zip(candidates, same, strict=True)}
    made: dict[ParameterValue, CategoricalChoiceType] = {key_of(choice): choice for choice in choices}
    return made if made.keys() == {each.key for each in candidates} else None


def _key(candidate: Candidate) -> Literal:
    return candidate.key


def _stands_for(candidate: Candidate) -> Literal:
    return candidate.key if candidate.value is None else candidate.value


def _is_same(first: CategoricalChoiceType, second: CategoricalChoiceType) -> bool:
    """Whether two choices are the same: ``True`` is no number, and steps of a range may differ by a rounding."""
    is_number = all(isinstance(each, (int, float)) and not isinstance(each, bool) for each in (first, second))
    if is_number:
        return math.isclose(first, second, rel_tol=1e-9)  # type: ignore[arg-type]  # both were just found to be numbers
    return type(first) is type(second) and first == second
