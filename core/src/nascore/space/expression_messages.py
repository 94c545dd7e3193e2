"""Constraints, expressions and literals as messages of ``nascore.v1``, and back.

Reading never guesses: what is unset or unknown is collected as a violation with the field's path in the message.
Whether the values are right is asked afterwards, when the space is made.
"""

from __future__ import annotations

from collections.abc import Sequence

from nascore.errors import Violation
from nascore.space import limits
from nascore.space.constraint import Constraint, DecisionValue, Expression, LiteralValue, Operation, Operator
from nascore.space.nodes import Literal
from nascore.v1 import space_pb2 as pb

_PREFIX = "OPERATOR_"
_UNSET = "is unset, or of a kind that this version does not know; set one of its kinds"
_UNREADABLE = LiteralValue(False)
_OPERATORS: dict[Operator, pb.Operator] = {each: getattr(pb, _PREFIX + each.value) for each in Operator}
_READ_OPERATORS = {number: operator for operator, number in _OPERATORS.items()}


def write_literal(value: Literal, message: pb.Literal) -> None:
    """Fills a message; a truth value is told from an integer."""
    if isinstance(value, bool):
        message.boolean = value
    elif isinstance(value, int):
        message.integer = value
    elif isinstance(value, float):
        message.real = value
    else:
        message.text = value


def read_literal(message: pb.Literal, place: str, found: list[Violation]) -> Literal:
    """The value of a message; an unset one is added to ``found``."""
    kind = message.WhichOneof("value")
    if kind == "boolean":
        return message.boolean
    if kind == "integer":
        return message.integer
    if kind == "real":
        return message.real
    if kind is None:
        found.append(Violation(place, _UNSET))
    return message.text


def write_constraint(constraint: Constraint, message: pb.Constraint) -> None:
    """Fills a message."""
    message.name = constraint.name
    write_expression(constraint.expression, message.expression)


def write_expression(expression: Expression, message: pb.Expression) -> None:
    """Fills a message."""
    if isinstance(expression, LiteralValue):
        write_literal(expression.value, message.literal)
    elif isinstance(expression, DecisionValue):
        message.decision = expression.path
    else:
        message.operation.operator = _OPERATORS[expression.operator]
        for operand in expression.operands:
            write_expression(operand, message.operation.operands.add())


def read_constraints(messages: Sequence[pb.Constraint], found: list[Violation]) -> tuple[Constraint, ...]:
    """The constraints of a space; what is unset, unknown, or too much is added to ``found``."""
    reader = _Reader(found)
    return tuple(
        Constraint(message.name, reader.read(message.expression, f"constraints[{index}].expression", 1))
        for index, message in enumerate(messages)
    )


def read_expression(message: pb.Expression, place: str, found: list[Violation]) -> Expression:
    """One expression by itself; what is unset, unknown, or too much is added to ``found``."""
    return _Reader(found).read(message, place, 1)


class _Reader:
    """Reads expressions, so many parts at most."""

    def __init__(self, found: list[Violation]) -> None:
        self._found = found
        self._left = limits.MAX_NODES

    def read(self, message: pb.Expression, place: str, depth: int) -> Expression:
        self._left -= 1
        if self._left < 0 or depth > limits.MAX_DEPTH:
            return self._refuse_size(place)
        kind = message.WhichOneof("kind")
        if kind == "literal":
            return LiteralValue(read_literal(message.literal, f"{place}.literal", self._found))
        if kind == "decision":
            return DecisionValue(message.decision)
        if kind == "operation":
            return self._read_operation(message.operation, f"{place}.operation", depth)
        self._found.append(Violation(place, _UNSET))
        return _UNREADABLE

    def _read_operation(self, message: pb.Operation, place: str, depth: int) -> Expression:
        operands = tuple(
            self.read(operand, f"{place}.operands[{index}]", depth + 1)
            for index, operand in enumerate(message.operands)
            if self._left >= 0
        )
        operator = _READ_OPERATORS.get(message.operator)
        if operator is None:
            known = ", ".join(_PREFIX + each for each in Operator)
            self._found.append(Violation(f"{place}.operator", f"is {message.operator}; choose one of {known}"))
            return _UNREADABLE
        return Operation(operator, operands)

    def _refuse_size(self, place: str) -> Expression:
        if self._left < 0:
            message = f"the constraints have more than {limits.MAX_NODES:,} parts; at most so many are read"
            self._found.append(Violation("constraints", message))
        else:
            self._found.append(Violation(place, f"is nested more than {limits.MAX_DEPTH} deep"))
        return _UNREADABLE
