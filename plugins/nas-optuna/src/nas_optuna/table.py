"""The parameters of a whole search space: which belong together, and how they make up an architecture.

Decisions with the same condition are active together, so their parameters are a *group*: a sampler can draw them
jointly, from all trials that had them. Optuna itself finds such groups by looking at past trials
(``TPESampler(group=True)``); here the space says what they are before the first trial.

For samplers that need every parameter in every trial (Gaussian processes, genetic algorithms) the table is *flat*: all
decisions form one group, and inactive ones have values without effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nascore.errors import UnsupportedError
from nascore.space import Architecture, Condition, Integer, Real, SearchSpace, Value
from optuna.distributions import BaseDistribution

from nas_optuna.parameters import Decision, ParameterValue, decision_of

LARGEST = 2**53
"""Optuna keeps integers as floating-point numbers, which are exact up to here."""


@dataclass(frozen=True, slots=True)
class Table:
    """The decisions of a space as parameters.

    Attributes:
        decisions: Those that can be in an architecture, parents before children.
        is_flat: Whether every decision has values in every trial.
        groups: By condition, the parameters with more than one value that are drawn together.
        distributions: All parameters, by name.
    """

    decisions: tuple[Decision, ...]
    is_flat: bool = False
    groups: dict[Condition | None, dict[str, BaseDistribution]] = field(init=False)
    distributions: dict[str, BaseDistribution] = field(init=False)

    def __post_init__(self) -> None:
        groups: dict[Condition | None, dict[str, BaseDistribution]] = {}
        for decision in self.decisions:
            varied = {name: each for name, each in decision.distributions.items() if not each.single()}
            groups.setdefault(self.group_of(decision), {}).update(varied)
        object.__setattr__(self, "groups", {key: dict(sorted(group.items())) for key, group in groups.items()})
        every = {name: each for decision in self.decisions for name, each in decision.distributions.items()}
        object.__setattr__(self, "distributions", every)

    def group_of(self, decision: Decision) -> Condition | None:
        """Return the key of the group to which a decision belongs."""
        return None if self.is_flat else decision.condition

    def read(self, values: Mapping[str, ParameterValue]) -> Architecture:
        """Return the architecture that the values of the parameters stand for; inactive ones may be missing.

        Raises:
            KeyError: The value of an active parameter is missing.
        """
        decisions: dict[str, Value] = {}
        for decision in self.decisions:
            if is_active(decision, decisions):
                decisions[decision.path] = decision.read(values)
        return Architecture(decisions)

    def written(
        self, architecture: Mapping[str, Value], hidden: Mapping[str, ParameterValue]
    ) -> dict[str, ParameterValue]:
        """Return the values of the parameters that stand for an architecture.

        Args:
            architecture: It must belong to the space.
            hidden: Values for parameters without effect, where they are known; the others have their first.
        """
        values: dict[str, ParameterValue] = {}
        for decision in self.decisions:
            value = architecture.get(decision.path)
            if value is not None:
                values.update(decision.written(value, hidden))
            elif self.is_flat:
                default = decision.written(decision.default(), {})
                values.update({name: hidden.get(name, first) for name, first in default.items()})
        return values

    def firsts(self) -> dict[str, ParameterValue]:
        """Return the first value of every decision, whether it is active or not."""
        return {name: each for one in self.decisions for name, each in one.written(one.default(), {}).items()}


def is_active(decision: Decision, decisions: Mapping[str, Value]) -> bool:
    """Whether a decision is to be made, given those above it."""
    return decision.condition is None or decision.condition.holds(decisions)


def table_of(space: SearchSpace, *, is_flat: bool = False) -> Table:
    """Return the parameters of a space.

    Raises:
        UnsupportedError: It has numbers that Optuna cannot hold.
    """
    if reason := why_unwritable(space):
        raise UnsupportedError(reason, hint="Narrow the range.")
    return Table(tuple(decision_of(row) for row in space.decisions if not row.is_search_only), is_flat)


def why_unwritable(space: SearchSpace) -> str:
    """Return why a space cannot be written as parameters of Optuna, naming the node; empty if it can."""
    for row in space.decisions:
        node = row.node
        if isinstance(node, Integer) and max(abs(node.low), abs(node.high)) > LARGEST:
            return f"Optuna keeps integers as floating-point numbers, and {row.path!r} goes beyond 2**53."
        if isinstance(node, Real) and node.high - node.low == float("inf"):
            return f"The range of {row.path!r} is wider than the largest floating-point number."
    return ""
