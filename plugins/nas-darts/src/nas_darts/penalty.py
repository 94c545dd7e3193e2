"""What an architecture costs in expectation, and the loss with a price on it (Cai et al. 2019, arXiv:1812.00332).

Every decision costs what its candidates cost, times the probability of each; what lies beneath a candidate costs only
where that candidate is taken, and what lies in a Repeat as often as it is repeated. Costs come from a table
(milliseconds, MACs, parameters), so no trial is needed for them. Not here: where the table comes from.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from nascore.space import Repeat, SomeOf

from nas_darts.layout import Kind, Layout, Row
from nas_darts.segments import Array, Segments
from nas_darts.settings import MixtureSettings

_LEAST_COST = 1.001

Costs = Mapping[tuple[str, str, str], float]


@dataclass(frozen=True, slots=True)
class Expected:
    """An expected cost, and its gradient with respect to the probabilities."""

    cost: float
    mixed: Array
    sampled: Array


class ExpectedCost:
    """The expected cost of a layout.

    Args:
        layout: The decisions.
        costs: Cost per path, candidate and measure; what is missing costs nothing.
        measure: Which of the measures.
    """

    def __init__(self, layout: Layout, costs: Costs, measure: str) -> None:
        self._layout = layout
        self._own = [_own_costs(row, costs, measure) for row in layout.rows]
        places = {row.path: place for place, row in enumerate(layout.rows)}
        self._parents = [None if row.info.condition is None else places[row.info.condition.path] for row in layout.rows]
        self._times = [
            np.zeros(0) if parent is None else _times(layout.rows[parent], row)
            for row, parent in zip(layout.rows, self._parents, strict=True)
        ]

    def at(self, mixed: Array, sampled: Array) -> Expected:
        """Return the expected cost at probabilities, both flat."""
        probabilities = [self._probabilities(row, mixed, sampled) for row in self._layout.rows]
        values = self._values(probabilities)
        found = Expected(0.0, np.zeros_like(mixed), np.zeros_like(sampled))
        cost = 0.0
        active: list[float] = []
        for place, row in enumerate(self._layout.rows):
            parent = self._parents[place]
            share = 1.0
            if parent is None:
                cost += float(probabilities[place] @ values[place])
            else:
                share = active[parent] * float(probabilities[parent] @ self._times[place])
            active.append(share)
            if len(row.entries):
                target = found.sampled if row.kind is Kind.SAMPLED else found.mixed
                target[row.entries] = share * values[place] * _edges_taken(row)
        return Expected(cost, found.mixed, found.sampled)

    def _values(self, probabilities: list[Array]) -> list[Array]:
        """What each entry costs with all that lies beneath it."""
        values = [own.copy() for own in self._own]
        for place in reversed(range(len(values))):
            parent = self._parents[place]
            if parent is not None:
                values[parent] += self._times[place] * float(probabilities[place] @ values[place])
        return values

    def _probabilities(self, row: Row, mixed: Array, sampled: Array) -> Array:
        if row.kind is Kind.SAMPLED:
            return sampled[row.entries]
        if len(row.entries):
            return mixed[row.entries] * _edges_taken(row)
        return np.full(len(row.names), _edges_taken(row) / len(row.names))


@dataclass(frozen=True, slots=True)
class Slopes:
    """Derivatives of the priced loss: by the loss, and by the probabilities."""

    loss: float
    mixed: Array
    sampled: Array


class Penalty:
    """How an expected cost E enters the loss.

    Additive: loss + weight (E - reference) / reference. Multiplicative: factor loss (ln E / ln reference)^exponent.

    Args:
        layout: The decisions.
        costs: Cost per path, candidate and measure.
        settings: The price.
    """

    def __init__(self, layout: Layout, costs: Costs, settings: MixtureSettings) -> None:
        self._settings = settings
        self._cost = ExpectedCost(layout, costs, settings.penalty_measure)
        before = self._cost.at(_uniform(layout.mixed), _uniform(layout.sampled)).cost
        self._reference = settings.penalty_reference or before or 1.0

    def slopes(self, loss: float, *, mixed: Array, sampled: Array) -> Slopes:
        """Return the derivatives of the priced loss at probabilities, both flat."""
        expected = self._cost.at(mixed, sampled)
        by_loss, by_cost = self.price_slopes(loss, expected.cost)
        return Slopes(by_loss, by_cost * expected.mixed, by_cost * expected.sampled)

    def price_slopes(self, loss: float, cost: float) -> tuple[float, float]:
        """Return the derivatives of the priced loss with respect to the loss and to the cost."""
        settings = self._settings
        if settings.penalty == "additive":
            return 1.0, settings.penalty_weight / self._reference
        # The form wants costs above 1; below, there is no logarithm that could be raised to a power.
        scale = math.log(max(self._reference, _LEAST_COST))
        ratio = math.log(max(cost, _LEAST_COST)) / scale
        by_loss = settings.penalty_factor * ratio**settings.penalty_exponent
        return by_loss, loss * by_loss * settings.penalty_exponent / (ratio * max(cost, _LEAST_COST) * scale)


def _uniform(segments: Segments) -> Array:
    return 1.0 / segments.sizes[segments.owner]


def _own_costs(row: Row, costs: Costs, measure: str) -> Array:
    if row.kind is Kind.SAMPLED and isinstance(row.info.node, SomeOf):
        picked = [value if isinstance(value, tuple) else () for value in row.values]
        return np.array([sum(costs.get((row.path, key, measure), 0.0) for key in keys) for keys in picked])
    return np.array([costs.get((row.path, name, measure), 0.0) for name in row.names])


def _edges_taken(row: Row) -> float:
    """By how much the probability of an edge is larger than its share, because several are taken."""
    node = row.info.node
    return float(node.max_chosen) if row.kind is Kind.EDGES and isinstance(node, SomeOf) else 1.0


def _times(parent: Row, row: Row) -> Array:
    """How often a row counts under each entry of its parent."""
    condition, node = row.info.condition, parent.info.node
    assert condition is not None
    if isinstance(node, Repeat):
        counts = np.arange(node.min_count, node.max_count + 1)
        assert condition.count_above is not None
        is_met = (counts > condition.count_above).astype(float)
        return is_met * counts if node.tied else is_met
    if parent.kind is Kind.SAMPLED and isinstance(node, SomeOf):
        return np.array([float(isinstance(value, tuple) and condition.key in value) for value in parent.values])
    return np.array([float(name == condition.key) for name in parent.names])
