"""A search space as an indented list that people read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nascore.space import Candidate, Group, Integer, Node, OneOf, Real, Repeat, SearchSpace, SomeOf

INDENT = "  "


def shown(space: SearchSpace) -> str:
    """All decisions with what they offer, what depends on a candidate indented below it, and the size."""
    count = len(space.decisions)
    many = space.size()
    size = f"{count} decision{'s' * (count != 1)}, {many} architecture{'s' * (str(many) != '1')}"
    return "\n".join([*_nodes(space.nodes, 0), *[""][:count], size])


def shown_hub(facts: Mapping[str, Any]) -> str:
    """What the hub says of a space: what it is, its images, its options, and its published members."""
    channels, height, width = facts["input_shape"]
    options = " ".join(f"{name}={str(value).lower()}" for name, value in facts["options"].items())
    lines = [
        f"hub:{facts['name']}  {facts['title']}",
        f"source   {facts['source']}",
        f"images   {channels} × {height} × {width}, {facts['classes']} classes",
        f"options  {options or 'none'}",
    ]
    if facts["size"] is not None:
        lines.append(f"size     {int(facts['size']):,} architectures as published")
    for index, (name, known) in enumerate(facts["known"].items()):
        count = "" if known["parameters"] is None else f", {known['parameters']:,} parameters"
        lines.append(f"{'members' if not index else '':9}{name}: {known['source']}{count}")
    return "\n".join(lines)


def shown_hubs(facts: Mapping[str, Any]) -> str:
    """All spaces of the hub, a line for each."""
    spaces: Mapping[str, str] = facts["spaces"]
    widest = max(map(len, spaces), default=0)
    return "\n".join(f"hub:{name:{widest}}  {title}" for name, title in spaces.items())


def _nodes(nodes: Sequence[Node], depth: int) -> Iterator[str]:
    for node in nodes:
        yield f"{INDENT * depth}{node.label}: {_offer(node)}"
        if isinstance(node, OneOf | SomeOf):
            yield from _candidates(node.candidates, depth + 1)
        elif isinstance(node, Repeat):
            yield from _nodes(node.body, depth + 1)
        elif isinstance(node, Group):
            yield from _nodes(node.children, depth + 1)


def _candidates(candidates: Sequence[Candidate], depth: int) -> Iterator[str]:
    for candidate in candidates:
        if candidate.children:
            yield f"{INDENT * depth}{candidate.key}:"
            yield from _nodes(candidate.children, depth + 1)


def _offer(node: Node) -> str:
    match node:
        case OneOf():
            return "one of " + _keys(node.candidates)
        case SomeOf():
            count = (
                str(node.min_chosen)
                if node.min_chosen == node.max_chosen
                else f"{node.min_chosen} to {node.max_chosen}"
            )
            return f"{count} of {_keys(node.candidates)}"
        case Integer():
            steps = f" in steps of {node.step}" if node.step != 1 else ""
            return f"{node.low} to {node.high}{steps}{' (logarithmic)' if node.log else ''}"
        case Real():
            return f"{node.low} to {node.high}{' (logarithmic)' if node.log else ''}"
        case Repeat():
            copies = "all alike" if node.tied else "each decides for itself"
            return f"{node.min_count} to {node.max_count} copies, {copies}"
        case Group():
            return "a part"


def _keys(candidates: Sequence[Candidate]) -> str:
    return ", ".join(candidate.key for candidate in candidates)
