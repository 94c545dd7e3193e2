"""What is wrong with a constraint before any architecture is seen."""

from __future__ import annotations

import pytest
from nascore.errors import SpaceError
from nascore.space import (
    Candidate,
    Constraint,
    DecisionValue,
    Integer,
    LiteralValue,
    OneOf,
    Operation,
    Operator,
    Real,
    SearchSpace,
)

NODES = (
    OneOf("op", (Candidate("conv"), Candidate("pool"))),
    OneOf("width", (Candidate("8", 8), Candidate("16", 16))),
    OneOf("mixed", (Candidate("no", False), Candidate("4", 4))),
    OneOf("flag", (Candidate("on", True), Candidate("off", False))),
    Integer("depth", 1, 4),
    Real("rate", 0, 1),
)


def value(thing):
    return DecisionValue(thing) if isinstance(thing, str) else LiteralValue(thing)


def operation(operator, *operands):
    return Operation(operator, tuple(each if isinstance(each, Operation) else value(each) for each in operands))


def space(expression, name="c"):
    return SearchSpace(NODES, (Constraint(name, expression),))


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        (operation(Operator.LESS, "dept", 3), r"reads 'dept', but the space has no decision .* did you mean 'depth'\?"),
        (operation(Operator.LESS, "op", 3), "LESS takes an integer or a real number, but an operand is text"),
        (operation(Operator.ADD, "depth", 3), "gives an integer, but a constraint must be true or false"),
        (operation(Operator.DIVIDE, "depth", 3), "gives a real number, but"),
        (value("op"), "gives text, but a constraint must be true or false"),
        (operation(Operator.EQUAL, "op", "width"), "compares text with an integer, which never works"),
        (operation(Operator.EQUAL, "flag", 1), "compares a truth value with an integer"),
        (operation(Operator.AND, "flag", "depth"), "AND takes a truth value, but an operand is an integer"),
        (operation(Operator.NOT, "flag", "flag"), "NOT takes 1 operand, got 2"),
        (operation(Operator.AND, "flag"), "AND takes 2 or more operands, got 1"),
        (operation(Operator.LESS, 1, 2, 3), "LESS takes 2 operands, got 3"),
        (operation(Operator.SUBTRACT, 1), "SUBTRACT takes 2 operands, got 1"),
        (operation(Operator.LESS, "depth", 2**63), "does not fit 64 bits"),
        (operation(Operator.LESS, "depth", float("inf")), "not a finite number"),
        (operation("LESS", "depth", 2), "needs an Operator and a tuple"),
        ("depth < 3", "is not an expression"),
    ],
)
def test_faulty_constraint_is_refused(expression, fault):
    with pytest.raises(SpaceError, match=fault) as caught:
        space(expression)
    assert caught.value.violations[0].field == "constraints[0]"


@pytest.mark.parametrize(
    "expression",
    [
        value("flag"),
        value("mixed"),
        operation(Operator.LESS, "mixed", 3),
        operation(Operator.EQUAL, "width", 8.0),
        operation(Operator.GREATER, operation(Operator.MAXIMUM, "rate", "depth"), 0.5),
        operation(Operator.OR, operation(Operator.NOT, "flag"), operation(Operator.EQUAL, "depth", 2)),
    ],
)
def test_constraint_that_may_work_is_accepted(expression):
    assert space(expression).constraints[0].expression is expression


@pytest.mark.parametrize(("name", "fault"), [("", "0 characters"), ("n" * 257, "257 characters")])
def test_faulty_name_is_refused(name, fault):
    with pytest.raises(SpaceError, match=fault):
        space(value("flag"), name)


def test_two_constraints_of_one_name_are_refused():
    same = Constraint("c", value("flag"))
    with pytest.raises(SpaceError, match="the name 'c' appears twice"):
        SearchSpace(NODES, (same, same))


def test_depth_of_expressions_is_limited():
    expression = value("flag")
    for _ in range(30):
        expression = Operation(Operator.NOT, (expression,))
    with pytest.raises(SpaceError, match="nested more than 30 deep"):
        space(expression)
    assert space(expression.operands[0])


@pytest.mark.parametrize("constraints", [None, [], (3,)])
def test_what_is_no_tuple_of_constraints_is_refused(constraints):
    with pytest.raises(SpaceError, match="constraints"):
        SearchSpace(NODES, constraints)
