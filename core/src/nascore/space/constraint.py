"""Constraints: small expressions over decisions, evaluated alike in every language.

An expression is a literal, the value of a decision, or an operation. Every operation follows four rules, in this order:

1. An operand that is UNDEFINED makes the result UNDEFINED.
2. An operand of a wrong type makes the result UNDEFINED.
3. Otherwise an operand that is ABSENT (its decision is not active) makes the result ABSENT; AND and OR follow Kleene's
   logic instead: ``false AND absent`` is false, ``true OR absent`` is true.
4. Otherwise it is computed. Two integers give an exact signed 64 bit integer, or UNDEFINED beyond it. With a real
   number the integer is first turned into the nearest double; DIVIDE does so always. Division by zero, and a real
   result that is not finite, are UNDEFINED. Operations on more than two operands fold from the left.

A constraint is satisfied if it ends in true or ABSENT (it does not apply), and violated if it ends in false or
UNDEFINED. Vectors for other languages: ``protos/examples/constraints.json``.

Not here: whether an expression can make sense at all, which is asked at construction (``constraint_types``).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, StrEnum
from functools import reduce

from nascore.space.nodes import Literal

INTEGER_LOW, INTEGER_HIGH = -(2**63), 2**63 - 1


class Operator(StrEnum):
    """What an operation does; comparisons, NOT, SUBTRACT and DIVIDE have a fixed number of operands."""

    ADD = "ADD"
    SUBTRACT = "SUBTRACT"
    MULTIPLY = "MULTIPLY"
    DIVIDE = "DIVIDE"
    MINIMUM = "MINIMUM"
    MAXIMUM = "MAXIMUM"
    EQUAL = "EQUAL"
    NOT_EQUAL = "NOT_EQUAL"
    LESS = "LESS"
    LESS_OR_EQUAL = "LESS_OR_EQUAL"
    GREATER = "GREATER"
    GREATER_OR_EQUAL = "GREATER_OR_EQUAL"
    AND = "AND"
    OR = "OR"
    NOT = "NOT"


@dataclass(frozen=True, slots=True)
class LiteralValue:
    """A value written down."""

    value: Literal


@dataclass(frozen=True, slots=True)
class DecisionValue:
    """The value of a decision; ABSENT while it is not active.

    It is a OneOf's literal (its key where it has none), a SomeOf's number of chosen candidates, a number, or a Repeat's
    count.
    """

    path: str


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator and its operands."""

    operator: Operator
    operands: tuple[Expression, ...]


Expression = LiteralValue | DecisionValue | Operation


@dataclass(frozen=True, slots=True)
class Constraint:
    """A named condition that every architecture must satisfy."""

    name: str
    expression: Expression


class Special(Enum):
    """Results that are no value."""

    ABSENT = "absent"
    UNDEFINED = "undefined"


ABSENT, UNDEFINED = Special.ABSENT, Special.UNDEFINED
Result = Literal | Special
Number = int | float

ARITHMETIC = frozenset(
    {Operator.ADD, Operator.SUBTRACT, Operator.MULTIPLY, Operator.DIVIDE, Operator.MINIMUM, Operator.MAXIMUM}
)
ORDERING = frozenset({Operator.LESS, Operator.LESS_OR_EQUAL, Operator.GREATER, Operator.GREATER_OR_EQUAL})
EQUALITY = frozenset({Operator.EQUAL, Operator.NOT_EQUAL})
LOGIC = frozenset({Operator.AND, Operator.OR, Operator.NOT})


def is_satisfied(constraint: Constraint, read: Callable[[str], Result]) -> bool:
    """Whether a constraint holds, or does not apply.

    Args:
        constraint: The constraint.
        read: Gives the value of the decision at a path, or ABSENT.
    """
    result = evaluate(constraint.expression, read)
    return result is True or result is ABSENT


def evaluate(expression: Expression, read: Callable[[str], Result]) -> Result:
    """The value of an expression by the rules above; never raises for a value."""
    if isinstance(expression, LiteralValue):
        return expression.value
    if isinstance(expression, DecisionValue):
        return read(expression.path)
    return _apply(expression.operator, [evaluate(operand, read) for operand in expression.operands])


def paths_in(expression: Expression) -> frozenset[str]:
    """The paths of all decisions that an expression reads."""
    if isinstance(expression, DecisionValue):
        return frozenset({expression.path})
    if isinstance(expression, Operation):
        return frozenset().union(*map(paths_in, expression.operands))
    return frozenset()


def _apply(operator: Operator, operands: list[Result]) -> Result:
    if UNDEFINED in operands or not _is_typed(operator, [value for value in operands if value is not ABSENT]):
        return UNDEFINED
    if operator in LOGIC:
        return _logic(operator, operands)
    if ABSENT in operands:
        return ABSENT
    if operator in EQUALITY:
        return _are_equal(operands[0], operands[1]) is (operator is Operator.EQUAL)
    if operator in ORDERING:
        return _COMPARISONS[operator](*_aligned(operands[0], operands[1]))
    return reduce(lambda left, right: _compute(operator, left, right), operands)


def _is_typed(operator: Operator, values: list[Result]) -> bool:
    if operator in LOGIC:
        return all(isinstance(value, bool) for value in values)
    if operator in EQUALITY:
        return len({_family(value) for value in values}) <= 1
    return all(_family(value) == "number" for value in values)


def _family(value: Result) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "text" if isinstance(value, str) else "number"


def _logic(operator: Operator, operands: list[Result]) -> Result:
    if operator is Operator.NOT:
        return ABSENT if operands[0] is ABSENT else not operands[0]
    decisive = operator is Operator.OR
    if any(value is decisive for value in operands):
        return decisive
    return ABSENT if ABSENT in operands else not decisive


def _compute(operator: Operator, left: Result, right: Result) -> Result:
    if left is UNDEFINED:
        return UNDEFINED
    first, second = _aligned(left, right)
    if operator is Operator.DIVIDE:
        return _finite(float(first) / float(second)) if second != 0 else UNDEFINED
    result = _ARITHMETIC[operator](first, second)
    if isinstance(result, float):
        return _finite(result)
    return result if INTEGER_LOW <= result <= INTEGER_HIGH else UNDEFINED


def _aligned(left: Result, right: Result) -> tuple[Number, Number]:
    """Two numbers of one kind; the caller made sure that they are numbers."""
    assert isinstance(left, (int, float))
    assert isinstance(right, (int, float))
    if isinstance(left, int) and isinstance(right, int):
        return left, right
    return float(left), float(right)


def _are_equal(left: Result, right: Result) -> bool:
    if _family(left) == "number":
        first, second = _aligned(left, right)
        return first == second
    return left == right


def _finite(value: float) -> Result:
    return value if math.isfinite(value) else UNDEFINED


_ARITHMETIC: dict[Operator, Callable[[Number, Number], Number]] = {
    Operator.ADD: lambda left, right: left + right,
    Operator.SUBTRACT: lambda left, right: left - right,
    Operator.MULTIPLY: lambda left, right: left * right,
    Operator.MINIMUM: min,
    Operator.MAXIMUM: max,
}

_COMPARISONS: dict[Operator, Callable[[Number, Number], bool]] = {
    Operator.LESS: lambda left, right: left < right,
    Operator.LESS_OR_EQUAL: lambda left, right: left <= right,
    Operator.GREATER: lambda left, right: left > right,
    Operator.GREATER_OR_EQUAL: lambda left, right: left >= right,
}
