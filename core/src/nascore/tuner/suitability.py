"""Whether a tuner can handle what it is asked to tune, said in one sentence before a trial starts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from nascore.record import Objective
from nascore.space import Candidate, Group, Integer, Node, OneOf, Real, Repeat, SearchSpace, SomeOf
from nascore.tuner.contract import Mode, Settings, Setup, Tuner

_KINDS: dict[type[Node], str] = {
    OneOf: "one_of",
    SomeOf: "some_of",
    Integer: "integer",
    Real: "real",
    Repeat: "repeat",
    Group: "group",
}


class Claims(Protocol):
    """What a tuner says of itself: its class attributes, or what it answered to Describe."""

    @property
    def name(self) -> str:
        """The name it is asked for."""

    @property
    def modes(self) -> frozenset[Mode]:
        """In which way it learns; empty for multi-trial only, as `chosen_mode` takes it."""

    @property
    def node_kinds(self) -> frozenset[str]:
        """Kinds of nodes it handles; empty for all."""

    @property
    def max_objectives(self) -> int:
        """Most objectives it optimises together; 0 for any number."""


def why_unsuitable(tuner_type: type[Tuner[Settings]], setup: Setup, settings: Settings) -> str:
    """Return why it cannot tune this, from what it declares and then from itself; empty if it can."""
    return why_unclaimed(tuner_type, setup) or tuner_type.cannot_tune(setup, settings)


def why_unclaimed(claims: Claims, setup: Setup) -> str:
    """Return why a tuner, in whatever language, does not claim to tune this; empty if it does."""
    modes = claims.modes or {Mode.MULTI_TRIAL}
    if setup.mode not in modes:
        return f"{claims.name} does not search in the mode {setup.mode.value}; it knows {' and '.join(sorted(modes))}."
    if reason := why_not_together(claims, setup.objectives):
        return reason
    for label, kind in node_kinds(setup.space) if claims.node_kinds else ():
        if kind not in claims.node_kinds:
            return f"{claims.name} does not handle {kind} nodes, and {label!r} is one."
    return ""


def why_not_together(claims: Claims, objectives: Sequence[Objective]) -> str:
    """Return why a tuner does not claim to optimise these together; empty if it does. Needs no space."""
    if not objectives:
        return f"{claims.name} needs an objective, and none is given."
    most, names = claims.max_objectives, ", ".join(objective.metric for objective in objectives)
    if 0 < most < len(objectives):
        return f"{claims.name} optimises at most {most} objective{'s' * (most > 1)}; got {names}."
    return ""


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
