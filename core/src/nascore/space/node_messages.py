"""The nodes of a space as a message of ``nascore.v1``, and back.

Reading never guesses: what is unset or unknown is collected, with the field's path in the message, and refused
together. A message is measured before it is read, so that a hostile one costs no more than its bytes. Whether the
values are right is asked afterwards, when the space is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from google.protobuf.internal.containers import RepeatedCompositeFieldContainer

from nascore.errors import SpaceError, Violation
from nascore.space import limits
from nascore.space.constraint import Constraint
from nascore.space.expression_messages import read_constraints, read_literal, write_constraint, write_literal
from nascore.space.nodes import Candidate, Group, Integer, Node, OneOf, Real, Repeat, SomeOf
from nascore.v1 import space_pb2 as pb

SPEC_VERSION = 1

_UNREADABLE_NODE = Group("", ())


def to_message(nodes: tuple[Node, ...], constraints: tuple[Constraint, ...]) -> pb.SearchSpace:
    """Writes a space that is valid."""
    message = pb.SearchSpace(spec_version=SPEC_VERSION)
    for node in nodes:
        _write_node(node, message.nodes.add())
    for constraint in constraints:
        write_constraint(constraint, message.constraints.add())
    return message


def from_message(message: pb.SearchSpace) -> tuple[tuple[Node, ...], tuple[Constraint, ...]]:
    """Reads nodes and constraints; they are not checked yet.

    Raises:
        SpaceError: Something is unset, unknown, too large or too deep; everything found is listed, with its place.
    """
    if message.spec_version != SPEC_VERSION:
        raise SpaceError(
            f"spec_version is {message.spec_version}; only version {SPEC_VERSION} is known.",
            hint=f'Write "specVersion": {SPEC_VERSION}, or use a newer nascore.',
        )
    _measure(message.nodes)
    found: list[Violation] = []
    nodes = _read_nodes(message.nodes, "nodes", found)
    constraints = read_constraints(message.constraints, found)
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise SpaceError(f"Not a search space: {found[0]}{more}.", violations=tuple(found))
    return nodes, constraints


def _write_node(node: Node, message: pb.Node) -> None:
    message.label = node.label
    if isinstance(node, OneOf):
        _write_candidates(node.candidates, message.one_of)
    elif isinstance(node, SomeOf):
        _write_some_of(node, message.some_of)
    elif isinstance(node, Integer):
        _write_integer(node, message.integer)
    elif isinstance(node, Real):
        message.real.low, message.real.high, message.real.log = node.low, node.high, node.log
    elif isinstance(node, Repeat):
        message.repeat.min_count, message.repeat.max_count = node.min_count, node.max_count
        message.repeat.tied = node.tied
        _write_nodes(node.body, message.repeat.body)
    else:
        message.group.SetInParent()
        _write_nodes(node.children, message.group.children)


def _write_nodes(nodes: tuple[Node, ...], messages: RepeatedCompositeFieldContainer[pb.Node]) -> None:
    for node in nodes:
        _write_node(node, messages.add())


def _write_candidates(candidates: tuple[Candidate, ...], message: pb.OneOf | pb.SomeOf) -> None:
    for candidate in candidates:
        written = message.candidates.add()
        written.key = candidate.key
        written.search_only = candidate.search_only
        if candidate.value is not None:
            write_literal(candidate.value, written.literal)
        _write_nodes(candidate.children, written.children)


def _write_some_of(node: SomeOf, message: pb.SomeOf) -> None:
    message.min_chosen, message.max_chosen = node.min_chosen, node.max_chosen
    message.ordered, message.with_replacement = node.ordered, node.with_replacement
    _write_candidates(node.candidates, message)


def _write_integer(node: Integer, message: pb.Integer) -> None:
    message.low, message.high, message.log = node.low, node.high, node.log
    # Unset means 1, and one space has one canonical form.
    if node.step != 1:
        message.step = node.step


def _measure(nodes: Sequence[pb.Node]) -> None:
    """Refuses what is too large or too deep, without recursion."""
    count, candidates = 0, 0
    pending = [(nodes, 1)]
    while pending:
        level, depth = pending.pop()
        count += len(level)
        if depth > limits.MAX_DEPTH and level:
            raise SpaceError(f"The space is nested more than {limits.MAX_DEPTH} deep.", hint="Flatten it.")
        candidates += sum(len(node.one_of.candidates) + len(node.some_of.candidates) for node in level)
        if count > limits.MAX_NODES or candidates > limits.MAX_CANDIDATES:
            raise SpaceError(
                f"The space is too large: at most {limits.MAX_NODES:,} nodes and {limits.MAX_CANDIDATES:,} candidates."
            )
        pending.extend((inner, depth + 1) for node in level for inner in _inner_messages(node))


def _inner_messages(node: pb.Node) -> Iterator[Sequence[pb.Node]]:
    kind = node.WhichOneof("kind")
    if kind == "one_of":
        yield from (candidate.children for candidate in node.one_of.candidates if candidate.children)
    elif kind == "some_of":
        yield from (candidate.children for candidate in node.some_of.candidates if candidate.children)
    elif kind == "repeat":
        yield node.repeat.body
    elif kind == "group":
        yield node.group.children


def _read_nodes(messages: Sequence[pb.Node], place: str, found: list[Violation]) -> tuple[Node, ...]:
    return tuple(_read_node(message, f"{place}[{index}]", found) for index, message in enumerate(messages))


def _read_node(message: pb.Node, place: str, found: list[Violation]) -> Node:
    kind = message.WhichOneof("kind")
    if kind == "one_of":
        return OneOf(message.label, _read_candidates(message.one_of, f"{place}.one_of", found))
    if kind == "some_of":
        return _read_some_of(message.label, message.some_of, f"{place}.some_of", found)
    if kind == "integer":
        return _read_integer(message.label, message.integer, f"{place}.integer", found)
    if kind == "real":
        _require(message.real, ("low", "high"), f"{place}.real", found)
        return Real(message.label, message.real.low, message.real.high, message.real.log)
    if kind == "repeat":
        return _read_repeat(message.label, message.repeat, f"{place}.repeat", found)
    if kind == "group":
        return Group(message.label, _read_nodes(message.group.children, f"{place}.group.children", found))
    found.append(Violation(place, "has no kind, or one that this version does not know; set one of its kinds"))
    return _UNREADABLE_NODE


def _read_candidates(message: pb.OneOf | pb.SomeOf, place: str, found: list[Violation]) -> tuple[Candidate, ...]:
    return tuple(
        _read_candidate(candidate, f"{place}.candidates[{index}]", found)
        for index, candidate in enumerate(message.candidates)
    )


def _read_candidate(message: pb.Candidate, place: str, found: list[Violation]) -> Candidate:
    value = read_literal(message.literal, f"{place}.literal", found) if message.HasField("literal") else None
    children = _read_nodes(message.children, f"{place}.children", found) if message.children else ()
    return Candidate(message.key, value, children, message.search_only)


def _read_some_of(label: str, message: pb.SomeOf, place: str, found: list[Violation]) -> SomeOf:
    _require(message, ("min_chosen", "max_chosen"), place, found)
    return SomeOf(
        label,
        _read_candidates(message, place, found),
        message.min_chosen,
        message.max_chosen,
        ordered=message.ordered,
        with_replacement=message.with_replacement,
    )


def _read_integer(label: str, message: pb.Integer, place: str, found: list[Violation]) -> Integer:
    _require(message, ("low", "high"), place, found)
    step = message.step if message.HasField("step") else 1
    return Integer(label, message.low, message.high, step, message.log)


def _read_repeat(label: str, message: pb.Repeat, place: str, found: list[Violation]) -> Repeat:
    _require(message, ("min_count", "max_count"), place, found)
    body = _read_nodes(message.body, f"{place}.body", found)
    return Repeat(label, body, message.min_count, message.max_count, message.tied)


def _require(
    message: pb.SomeOf | pb.Integer | pb.Real | pb.Repeat,
    names: tuple[str, str],
    place: str,
    found: list[Violation],
) -> None:
    found.extend(Violation(f"{place}.{name}", "is unset; write it") for name in names if not message.HasField(name))
