"""Smaller spaces; that they are exactly the part that agrees is a property in test_space."""

from __future__ import annotations

import pytest
from nascore.errors import SpaceError, UnsupportedError
from nascore.space import (
    Candidate,
    Constraint,
    Integer,
    OneOf,
    Operation,
    Operator,
    Real,
    Repeat,
    SearchSpace,
    SomeOf,
)
from nascore.testing import KNOWN_SPACES, choice, compared

SHARED = KNOWN_SPACES["shared"]


def test_literals_may_be_given():
    assert SHARED.freeze({"width": 16}).size().low == 8


def test_shared_decision_stays_at_its_path_when_its_other_uses_vanish():
    frozen = SHARED.freeze({"op": "conv"})
    assert [row.path for row in frozen.decisions] == ["op", "op/conv/kernel", "skip", "width"]
    assert frozen.size().low == 3 * 2 * 2


def test_freezing_nothing_changes_nothing_that_matters():
    assert set(SHARED.freeze({}).enumerate()) == set(SHARED.enumerate())
    assert KNOWN_SPACES["nested"].freeze({}) == KNOWN_SPACES["nested"]


def test_freezing_everything_leaves_one():
    architecture = SHARED.at(7)
    assert list(SHARED.freeze(architecture).enumerate()) == [architecture]


def test_numbers_and_counts_are_frozen():
    space = SearchSpace((Real("r", 0, 1), Integer("n", 1, 9, step=2, log=True), Repeat("d", (), 0, 3)))
    frozen = space.freeze({"r": 1, "n": 5, "d": 2})
    assert [dict(each) for each in frozen.enumerate()] == [{"d": 2, "n": 5, "r": 1.0}]


def test_one_copy_is_frozen_by_a_constraint_and_all_copies_in_the_body():
    space = SearchSpace((Repeat("stage", (choice("act", "relu", "gelu"),), 1, 2),))
    one = space.freeze({"stage[1]/act": "gelu"})
    assert [constraint.name for constraint in one.constraints] == ["frozen stage[1]/act"]
    assert one.size().low == 2 + 2
    both = space.freeze({"stage[0]/act": "gelu", "stage[1]/act": "gelu"})
    assert both.constraints == ()
    assert both.size().low == 2


def test_copy_that_the_count_leaves_needs_no_constraint():
    space = SearchSpace((Repeat("stage", (choice("act", "relu", "gelu"),), 1, 3),))
    frozen = space.freeze({"stage": 1, "stage[0]/act": "gelu"})
    assert frozen.constraints == ()
    assert frozen.size().low == 1


@pytest.mark.parametrize(
    ("ordered", "with_replacement", "value"),
    [(True, False, ("c", "a")), (False, False, ("a", "c")), (False, True, ("b", "b")), (True, True, ())],
)
def test_ways_of_choosing_are_frozen(ordered, with_replacement, value):
    some = SomeOf("s", tuple(map(Candidate, "abc")), 0, 2, ordered=ordered, with_replacement=with_replacement)
    frozen = SearchSpace((some,)).freeze({"s": value})
    assert [dict(each) for each in frozen.enumerate()] == [{"s": value}]


def test_choice_that_repeats_some_candidates_is_refused():
    some = SomeOf("s", tuple(map(Candidate, "abc")), 0, 3, with_replacement=True)
    with pytest.raises(UnsupportedError, match="'s' cannot be frozen to"):
        SearchSpace((some,)).freeze({"s": ("a", "a", "b")})


@pytest.mark.parametrize(
    ("partial", "fault"),
    [
        ({"opp": "conv"}, "opp: the space has no decision at this path; did you mean 'op'"),
        ({"op": "pool"}, "op: 'pool' is not the key"),
        ({"op": "attention", "op/conv/kernel": 1}, "'op/conv/kernel' is inactive with the other values"),
    ],
)
def test_what_does_not_fit_is_refused(partial, fault):
    with pytest.raises(SpaceError, match=fault):
        SHARED.freeze(partial)


def test_copy_whose_literal_is_ambiguous_is_refused():
    twins = OneOf("x", (Candidate("a", 1), Candidate("b", 1)))
    with pytest.raises(UnsupportedError, match=r"Freeze 'x' in all copies alike"):
        SearchSpace((Repeat("r", (twins,), 1, 2),)).freeze({"r[0]/x": "a"})


def test_constraint_on_what_is_gone_goes_and_the_rest_stays():
    kernel = Integer("k", 1, 5)
    small = compared("op/conv/k", Operator.LESS_OR_EQUAL, 3)
    odd = compared("n", Operator.NOT_EQUAL, 2)
    nodes = (OneOf("op", (Candidate("conv", children=(kernel,)), Candidate("pool"))), Integer("n", 1, 3))
    space = SearchSpace(nodes, (Constraint("gone", small), Constraint("part", Operation(Operator.AND, (small, odd)))))
    frozen = space.freeze({"op": "pool"})
    assert [constraint.name for constraint in frozen.constraints] == ["part"]
    assert [each["n"] for each in frozen.enumerate()] == [1, 3]
