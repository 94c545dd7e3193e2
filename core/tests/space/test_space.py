"""Properties of whole spaces, on generated nested ones."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from nascore.errors import ArchitectureError, ConstraintError, SettingsError, SpaceError, UnsupportedError
from nascore.space import Candidate, Group, Integer, OneOf, Real, Repeat, SearchSpace, SomeOf, wire
from nascore.testing import KNOWN_SPACES, choice, search_spaces

quick = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
FEW = 300


def few(space):
    """All architectures of a space that has not too many."""
    assume(space.size().high <= FEW)
    return list(space.enumerate())


@quick
@given(search_spaces())
def test_size_is_the_number_of_distinct_valid_architectures(space):
    found = few(space)
    assert space.size().is_exact
    assert space.size().low == len(found) == len(set(found))
    assert all(space.validate(architecture) == () for architecture in found)


@quick
@given(search_spaces())
def test_number_and_architecture_are_inverse(space):
    found = few(space)
    assert [space.index_of(architecture) for architecture in found] == list(range(len(found)))
    assert [space.at(index) for index in range(len(found))] == found


@quick
@given(search_spaces(), st.randoms(use_true_random=False), st.sampled_from(["decisions", "architectures"]))
def test_samples_belong_to_the_space(space, rng, uniform):
    found = few(space)
    if found:
        assert space.sample(rng, uniform=uniform) in found
        assert space.default() in found
    else:
        with pytest.raises(ConstraintError):
            space.sample(rng, uniform=uniform)


@quick
@given(search_spaces(with_reals=True, with_constraints=False), st.randoms(use_true_random=False))
def test_spaces_with_real_numbers_give_valid_architectures(space, rng):
    architecture = space.sample(rng)
    assert space.validate(architecture) == ()
    assert space.validate(space.default()) == ()
    assert all(space.validate(near) == () for near in itertools.islice(space.neighbours(architecture), 40))


@quick
@given(search_spaces(with_reals=True))
def test_json_and_wire_bring_the_same_space_back(space):
    assert SearchSpace.from_json(space.to_json()).equals(space)
    again = wire.space_from_message(wire.space_to_message(space))
    assert again.equals(space)
    assert again.fingerprint == space.fingerprint
    assert again.diff(space) == ()


@quick
@given(search_spaces(with_reals=True, with_constraints=False), st.integers())
def test_architectures_survive_json_and_wire(space, seed):
    architecture = space.sample(random.Random(seed))
    assert type(architecture).from_json(architecture.to_json()) == architecture
    assert wire.architecture_from_message(wire.architecture_to_message(architecture)) == architecture
    assert space.architecture(space.values(architecture) | dict(architecture)) == architecture


@quick
@given(search_spaces(), st.data())
def test_frozen_space_is_the_part_that_agrees(space, data):
    found = few(space)
    assume(found)
    architecture = data.draw(st.sampled_from(found))
    paths = data.draw(st.lists(st.sampled_from(list(architecture)), unique=True) if architecture else st.just([]))
    partial = {path: architecture[path] for path in paths}
    try:
        frozen = space.freeze(partial)
    except UnsupportedError:
        assume(False)
    # A decision that is not active does not disagree: it may be frozen in one copy and absent in a shallower network.
    agreeing = [each for each in found if all(each.get(path, value) == value for path, value in partial.items())]
    assert set(frozen.enumerate()) == set(agreeing)


@quick
@given(search_spaces(), st.randoms(use_true_random=False))
def test_encodings_tell_architectures_apart(space, rng):
    found = few(space)
    vectors = {tuple(space.encode(architecture)) for architecture in found}
    assert len(vectors) == len(found)
    assert all(len(vector) == len(space.encoding_names) for vector in vectors)
    assert all(0 <= entry <= 1 for vector in vectors for entry in vector)


@pytest.mark.parametrize("name", KNOWN_SPACES)
def test_fingerprint_does_not_depend_on_how_equal_values_were_made(name):
    space = KNOWN_SPACES[name]
    again = SearchSpace.from_json(space.to_json())
    assert again == space
    assert hash(again) == hash(space)
    assert again.fingerprint == space.fingerprint


def test_fingerprints_of_known_spaces_do_not_change():
    # The identity of stored experiments: if this fails, spaces written before are no longer recognised.
    assert KNOWN_SPACES["shared"].fingerprint == "4c91201b551dc039517ad2f81a65bdaad478d3b64fa2f4fb696c07e5bd4afa2e"
    assert KNOWN_SPACES["constrained"].fingerprint == "9611963d9272fc21e2c39b435c3e1adcf4a10e9162222591b1fbc6b033bad271"


def test_literals_of_different_types_are_different_spaces():
    spaces = [SearchSpace((OneOf("x", (Candidate("a", value),)),)) for value in (1, 1.0, True, "1", None)]
    assert len({space.fingerprint for space in spaces}) == len(spaces)
    assert not any(first == second for first, second in itertools.combinations(spaces, 2))


def test_bounds_of_a_real_may_be_written_as_integers():
    assert SearchSpace((Real("x", 0, 1),)) == SearchSpace((Real("x", 0.0, 1.0),))


def test_empty_space_has_one_architecture():
    space = SearchSpace(())
    assert str(space.size()) == "1"
    assert list(space.enumerate()) == [space.default()] == [space.sample(random.Random(0))]
    with pytest.raises(ArchitectureError, match="none of its decisions has another value"):
        space.mutate(space.default(), random.Random(0))


def test_everything_wrong_is_listed_at_once():
    with pytest.raises(SpaceError) as caught:
        SearchSpace(
            (OneOf("op", ()), Integer("n", 3, 1), SomeOf("s", (Candidate("a"),), 0, 2), Real("r", 0, 1, log=True))
        )
    assert [violation.field for violation in caught.value.violations] == ["op", "n", "s", "r"]
    assert "op: has no candidates; give at least one" in str(caught.value)


def test_numbers_outside_the_space_are_refused():
    space = KNOWN_SPACES["nasbench201"]
    for index in (-1, 15625):
        with pytest.raises(ArchitectureError, match="numbers go from 0 to 15624"):
            space.at(index)


def test_unknown_kind_of_uniform_is_refused():
    with pytest.raises(SettingsError, match="write 'decisions' or 'architectures'"):
        KNOWN_SPACES["nested"].sample(random.Random(0), uniform="values")


def test_decision_table_is_sorted_and_says_what_each_depends_on():
    space = SearchSpace(
        (
            Repeat("stage", (choice("act", "relu", "gelu"),), 0, 2),
            Group("g", (choice("op", "a", "b", children=(Integer("k", 1, 300),)),)),
        )
    )
    rows = [(row.index, row.path, str(row.condition), row.layout.count, row.layout.width) for row in space.decisions]
    assert rows == [
        (0, "g/op", "None", 2, 1),
        (1, "g/op/a/k", "g/op = a", 300, 2),
        (2, "stage", "None", 3, 1),
        (3, "stage[0]/act", "stage > 0", 2, 1),
        (4, "stage[1]/act", "stage > 1", 2, 1),
    ]


def test_decisions_beneath_a_search_only_candidate_are_in_the_table_but_in_no_architecture():
    hidden = Candidate("mix", children=(choice("inner", "x", "y"),), search_only=True)
    space = SearchSpace((OneOf("op", (Candidate("a"), hidden)),))
    assert [(row.path, row.is_search_only) for row in space.decisions] == [("op", False), ("op/mix/inner", True)]
    assert [dict(each) for each in space.enumerate()] == [{"op": "a"}]
    assert "for search only" in str(space.validate({"op": "mix"})[0])
    assert "beneath a candidate for search only" in str(space.validate({"op": "a", "op/mix/inner": "x"})[0])


def test_ten_thousand_nodes_work():
    space = SearchSpace(tuple(choice(f"n{index}", "a", "b") for index in range(10_000)))
    rng = random.Random(0)
    architecture = space.sample(rng)
    assert len(architecture) == 10_000
    assert space.at(space.index_of(architecture)) == architecture
    assert space.size().low == 2**10_000
    assert str(space.size()).startswith("about 2.00e+3010")
