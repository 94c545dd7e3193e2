"""Decisions become parameters of Optuna and come back as they were."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nas_optuna.parameters import LISTED, Decision, decision_of
from nas_optuna.table import Table, table_of
from nascore.errors import ConstraintError
from nascore.space import Candidate, Integer, Node, OneOf, Real, Repeat, SearchSpace, SomeOf
from nascore.testing.spaces import choice, search_spaces
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import RandomSampler
from optuna.study import Study, create_study

SPACES = search_spaces(with_reals=True, with_constraints=False)
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def only(node: Node) -> Decision:
    return decision_of(SearchSpace((node,)).decisions[0])


def many(*, ordered: bool = False, with_replacement: bool = False) -> SomeOf:
    candidates = tuple(Candidate(f"c{index}") for index in range(8))
    return SomeOf("in", candidates, 1, 4, ordered=ordered, with_replacement=with_replacement)


def test_range_of_integers_ends_with_its_last_step() -> None:
    assert only(Integer("n", 1, 9, 3)).distributions == {"n": IntDistribution(1, 7, step=3)}


def test_log_range_with_steps_is_read_to_the_nearest_step() -> None:
    decision = only(Integer("n", 1, 9, 3, log=True))
    assert decision.distributions == {"n": IntDistribution(1, 7, log=True)}
    assert [decision.read({"n": value}) for value in (1, 2, 3, 4, 5, 6, 7)] == [1, 1, 4, 4, 4, 7, 7]


def test_real_range_is_a_float_range() -> None:
    assert only(Real("r", 1e-4, 1, log=True)).distributions == {"r": FloatDistribution(1e-4, 1, log=True)}
    assert only(Real("r", 0, 1)).read({"r": 1.0000000001}) == 1.0


def test_candidates_for_search_only_are_no_choices() -> None:
    node = OneOf("op", (Candidate("none", search_only=True), Candidate("conv")))
    assert only(node).distributions == {"op": CategoricalDistribution(("conv",))}


def test_count_of_a_repeat_is_an_integer() -> None:
    assert only(Repeat("stage", (choice("op", "a", "b"),), 1, 3)).distributions == {"stage": IntDistribution(1, 3)}


def test_few_ways_of_choosing_several_are_listed_as_text() -> None:
    decision = only(SomeOf("in", (Candidate("a,b"), Candidate("c")), 1, 2))
    assert decision.distributions == {"in": CategoricalDistribution(('["a,b"]', '["c"]', '["a,b", "c"]'))}
    assert decision.read({"in": '["a,b", "c"]'}) == ("a,b", "c")


def test_many_ways_of_choosing_several_are_places() -> None:
    decision = only(many())
    assert list(decision.distributions) == ["in[count]", "in[0]", "in[1]", "in[2]", "in[3]"]
    assert decision.distributions["in[count]"] == IntDistribution(1, 4)


def test_candidate_that_stands_twice_gives_way_to_the_next() -> None:
    values = {"in[count]": 3, "in[0]": "c7", "in[1]": "c7", "in[2]": "c7", "in[3]": "c1"}
    assert only(many()).read(values) == ("c0", "c1", "c7")
    assert only(many(ordered=True)).read(values) == ("c7", "c0", "c1")
    assert only(many(with_replacement=True)).read(values) == ("c7", "c7", "c7")


def test_places_beyond_the_count_keep_what_is_hidden_there() -> None:
    written = only(many()).written(("c1", "c3"), {"in[2]": "c5"})
    assert written == {"in[count]": 2, "in[0]": "c1", "in[1]": "c3", "in[2]": "c5", "in[3]": "c0"}


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("with_replacement", [False, True])
@given(st.data())
@settings(max_examples=30, deadline=None)
def test_whatever_stands_in_the_places_is_a_way_of_choosing(
    ordered: bool, with_replacement: bool, data: st.DataObject
) -> None:
    node = many(ordered=ordered, with_replacement=with_replacement)
    space = SearchSpace((node,))
    keys = st.sampled_from([candidate.key for candidate in node.candidates])
    values = {name: data.draw(keys) for name in ("in[0]", "in[1]", "in[2]", "in[3]")}
    value = only(node).read({"in[count]": data.draw(st.integers(1, 4)), **values})
    space.check({"in": value})


def test_listing_ends_where_it_says() -> None:
    ways = [SearchSpace((SomeOf("in", tuple(map(Candidate, "abcdef"[:size])), 0, size),)) for size in (5, 6)]
    assert [space.size().high for space in ways] == [32, LISTED]
    assert [len(table_of(space).distributions) for space in ways] == [1, 1]
    seven = SearchSpace((SomeOf("in", tuple(map(Candidate, "abcdefg")), 0, 7),))
    assert len(table_of(seven).distributions) == 8


def _random(table: Table, study: Study, seed: int) -> dict[str, object]:
    sampler, trial = RandomSampler(seed=seed), study.ask()
    frozen = study.get_trials(deepcopy=False)[trial.number]
    return {
        name: sampler.sample_independent(study, frozen, name, distribution)
        for name, distribution in table.distributions.items()
    }


@given(SPACES, st.integers(0, 2**32 - 1))
@QUICK
def test_whatever_parameters_say_is_an_architecture(space: SearchSpace, seed: int) -> None:
    table = table_of(space)
    space.check(table.read(_random(table, create_study(), seed)))  # type: ignore[arg-type]  # values of parameters


@given(SPACES, st.integers(0, 2**32 - 1), st.booleans())
@QUICK
def test_architectures_come_back_as_they_were(space: SearchSpace, seed: int, is_flat: bool) -> None:
    table = table_of(space, is_flat=is_flat)
    try:
        architecture = space.sample(Random(seed))
    except ConstraintError:
        return
    values = table.written(architecture, {})
    assert table.read(values) == architecture
    for name, value in values.items():
        distribution = table.distributions[name]
        assert distribution._contains(distribution.to_internal_repr(value))
    if is_flat:
        assert values.keys() == table.distributions.keys()
