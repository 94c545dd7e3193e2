"""Mutation, crossover and neighbours."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from nascore.errors import ArchitectureError, ConstraintError
from nascore.space import (
    Architecture,
    Candidate,
    Constraint,
    DecisionValue,
    Integer,
    OneOf,
    Operation,
    Operator,
    Real,
    Repeat,
    SearchSpace,
)
from nascore.testing import KNOWN_SPACES, choice, compared, search_spaces

quick = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


def independent_changes(space, before, after):
    """The decisions that differ, those left out that differ because of another one that does."""
    conditions = {row.path: row.condition for row in space.decisions}
    differing = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}

    def is_caused(path):
        condition = conditions[path]
        while condition is not None:
            if condition.path in differing and (path in before) != (path in after):
                return True
            condition = conditions[condition.path]
        return False

    return {path for path in differing if not is_caused(path)}


@quick
@given(search_spaces(with_reals=True, with_constraints=False), st.randoms(use_true_random=False))
def test_mutation_changes_exactly_one_decision(space, rng):
    before = space.sample(rng)
    try:
        after = space.mutate(before, rng)
    except ArchitectureError:
        assert all(each == before for each in space.neighbours(before))
        assume(False)
    assert space.validate(after) == ()
    assert len(independent_changes(space, before, after)) == 1


@quick
@given(search_spaces(), st.data())
def test_neighbours_are_all_architectures_one_default_change_away(space, data):
    assume(1 < space.size().high <= 300)
    found = list(space.enumerate())
    assume(found)
    before = data.draw(st.sampled_from(found))
    near = list(space.neighbours(before))
    assert len(near) == len(set(near))
    assert set(near) <= set(found) - {before}
    assert all(len(independent_changes(space, before, after)) == 1 for after in near)


@quick
@given(search_spaces(with_constraints=False), st.randoms(use_true_random=False))
def test_child_takes_every_decision_from_a_parent_that_has_it(space, rng):
    first, second = space.sample(rng), space.sample(rng)
    child = space.crossover(first, second, rng)
    assert space.validate(child) == ()
    for path, value in child.items():
        assert value in (first.get(path, value), second.get(path, value))


def test_mutation_picks_decisions_and_values_uniformly():
    space = SearchSpace((choice("a", "x", "y"), choice("b", "1", "2", "3"), choice("fixed", "only")))
    before, rng = space.default(), random.Random(0)
    counts = Counter(space.mutate(before, rng) for _ in range(4000))
    shares = {dict(after)["a"] + dict(after)["b"]: count / 4000 for after, count in counts.items()}
    assert shares == pytest.approx({"y1": 0.5, "x2": 0.25, "x3": 0.25}, abs=0.03)


def test_mutation_keeps_what_stays_active_and_drops_what_does_not():
    body = (choice("act", "relu", "gelu"),)
    space = SearchSpace((Repeat("stage", body, 1, 2), Integer("n", 0, 9)))
    before = space.architecture({"stage": 2, "stage[0]/act": "gelu", "stage[1]/act": "gelu", "n": 7})
    rng = random.Random(1)
    shorter = next(after for after in (space.mutate(before, rng) for _ in range(100)) if after["stage"] == 1)
    assert shorter == Architecture({"stage": 1, "stage[0]/act": "gelu", "n": 7})


def test_mutation_of_real_and_logarithmic_numbers_stays_in_range():
    space, rng = KNOWN_SPACES["numeric"], random.Random(2)
    architecture = space.default()
    for _ in range(200):
        after = space.mutate(architecture, rng)
        assert len(independent_changes(space, architecture, after)) == 1
        assert space.validate(after) == ()
        architecture = after


def test_mutation_under_a_tight_constraint_scans_the_neighbours():
    # Of 100 001 values besides the present one a single one is allowed, which chance hardly ever finds.
    is_one = compared("n", Operator.EQUAL, 1)
    constraint = Constraint("n is 0 or 1", Operation(Operator.OR, (compared("n", Operator.LESS_OR_EQUAL, 0), is_one)))
    space = SearchSpace((Integer("n", 0, 100_000),), (constraint,))
    assert space.mutate(Architecture({"n": 0}), random.Random(0)) == Architecture({"n": 1})


def test_mutation_that_no_constraint_allows_names_it():
    space = SearchSpace(
        (Integer("n", 0, 5), Real("r", 1, 1)), (Constraint("n is nothing", compared("n", Operator.LESS_OR_EQUAL, 0)),)
    )
    with pytest.raises(ConstraintError, match="'n is nothing'"):
        space.mutate(space.default(), random.Random(0))


def test_crossover_under_constraints_gives_valid_children():
    space, rng = KNOWN_SPACES["constrained"], random.Random(3)
    for _ in range(50):
        child = space.crossover(space.sample(rng), space.sample(rng), rng)
        assert space.validate(child) == ()


def test_crossover_that_no_constraint_allows_names_it():
    both = Operation(Operator.EQUAL, (DecisionValue("a"), DecisionValue("b")))
    impossible = Operation(Operator.AND, (both, Operation(Operator.NOT, (both,))))
    nodes = (choice("a", "x", "y"), choice("b", "x", "y"))
    space = SearchSpace(nodes, (Constraint("both ways", impossible),))
    parent = Architecture({"a": "x", "b": "x"})
    with pytest.raises(ArchitectureError, match="both ways"):
        space.crossover(parent, parent, random.Random(0))


def test_architecture_of_another_space_is_refused_by_name():
    space = SearchSpace((OneOf("op", (Candidate("a"), Candidate("b"))),))
    for strange in (Architecture({"op": "c"}), Architecture({"other": "a"})):
        with pytest.raises(ArchitectureError, match="does not fit the space"):
            space.mutate(strange, random.Random(0))
        with pytest.raises(ArchitectureError, match="does not fit the space"):
            list(space.neighbours(strange))


def test_neighbours_of_a_real_number_are_the_points_of_a_grid():
    space = SearchSpace((Real("r", 0, 1),))
    near = [after["r"] for after in space.neighbours(Architecture({"r": 0.5}))]
    assert near == pytest.approx([step / 20 for step in range(21) if step != 10])
