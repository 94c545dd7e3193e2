"""Constraints without what is gone, against evaluation with it absent."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nascore.errors import UnsupportedError
from nascore.space import Constraint, DecisionValue, LiteralValue, Operation, Operator
from nascore.space.absence import without
from nascore.space.constraint import ABSENT, is_satisfied, paths_in

NUMBERS = st.sampled_from(
    [DecisionValue("n"), DecisionValue("m"), DecisionValue("gone"), LiteralValue(0), LiteralValue(2)]
)
QUOTIENTS = st.builds(lambda first, second: Operation(Operator.DIVIDE, (first, second)), NUMBERS, NUMBERS)
CLAIMS = st.builds(
    lambda operator, first, second: Operation(operator, (first, second)),
    st.sampled_from([Operator.LESS, Operator.EQUAL]),
    NUMBERS | QUOTIENTS,
    NUMBERS | QUOTIENTS,
)
EXPRESSIONS = st.recursive(
    CLAIMS | st.just(DecisionValue("flag")) | st.just(DecisionValue("gone flag")),
    lambda inner: st.one_of(
        inner.map(lambda each: Operation(Operator.NOT, (each,))),
        st.builds(
            lambda operator, parts: Operation(operator, tuple(parts)),
            st.sampled_from([Operator.AND, Operator.OR]),
            st.lists(inner, min_size=2, max_size=3),
        ),
    ),
    max_leaves=6,
)
ALIVE = {"n", "m", "flag"}


@settings(max_examples=150, deadline=None, derandomize=True)
@given(EXPRESSIONS)
def test_what_remains_is_satisfied_exactly_when_the_whole_was(expression):
    whole = Constraint("c", expression)
    left = without(whole, ALIVE)
    assert left is None or paths_in(left.expression) <= ALIVE
    for n, m, flag in itertools.product((0, 2, ABSENT), (0, 3, ABSENT), (True, False, ABSENT)):
        values = {"n": n, "m": m, "flag": flag}
        expected = is_satisfied(whole, lambda path, values=values: values.get(path, ABSENT))
        assert (left is None or is_satisfied(left, lambda path, values=values: values[path])) == expected


def test_constraint_without_anything_gone_is_left_alone():
    constraint = Constraint("c", DecisionValue("flag"))
    assert without(constraint, ALIVE) is constraint


def test_comparison_of_truth_values_that_are_partly_gone_is_refused():
    part = Operation(Operator.AND, (DecisionValue("gone flag"), DecisionValue("flag")))
    with pytest.raises(UnsupportedError, match="'c' compares a truth value of which a part is frozen away"):
        without(Constraint("c", Operation(Operator.EQUAL, (part, DecisionValue("flag")))), ALIVE)
