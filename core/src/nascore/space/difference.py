"""How two spaces differ, in lines that a person reads.

Nodes are matched by where they were written (``op/conv3/kernel``), so a label that moved appears as removed and added.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import fields

from nascore.space import path as paths
from nascore.space.constraint import Constraint
from nascore.space.nodes import Candidate, Node, OneOf, SomeOf, is_same
from nascore.space.scope import inner_lists

_STRUCTURE = frozenset({"label", "candidates", "children", "body"})


def differences(
    first: tuple[Node, ...],
    second: tuple[Node, ...],
    *,
    constraints: tuple[tuple[Constraint, ...], tuple[Constraint, ...]],
) -> tuple[str, ...]:
    """Readable lines; none if the spaces are the same.

    Args:
        first: Nodes of the one space.
        second: Nodes of the other.
        constraints: The constraints of the one and of the other.
    """
    return (*_node_lines(first, second, ""), *_constraint_lines(*constraints))


def _node_lines(first: tuple[Node, ...], second: tuple[Node, ...], prefix: str) -> Iterator[str]:
    if is_same(first, second):
        return
    before, after = _by_label(first), _by_label(second)
    for label in [*before, *(label for label in after if label not in before)]:
        place = paths.child(prefix, label)
        if label not in after:
            yield f"{place}: removed ({_kind(before[label])})"
        elif label not in before:
            yield f"{place}: added ({_kind(after[label])})"
        else:
            yield from _pair_lines(before[label], after[label], place)
    yield from _order_lines(prefix, "nodes", list(before), list(after))
    uses = Counter(node.label for node in first), Counter(node.label for node in second)
    for label in (label for label in before if label in after and uses[0][label] != uses[1][label]):
        yield f"{paths.child(prefix, label)}: written {uses[0][label]} times became {uses[1][label]} times"


def _by_label(nodes: tuple[Node, ...]) -> dict[str, Node]:
    return {node.label: node for node in nodes}


def _pair_lines(before: Node, after: Node, place: str) -> Iterator[str]:
    if type(before) is not type(after):
        yield f"{place}: {_kind(before)} became {_kind(after)}"
        return
    for field in fields(before):
        old, new = getattr(before, field.name), getattr(after, field.name)
        if field.name not in _STRUCTURE and not is_same(old, new):
            yield f"{place}: {field.name} {old!r} became {new!r}"
    if isinstance(before, (OneOf, SomeOf)) and isinstance(after, (OneOf, SomeOf)):
        yield from _candidate_lines(before, after, place)
    else:
        for old_nodes, new_nodes in zip(inner_lists(before), inner_lists(after), strict=True):
            yield from _node_lines(old_nodes, new_nodes, place)


def _candidate_lines(before: OneOf | SomeOf, after: OneOf | SomeOf, place: str) -> Iterator[str]:
    old = {candidate.key: candidate for candidate in before.candidates}
    new = {candidate.key: candidate for candidate in after.candidates}
    yield from (f"{place}: candidate {key!r} removed" for key in old if key not in new)
    yield from (f"{place}: candidate {key!r} added" for key in new if key not in old)
    for key in (key for key in old if key in new):
        yield from _same_key_lines(old[key], new[key], place)
    yield from _order_lines(place, "candidates", list(old), list(new))


def _same_key_lines(old: Candidate, new: Candidate, place: str) -> Iterator[str]:
    if not is_same(old.value, new.value):
        yield f"{place}: candidate {old.key!r}: value {old.value!r} became {new.value!r}"
    if old.search_only != new.search_only:
        yield f"{place}: candidate {old.key!r}: search_only {old.search_only} became {new.search_only}"
    yield from _node_lines(old.children, new.children, paths.child(place, old.key))


def _order_lines(place: str, noun: str, before: list[str], after: list[str]) -> Iterator[str]:
    befores, afters = set(before), set(after)
    old = [name for name in before if name in afters]
    new = [name for name in after if name in befores]
    if old != new:
        yield f"{place or 'the space'}: the order of its {noun} changed from {old} to {new}"


def _constraint_lines(first: tuple[Constraint, ...], second: tuple[Constraint, ...]) -> Iterator[str]:
    before = {constraint.name: constraint for constraint in first}
    after = {constraint.name: constraint for constraint in second}
    yield from (f"constraint {name!r}: removed" for name in before if name not in after)
    yield from (f"constraint {name!r}: added" for name in after if name not in before)
    shared = (name for name in before if name in after)
    yield from (f"constraint {name!r}: changed" for name in shared if not is_same(before[name], after[name]))
    yield from _order_lines("", "constraints", list(before), list(after))


def _kind(node: Node) -> str:
    return type(node).__name__
