"""The largest and the cheapest network of every kind of node."""

from __future__ import annotations

import pytest
from hypothesis import given
from nascore.experiment.chain.extremes import cheapest, is_skip, largest
from nascore.space import Candidate, Integer, OneOf, Real, Repeat, SearchSpace, SomeOf
from nascore.testing import search_spaces


def one_of(*keys: str) -> SearchSpace:
    return SearchSpace((OneOf("op", tuple(Candidate(key) for key in keys)),))


def test_known_costs_decide() -> None:
    space = one_of("conv5", "conv3", "identity")
    costs = {("op", "conv5", "parameters"): 25.0, ("op", "conv3", "parameters"): 9.0, ("op", "conv3", "macs"): 99.0}
    assert dict(largest(space, costs) or {}) == {"op": "conv5"}
    assert dict(cheapest(space, costs) or {}) == {"op": "identity"}


def test_without_costs_numbers_and_names_decide() -> None:
    space = SearchSpace(
        (
            OneOf("width", (Candidate("w64", value=64), Candidate("w16", value=16))),
            OneOf("op", (Candidate("conv"), Candidate("skip_connect"), Candidate("none", search_only=True))),
            Integer("kernel", 1, 8, step=3),
            Real("rate", 0.1, 0.5),
        )
    )
    assert dict(largest(space, {}) or {}) == {"kernel": 7, "op": "conv", "rate": 0.5, "width": "w64"}
    assert dict(cheapest(space, {}) or {}) == {"kernel": 1, "op": "skip_connect", "rate": 0.1, "width": "w16"}


def test_several_and_repeated_are_many_or_few() -> None:
    edges = SomeOf("edges", (Candidate("a"), Candidate("b"), Candidate("c")), 1, 2)
    space = SearchSpace((edges, Repeat("depth", (OneOf("op", (Candidate("x"), Candidate("y"))),), 0, 2)))
    costs = {("edges", "a", "macs"): 3.0, ("edges", "b", "macs"): 1.0, ("edges", "c", "macs"): 2.0}
    most, least = largest(space, costs), cheapest(space, costs)
    assert most is not None
    assert most["edges"] == ("a", "c")
    assert most["depth"] == 2
    assert least is not None
    assert dict(least) == {"depth": 0, "edges": ("b",)}


@pytest.mark.parametrize("key", ["skip", "skip_connect", "Identity", "none", "zero", "no_op", "op-skip"])
def test_names_of_skips_are_known(key: str) -> None:
    assert is_skip(Candidate(key))


@pytest.mark.parametrize("key", ["conv3", "skipping_rope", "nonet", "avg_pool", "hybrid"])
def test_other_names_are_no_skips(key: str) -> None:
    assert not is_skip(Candidate(key))


@given(search_spaces())
def test_both_are_architectures_of_the_space_or_none(space: SearchSpace) -> None:
    for found in (largest(space, {}), cheapest(space, {})):
        assert found is None or not space.validate(found)
