"""Counting under constraints."""

from __future__ import annotations

import pytest
from nascore.errors import UnsupportedError
from nascore.space import (
    Constraint,
    DecisionValue,
    Integer,
    LiteralValue,
    Operation,
    Operator,
    Real,
    SearchSpace,
)
from nascore.testing import KNOWN_SPACES, choice, compared


def test_free_parts_multiply_beside_a_constraint():
    nodes = (*(choice(f"n{index}", *"abcde") for index in range(26)), Integer("n", 0, 9), Integer("m", 0, 9))
    space = SearchSpace(
        nodes,
        (Constraint("small", compared("n", Operator.LESS, 3)), Constraint("smaller", compared("m", Operator.LESS, 2))),
    )
    assert space.size().low == 5**26 * 3 * 2
    assert space.size().is_exact


def test_parts_that_constraints_connect_are_tried_together():
    order = Operation(Operator.LESS, (DecisionValue("a"), DecisionValue("b")))
    chain = Operation(Operator.LESS, (DecisionValue("b"), DecisionValue("c")))
    nodes = tuple(Integer(label, 1, 5) for label in "abcd")
    space = SearchSpace(nodes, (Constraint("1", order), Constraint("2", chain)))
    assert space.size().low == 10 * 5 == len(list(space.enumerate()))


def test_too_many_to_try_give_bounds_and_say_so():
    nodes = (Integer("n", 0, 39_999), choice("x", "a", "b"))
    space = SearchSpace(nodes, (Constraint("small", compared("n", Operator.LESS, 15_000)),))
    size = space.size()
    assert (size.low, size.high, size.is_exact) == (30_000, 70_000, False)
    assert str(size) == "between 30,000 and 70,000 (constraints: not enumerated)"
    with pytest.raises(UnsupportedError, match="constraints and more than 20,000"):
        space.at(0)


def test_constraint_on_an_uncountable_part_leaves_it_open():
    space = SearchSpace((Real("r", 0, 1), Integer("n", 1, 2)), (Constraint("c", compared("r", Operator.LESS, 0.5)),))
    assert str(space.size()) == "between 0 and infinitely many (constraints: not enumerated)"


def test_constraint_beside_an_uncountable_part_does_not_matter_to_it():
    space = SearchSpace((Real("r", 0, 1), Integer("n", 1, 2)), (Constraint("c", compared("n", Operator.LESS, 2)),))
    assert str(space.size()) == "infinitely many"


def test_constraint_without_decisions_allows_all_or_nothing():
    never = Constraint("never", LiteralValue(False))
    assert SearchSpace((choice("x", "a"),), (never,)).size().low == 0
    assert SearchSpace((choice("x", "a"),), (Constraint("always", LiteralValue(True)),)).size().low == 1


def test_constrained_architectures_are_numbered_without_gaps():
    space = KNOWN_SPACES["constrained"]
    found = list(space.enumerate())
    assert len(found) == 34
    assert [space.at(index) for index in range(34)] == found
    assert [space.index_of(each) for each in found] == list(range(34))


def test_sizes_are_readable():
    assert str(KNOWN_SPACES["nasbench201"].size()) == "15,625"
    assert str(KNOWN_SPACES["flat28"].size()) == "about 3.73e+19"
    assert str(KNOWN_SPACES["numeric"].size()) == "infinitely many"
