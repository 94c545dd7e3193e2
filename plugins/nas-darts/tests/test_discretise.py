"""Whatever the parameters are, what is derived is valid, distinct and ordered, and what the papers say."""

from __future__ import annotations

import math
from itertools import islice, pairwise, product

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nas_darts.discretise import Discretisation
from nas_darts.layout import Kind, Layout
from nas_darts.ranking import best_first
from nascore.record import Derived
from nascore.space import Candidate, OneOf, Repeat, SearchSpace, SomeOf
from nascore.testing.spaces import KNOWN_SPACES, choice, search_spaces


def derived(
    space: SearchSpace, seed: int = 0, count: int = 3, *, has_edge_weights: bool = False
) -> tuple[Derived, ...]:
    layout = Layout(space, unmixable={}, has_edge_weights=has_edge_weights)
    generator = np.random.default_rng(seed)
    mixed, sampled = (
        segments.softmax(2.0 * generator.normal(size=segments.total)) for segments in (layout.mixed, layout.sampled)
    )
    return Discretisation(space, layout).derive(count, mixed=mixed, sampled=sampled)


def assert_fit(space: SearchSpace, found: tuple[Derived, ...]) -> None:
    for each in found:
        space.check(each.architecture)
    assert len({each.architecture for each in found}) == len(found)
    scores = [each.score for each in found]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("space", sorted(KNOWN_SPACES))
@pytest.mark.parametrize("has_edge_weights", [False, True])
def test_known_spaces_give_valid_architectures(space: str, has_edge_weights: bool) -> None:
    for seed in range(5):
        found = derived(KNOWN_SPACES[space], seed, has_edge_weights=has_edge_weights)
        assert_fit(KNOWN_SPACES[space], found)
        assert len(found) == 3


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(search_spaces(with_reals=True), st.integers(0, 2**32))
def test_any_space_gives_valid_architectures(space: SearchSpace, seed: int) -> None:
    found = derived(space, seed)
    assert_fit(space, found)
    if space.size().low > 0:
        assert found


def test_violated_constraint_gives_way_to_the_most_probable_valid_architecture() -> None:
    space = KNOWN_SPACES["constrained"]
    layout = Layout(space, unmixable={})
    mixed = layout.mixed.softmax(
        np.array([0.0, 1.0, 0.0, 0.5, 3.0, 0.2, 1.0, 4.0, 0.1, 2.0, 3.0][: layout.mixed.total])
    )
    (best,) = Discretisation(space, layout).derive(1, mixed=mixed, sampled=np.zeros(0))

    def log_probability(architecture: dict[str, object]) -> float:
        return sum(
            math.log(mixed[row.entries[row.names.index(str(architecture[row.path]))]]) for row in layout.mixed_rows
        )

    assert best.score == pytest.approx(max(log_probability(dict(each)) for each in space.enumerate()))
    assert best.score == pytest.approx(log_probability(dict(best.architecture)))


def test_candidate_for_search_only_is_never_taken() -> None:
    space = SearchSpace((OneOf("op", (Candidate("none", search_only=True), Candidate("a"), Candidate("b"))),))
    layout = Layout(space, unmixable={})
    found = Discretisation(space, layout).derive(5, mixed=np.array([0.9, 0.04, 0.06]), sampled=np.zeros(0))
    assert [each.architecture["op"] for each in found] == ["b", "a"]


def test_gates_open_where_they_are_more_probably_open_within_their_bounds() -> None:
    space = SearchSpace((SomeOf("in", tuple(map(Candidate, "abcd")), 1, 2),))
    layout = Layout(space, unmixable={})
    assert [row.kind for row in layout.rows] == [Kind.GATES]

    def taken(*opens: float) -> object:
        mixed = np.array([share for each in opens for share in (1 - each, each)])
        return Discretisation(space, layout).derive(1, mixed=mixed, sampled=np.zeros(0))[0].architecture["in"]

    assert taken(0.1, 0.9, 0.2, 0.3) == ("b",)
    assert taken(0.6, 0.9, 0.2, 0.8) == ("b", "d")
    assert taken(0.1, 0.2, 0.4, 0.3) == ("c",)


def test_many_inputs_are_chosen_without_listing_all_subsets() -> None:
    space = SearchSpace((SomeOf("in", tuple(Candidate(f"s{k}") for k in range(40)), 0, 40),))
    found = derived(space, 1, count=4)
    assert_fit(space, found)
    assert len(found) == 4


def test_edge_weights_decide_between_equal_operations() -> None:
    edges = tuple(Candidate(f"from{k}", children=(choice(f"op{k}", "skip", "conv"),)) for k in range(3))
    space = SearchSpace((SomeOf("node", edges, 2, 2),))
    bare, weighted = (Layout(space, unmixable={}, has_edge_weights=each) for each in (False, True))
    assert (bare.mixed.total, weighted.mixed.total) == (6, 9)
    shares = np.array([0.1, 0.5, 0.4] + [0.3, 0.7] * 3)
    (best,) = Discretisation(space, weighted).derive(1, mixed=shares, sampled=np.zeros(0))
    assert best.architecture["node"] == ("from1", "from2")


def test_count_of_a_repeat_is_the_most_probable() -> None:
    space = SearchSpace((Repeat("stage", (choice("op", "a", "b"),), 1, 3),))
    layout = Layout(space, unmixable={})
    mixed = np.array([0.2, 0.5, 0.3, 0.9, 0.1, 0.4, 0.6, 0.5, 0.5])
    (best,) = Discretisation(space, layout).derive(1, mixed=mixed, sampled=np.zeros(0))
    assert dict(best.architecture) == {"stage": 2, "stage[0]/op": "a", "stage[1]/op": "b"}


@given(st.lists(st.lists(st.floats(-5, 0), min_size=1, max_size=4), max_size=4))
def test_combinations_come_best_first_and_each_once(scores: list[list[float]]) -> None:
    falling = [sorted(each, reverse=True) for each in scores]
    everything = list(product(*(range(len(each)) for each in falling)))
    found = list(islice(best_first(falling), 1000))
    assert sorted(found) == sorted(everything)
    sums = [sum(each[rank] for each, rank in zip(falling, ranks, strict=True)) for ranks in found]
    assert all(first >= second - 1e-9 for first, second in pairwise(sums))
