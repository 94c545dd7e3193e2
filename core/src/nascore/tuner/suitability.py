"""Whether a tuner can handle what it is asked to tune, said in one sentence before a trial starts."""

from __future__ import annotations

from collections.abc import Iterator

from nascore.space import Candidate, Group, Integer, Node, OneOf, Real, Repeat, SearchSpace, SomeOf
from nascore.tuner.contract import Settings, Setup, Tuner

_KINDS: dict[type[Node], str] = {
    OneOf: "one_of",
    SomeOf: "some_of",
    Integer: "integer",
    Real: "real",
    Repeat: "repeat",
    Group: "group",
}


def why_unsuitable(tuner_type: type[Tuner[Settings]], setup: Setup, settings: Settings) -> str:
    """Return why it cannot tune this, from what it declares and then from itself; empty if it can."""
    if setup.mode not in tuner_type.modes:
        known = " and ".join(sorted(tuner_type.modes))
        return f"{tuner_type.name} does not search in the mode {setup.mode.value}; it knows {known}."
    names = [objective.metric for objective in setup.objectives]
    if not names:
        return f"{tuner_type.name} needs an objective, and none is given."
    most = tuner_type.max_objectives
    if most and len(names) > most:
        return f"{tuner_type.name} optimises at most {most} objective{'s' * (most > 1)}; got {', '.join(names)}."
    for label, kind in node_kinds(setup.space):
        if kind not in tuner_type.node_kinds:
            return f"{tuner_type.name} does not handle {kind} nodes, and {label!r} is one."
    return tuner_type.cannot_tune(setup, settings)


def node_kinds(space: SearchSpace) -> Iterator[tuple[str, str]]:
    """Yield label and kind of every node, in order."""
    pending: list[Node] = list(reversed(space.nodes))
    while pending:
        node = pending.pop()
        yield node.label, _KINDS[type(node)]
        pending.extend(reversed(_children(node)))


def _children(node: Node) -> tuple[Node, ...]:
    if isinstance(node, (OneOf, SomeOf)):
        candidates: tuple[Candidate, ...] = node.candidates
        return tuple(child for candidate in candidates for child in candidate.children)
    if isinstance(node, Repeat):
        return node.body
    return node.children if isinstance(node, Group) else ()
