"""Expected costs are those of the architectures, weighted; prices have the published form."""

from __future__ import annotations

import math

import numpy as np
import pytest
from nas_darts.layout import Kind, Layout
from nas_darts.penalty import ExpectedCost, Penalty
from nas_darts.settings import MixtureSettings
from nascore.space import Architecture, SearchSpace
from nascore.testing.spaces import KNOWN_SPACES, choice

COSTS = {
    ("op", "conv", "ms"): 2.0,
    ("op", "pool", "ms"): 1.0,
    ("op/conv/kernel", "k3", "ms"): 3.0,
    ("op/conv/kernel", "k5", "ms"): 5.0,
    ("op/conv/kernel", "k3", "macs"): 1000.0,
    ("head", "mlp", "ms"): 4.0,
}
NESTED = SearchSpace(
    (choice("op", "conv", "pool", children=(choice("kernel", "k3", "k5"),)), choice("head", "lin", "mlp"))
)


def cost_of(architecture: Architecture) -> float:
    return sum(COSTS.get((path, str(value), "ms"), 0.0) for path, value in architecture.items())


@pytest.mark.parametrize("unmixable", [(), ("op",), ("op", "head")])
def test_expected_cost_is_the_mean_over_architectures(unmixable: tuple[str, ...]) -> None:
    layout = Layout(NESTED, unmixable=dict.fromkeys(unmixable, "Shapes differ."))
    generator = np.random.default_rng(0)
    mixed, sampled = (
        segments.softmax(generator.normal(size=segments.total)) for segments in (layout.mixed, layout.sampled)
    )

    def chance(architecture: Architecture) -> float:
        found = 1.0
        for row in layout.rows:
            if row.path in architecture:
                shares = sampled if row.kind is Kind.SAMPLED else mixed
                found *= shares[row.entries[row.names.index(str(architecture[row.path]))]]
        return found

    expected = sum(chance(each) * cost_of(each) for each in NESTED.enumerate())
    assert ExpectedCost(layout, COSTS, "ms").at(mixed, sampled).cost == pytest.approx(expected)


@pytest.mark.parametrize("space", ["nested", "repeats", "mixed", "shared"])
def test_gradient_of_the_expected_cost_is_its_derivative(space: str) -> None:
    layout = Layout(KNOWN_SPACES[space], unmixable={})
    generator = np.random.default_rng(1)
    keys = [(row.path, name) for row in layout.rows if row.kind is not Kind.SAMPLED for name in row.names]
    costs = {(path, key, "ms"): float(generator.random()) for path, key in keys}
    expected = ExpectedCost(layout, costs, "ms")
    mixed, sampled = (
        segments.softmax(generator.normal(size=segments.total)) for segments in (layout.mixed, layout.sampled)
    )
    found = expected.at(mixed, sampled)
    for place in range(len(mixed)):
        step = 1e-6 * np.eye(len(mixed))[place]
        slope = (expected.at(mixed + step, sampled).cost - expected.at(mixed - step, sampled).cost) / 2e-6
        assert found.mixed[place] == pytest.approx(slope, abs=1e-7)


def test_tied_repeat_costs_as_often_as_it_is_repeated() -> None:
    layout = Layout(KNOWN_SPACES["repeats"], unmixable={})
    costs = {("tail/pool", "max", "ms"): 2.0, ("tail/pool", "mean", "ms"): 2.0}
    shares = {"stage": [1, 0, 0], "tail": [0.0, 0.25, 0.75]}
    mixed = np.full(layout.mixed.total, 0.5)
    for row in layout.mixed_rows:
        if row.path in shares:
            mixed[row.entries] = shares[row.path]
    found = ExpectedCost(layout, costs, "ms").at(mixed, layout.sampled.softmax(np.zeros(layout.sampled.total)))
    assert found.cost == pytest.approx(2.0 * (0.25 * 1 + 0.75 * 2))


@pytest.mark.parametrize("form", ["additive", "multiplicative"])
def test_slopes_are_those_of_the_published_forms(form: str) -> None:
    settings = MixtureSettings.model_validate({"penalty_measure": "ms", "penalty": form, "penalty_reference": 80.0})
    penalty = Penalty(Layout(NESTED, unmixable={}), COSTS, settings)

    def priced(loss: float, cost: float) -> float:
        if form == "additive":
            return loss + 0.1 * (cost - 80.0) / 80.0
        return loss * 0.2 * (math.log(cost) / math.log(80.0)) ** 0.3

    step = 1e-5
    by_loss, by_cost = penalty.price_slopes(2.3, 120.0)
    assert by_loss == pytest.approx((priced(2.3 + step, 120.0) - priced(2.3 - step, 120.0)) / (2 * step))
    assert by_cost == pytest.approx((priced(2.3, 120.0 + step) - priced(2.3, 120.0 - step)) / (2 * step), rel=1e-4)


def test_unpriced_cheap_networks_break_nothing() -> None:
    settings = MixtureSettings.model_validate({"penalty_measure": "ms", "penalty": "multiplicative"})
    penalty = Penalty(Layout(NESTED, unmixable={}), {}, settings)
    assert all(map(math.isfinite, penalty.price_slopes(1.0, 0.0)))
