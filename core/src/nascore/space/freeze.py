"""Freezing: a smaller space in which some decisions are made already.

What is frozen stays a decision, with one value left, so paths do not change and every architecture of the frozen space
is one of the original space. Three things need care:

- A decision that hoisting moved must stay where it is even if some of its uses vanish: it is written out at its home.
- A free repeat has one body for all copies. If all are frozen alike, the body is; otherwise a constraint says so.
- Constraints may speak of decisions that are gone. These are ABSENT for ever, and what can be said about ABSENT without
  knowing the rest is worked out (``absence``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from nascore.errors import SpaceError, UnsupportedError, Violation
from nascore.space import path as paths
from nascore.space.absence import without
from nascore.space.architecture import Value
from nascore.space.constraint import Constraint, DecisionValue, LiteralValue, Operation, Operator
from nascore.space.membership import Unknown, normalised
from nascore.space.nodes import Candidate, Group, Integer, Node, OneOf, Real, Repeat, SomeOf
from nascore.space.plan import Plan, node_table
from nascore.space.scope import Placed, Scope, resolve


def frozen(plan: Plan, partial: Mapping[str, object]) -> tuple[tuple[Node, ...], tuple[Constraint, ...]]:
    """The nodes and constraints that are left when some decisions are made.

    Args:
        plan: The space.
        partial: Values by path, as `SearchSpace.architecture` reads them.

    Raises:
        SpaceError: A path is unknown or a value is none of its decision's, each named.
        UnsupportedError: A value of a SomeOf cannot be expressed by itself, which is named.
    """
    chosen = _checked(plan, partial)
    by_label, single = _by_label(plan, chosen)
    nodes = _spelled_out(plan.root, by_label)
    alive = node_table(resolve(nodes)[0])
    ties = tuple(_tie(plan, path, value) for path, value in single.items() if path in alive)
    left = (without(constraint, alive.keys()) for constraint in plan.constraints)
    return nodes, (*(constraint for constraint in left if constraint is not None), *ties)


def _checked(plan: Plan, partial: Mapping[str, object]) -> dict[str, Value]:
    chosen: dict[str, Value] = {}
    wrong: list[Violation] = []
    unknown = Unknown(plan)
    for path, written in partial.items():
        value, step = normalised(plan, path, written), plan.by_path.get(path)
        fault = unknown.fault(path) if step is None else step.domain.fault(value)
        if fault is None and isinstance(value, (str, tuple, int, float)):
            chosen[path] = value
        else:
            wrong.append(Violation(path, fault or f"{value!r} is no value"))
    if wrong:
        raise SpaceError(f"The space cannot be frozen like this: {wrong[0]}.", violations=tuple(wrong))
    return chosen


def _by_label(plan: Plan, chosen: dict[str, Value]) -> tuple[dict[str, Value], dict[str, Value]]:
    """What can be frozen in the definition, by label; and what concerns only some copies, by path."""
    copies = _copies(plan, chosen)
    by_label: dict[str, Value] = {}
    single: dict[str, Value] = {}
    for path, value in chosen.items():
        label = plan.by_path[path].node.label
        if all(chosen.get(other) == value for other in copies[label]):
            by_label[label] = value
        else:
            single[path] = value
    return by_label, single


def _copies(plan: Plan, chosen: dict[str, Value]) -> dict[str, list[str]]:
    """By label, the paths that can still be active."""
    copies: dict[str, list[str]] = {}
    possible: set[str] = set()
    for step in plan.steps:
        parent = step.condition.path if step.condition is not None else None
        is_met = step.condition is None or parent not in chosen or step.condition.holds(chosen)
        if is_met and (parent is None or parent in possible):
            possible.add(step.path)
            copies.setdefault(step.node.label, []).append(step.path)
        elif step.path in chosen:
            raise SpaceError(f"The space cannot be frozen like this: {step.path!r} is inactive with the other values.")
    return copies


def _spelled_out(scope: Scope, chosen: dict[str, Value]) -> tuple[Node, ...]:
    """The nodes of a scope as they are at home there, so that nothing moves when uses vanish."""
    return tuple(_narrowed(placed, chosen) for placed in scope.members)


def _narrowed(placed: Placed, chosen: dict[str, Value]) -> Node:
    node, value = placed.node, chosen.get(placed.node.label)
    if isinstance(node, Group):
        return Group(node.label, _spelled_out(placed.scopes[0], chosen))
    if isinstance(node, Repeat):
        body = _spelled_out(placed.scopes[0], chosen)
        low, high = (value, value) if isinstance(value, int) else (node.min_count, node.max_count)
        return replace(node, body=body, min_count=low, max_count=high)
    if isinstance(node, (OneOf, SomeOf)):
        return _narrowed_choice(node, _candidates(placed, chosen), value)
    if isinstance(node, Integer) and isinstance(value, int):
        return replace(node, low=value, high=value)
    return replace(node, low=value, high=value) if isinstance(node, Real) and isinstance(value, float) else node


def _candidates(placed: Placed, chosen: dict[str, Value]) -> dict[str, Candidate]:
    assert isinstance(placed.node, (OneOf, SomeOf))
    pairs = zip(placed.node.candidates, placed.scopes, strict=True)
    return {each.key: replace(each, children=_spelled_out(scope, chosen)) for each, scope in pairs}


def _narrowed_choice(node: OneOf | SomeOf, candidates: dict[str, Candidate], value: Value | None) -> Node:
    if isinstance(node, OneOf):
        kept = tuple(candidates.values()) if value is None else (candidates[str(value)],)
        return OneOf(node.label, kept)
    if not isinstance(value, tuple):
        return replace(node, candidates=tuple(candidates.values()))
    distinct = dict.fromkeys(value)
    if len(distinct) not in (1, len(value)) and value:
        raise UnsupportedError(
            f"{node.label!r} cannot be frozen to {list(value)}: a choice that repeats some candidates among others "
            "is not the only one of any smaller space.",
            hint="Freeze it to distinct candidates, or to one candidate only.",
        )
    # In the chosen order and unordered there is exactly one way left, whatever the choice was before. An empty choice
    # keeps its candidates, for a choice without any is not valid.
    kept = tuple(candidates[key] for key in distinct) or tuple(candidates.values())
    repeats = len(distinct) < len(value)
    return SomeOf(node.label, kept, len(value), len(value), ordered=False, with_replacement=repeats)


def _tie(plan: Plan, path: str, value: Value) -> Constraint:
    """A constraint that holds one copy to its value; it is satisfied while that copy is not active."""
    literals = plan.literals.get(path)
    if isinstance(value, tuple) or (literals is not None and _is_ambiguous(literals, str(value))):
        raise UnsupportedError(
            f"{path!r} cannot be frozen by itself, for no constraint can tell its value from others.",
            hint=f"Freeze {paths.split(path)[-1]!r} in all copies alike.",
        )
    literal = value if literals is None else literals[str(value)]
    expression = Operation(Operator.EQUAL, (DecisionValue(path), LiteralValue(literal)))
    return Constraint(f"frozen {path}"[:256], expression)


def _is_ambiguous(literals: Mapping[str, object], key: str) -> bool:
    return sum(value == literals[key] for value in literals.values()) > 1
