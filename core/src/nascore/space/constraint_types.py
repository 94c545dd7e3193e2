"""What is wrong with constraints, as far as it can be seen without an architecture.

Found here: unknown paths, wrong numbers of operands, and operations that can never be computed because their operands
are of wrong types whatever is chosen. What depends on the choice is UNDEFINED when it happens (``constraint``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from nascore.errors import Violation
from nascore.space import limits
from nascore.space.check import literal_fault, text_fault
from nascore.space.constraint import (
    ARITHMETIC,
    EQUALITY,
    LOGIC,
    ORDERING,
    Constraint,
    DecisionValue,
    Expression,
    LiteralValue,
    Operation,
    Operator,
)
from nascore.space.nearest import Nearest
from nascore.space.nodes import Literal, Node, OneOf, Real

BOOLEAN, INTEGER, REAL, TEXT = "boolean", "integer", "real number", "text"

_NUMBERS = frozenset({INTEGER, REAL})
_BOOLEANS = frozenset({BOOLEAN})
_ARTICLES = {BOOLEAN: "a truth value", INTEGER: "an integer", REAL: "a real number", TEXT: "text"}


def constraint_violations(constraints: object, table: Mapping[str, Node] | None) -> Iterator[Violation]:
    """Everything that is wrong with constraints.

    Args:
        constraints: The constraints.
        table: The node of every path; None if the nodes are wrong themselves, and paths cannot be looked up.
    """
    if not isinstance(constraints, tuple):
        yield Violation("constraints", f"must be a tuple of Constraint, got {type(constraints).__name__}")
        return
    nearest = Nearest(table or ())
    for index, constraint in enumerate(constraints):
        place = f"constraints[{index}]"
        if not isinstance(constraint, Constraint):
            yield Violation(place, f"{constraint!r} is not a Constraint")
            continue
        fault = text_fault(constraint.name, "name")
        yield from () if fault is None else (Violation(place, fault),)
        faults = _faults(constraint.expression, table, nearest)
        yield from (Violation(place, f"{constraint.name!r} {fault}") for fault in faults)
    names = Counter(getattr(constraint, "name", None) for constraint in constraints)
    twice = (name for name, uses in names.items() if uses > 1 and isinstance(name, str))
    yield from (Violation("constraints", f"the name {name!r} appears twice; names are unique") for name in twice)


def _faults(expression: Expression, table: Mapping[str, Node] | None, nearest: Nearest) -> tuple[str, ...]:
    found = tuple(_shape_faults(expression, 1))
    if found or table is None:
        return found
    unknown = tuple(_unknown_paths(expression, table, nearest))
    if unknown:
        return unknown
    faults: list[str] = []
    types = _types(expression, table, faults)
    if not faults and BOOLEAN not in types:
        faults.append(f"gives {_either(types)}, but a constraint must be true or false")
    return tuple(faults)


def _shape_faults(expression: object, depth: int) -> Iterator[str]:
    if depth > limits.MAX_DEPTH:
        yield f"is nested more than {limits.MAX_DEPTH} deep; split it into several constraints"
    elif isinstance(expression, LiteralValue):
        fault = literal_fault(expression.value)
        yield from () if fault is None else (fault,)
    elif isinstance(expression, DecisionValue):
        fault = text_fault(expression.path, "path", limits.MAX_PATH)
        yield from () if fault is None else (fault,)
    elif not isinstance(expression, Operation):
        yield f"{expression!r} is not an expression"
    elif not _is_formed(expression.operator, expression.operands):
        yield f"{expression!r} needs an Operator and a tuple of operands"
    else:
        yield from _arity_faults(expression)
        for operand in expression.operands:
            yield from _shape_faults(operand, depth + 1)


def _is_formed(operator: object, operands: object) -> bool:
    return isinstance(operator, Operator) and isinstance(operands, tuple)


def _arity_faults(operation: Operation) -> Iterator[str]:
    operator, count = operation.operator, len(operation.operands)
    if operator is Operator.NOT and count != 1:
        yield f"NOT takes 1 operand, got {count}"
    elif operator in ORDERING | EQUALITY | {Operator.SUBTRACT, Operator.DIVIDE} and count != 2:
        yield f"{operator} takes 2 operands, got {count}"
    elif operator is not Operator.NOT and count < 2:
        yield f"{operator} takes 2 or more operands, got {count}"


def _unknown_paths(expression: Expression, table: Mapping[str, Node], nearest: Nearest) -> Iterator[str]:
    if isinstance(expression, DecisionValue) and expression.path not in table:
        yield f"reads {expression.path!r}, but the space has no decision at that path{nearest.hint(expression.path)}"
    elif isinstance(expression, Operation):
        for operand in expression.operands:
            yield from _unknown_paths(operand, table, nearest)


def _types(expression: Expression, table: Mapping[str, Node], faults: list[str]) -> frozenset[str]:
    """The types that a value can have; what is found wrong is added to ``faults``."""
    if isinstance(expression, LiteralValue):
        return frozenset({_literal_type(expression.value)})
    if isinstance(expression, DecisionValue):
        return _node_types(table[expression.path])
    operands = [_types(operand, table, faults) for operand in expression.operands]
    if expression.operator in EQUALITY:
        _require_comparable(expression.operator, operands, faults)
        return _BOOLEANS
    needed = _BOOLEANS if expression.operator in LOGIC else _NUMBERS
    for types in operands:
        if not types & needed:
            faults.append(f"{expression.operator} takes {_either(needed)}, but an operand is {_either(types)}")
    return _result_types(expression.operator, operands)


def _require_comparable(operator: Operator, operands: list[frozenset[str]], faults: list[str]) -> None:
    first, second = ({"number" if kind in _NUMBERS else kind for kind in types} for types in operands)
    if not first & second:
        faults.append(f"{operator} compares {_either(operands[0])} with {_either(operands[1])}, which never works")


def _result_types(operator: Operator, operands: list[frozenset[str]]) -> frozenset[str]:
    if operator not in ARITHMETIC:
        return _BOOLEANS
    if operator is Operator.DIVIDE:
        return frozenset({REAL})
    can_be_real = any(REAL in types for types in operands)
    can_be_integer = all(INTEGER in types for types in operands)
    return frozenset(([REAL] if can_be_real else []) + ([INTEGER] if can_be_integer else [])) or _NUMBERS


def _node_types(node: Node) -> frozenset[str]:
    if isinstance(node, OneOf):
        values = (candidate.key if candidate.value is None else candidate.value for candidate in node.candidates)
        return frozenset(map(_literal_type, values))
    return frozenset({REAL if isinstance(node, Real) else INTEGER})


def _literal_type(value: Literal) -> str:
    if isinstance(value, bool):
        return BOOLEAN
    if isinstance(value, str):
        return TEXT
    return INTEGER if isinstance(value, int) else REAL


def _either(types: frozenset[str]) -> str:
    return " or ".join(_ARTICLES[kind] for kind in sorted(types))
