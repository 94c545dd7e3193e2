"""Constraints without the decisions that are gone: what remains of an expression when some of it is ABSENT for ever.

A constraint is satisfied by true and by ABSENT. With NOT pushed down to the leaves (De Morgan's laws hold in Kleene's
logic), an AND is satisfied if all its parts are, and an OR if one of them is. So a leaf that is ABSENT for ever may be
replaced by true, whether it was negated or not. Arithmetic and comparison with what is gone are gone themselves, unless
another operand is UNDEFINED, so of these remains that they must be defined.
"""

from __future__ import annotations

from collections.abc import Iterator, Set

from nascore.errors import UnsupportedError
from nascore.space.constraint import (
    ABSENT,
    LOGIC,
    Constraint,
    Expression,
    LiteralValue,
    Operation,
    Operator,
    is_satisfied,
    paths_in,
)

_OPPOSITE = {Operator.AND: Operator.OR, Operator.OR: Operator.AND}


def without(constraint: Constraint, alive: Set[str]) -> Constraint | None:
    """The constraint for a space in which only some paths are left; None if it always holds there.

    Raises:
        UnsupportedError: It compares truth values of which a part is gone, which cannot be written without that part.
    """
    if paths_in(constraint.expression) <= alive:
        return constraint
    left = Constraint(constraint.name, _positive(constraint.expression, alive, constraint.name, is_negated=False))
    is_constant = not paths_in(left.expression)
    return None if is_constant and is_satisfied(left, lambda path: ABSENT) else left


def _positive(expression: Expression, alive: Set[str], name: str, *, is_negated: bool) -> Expression:
    """An expression over living paths that is satisfied exactly if the (negated) one is."""
    if paths_in(expression) <= alive:
        return Operation(Operator.NOT, (expression,)) if is_negated else expression
    if not isinstance(expression, Operation) or expression.operator not in LOGIC:
        return _defined(list(_living_operations(expression, alive, name)))
    if expression.operator is Operator.NOT:
        return _positive(expression.operands[0], alive, name, is_negated=not is_negated)
    operator = _OPPOSITE[expression.operator] if is_negated else expression.operator
    operands = (_positive(operand, alive, name, is_negated=is_negated) for operand in expression.operands)
    return Operation(operator, tuple(operands))


def _defined(operations: list[Expression]) -> Expression:
    """Satisfied unless one of the operations is UNDEFINED, for x = x is true or ABSENT otherwise."""
    claims = [Operation(Operator.EQUAL, (operation, operation)) for operation in operations]
    if not claims:
        return LiteralValue(True)
    return claims[0] if len(claims) == 1 else Operation(Operator.AND, tuple(claims))


def _living_operations(expression: Expression, alive: Set[str], name: str) -> Iterator[Expression]:
    """The operations inside an expression that can still be computed."""
    if not isinstance(expression, Operation):
        return
    if paths_in(expression) <= alive:
        yield expression
        return
    if expression.operator in LOGIC:
        raise UnsupportedError(
            f"The constraint {name!r} compares a truth value of which a part is frozen away.",
            hint="Write it with AND, OR and NOT only, or remove it before freezing.",
        )
    for operand in expression.operands:
        yield from _living_operations(operand, alive, name)
