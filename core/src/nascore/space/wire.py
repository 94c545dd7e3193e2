"""Spaces, architectures and mixtures as messages of ``nascore.v1``, and back.

Here protobuf stops: everything above sees dataclasses. Reading is strict, for messages come from strangers: what is
unset, unknown, unsorted or too large is refused with its place in the message.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from sys import intern
from typing import TYPE_CHECKING, TypeAlias

from nascore.errors import ArchitectureError
from nascore.space import limits, node_messages
from nascore.space.architecture import Architecture, Value, from_sorted
from nascore.space.mixture import MixedDecision, Mixture
from nascore.space.space import SearchSpace
from nascore.space.stencil import Stencil, Stencils
from nascore.v1 import architecture_pb2, space_pb2, tuner_pb2

if TYPE_CHECKING:
    from google.protobuf.internal.containers import RepeatedCompositeFieldContainer

_Mixed: TypeAlias = "RepeatedCompositeFieldContainer[architecture_pb2.MixedDecision]"

_DECISIONS = Stencils(architecture_pb2.Mixture.DECISIONS_FIELD_NUMBER)
GRADIENTS = Stencils(tuner_pb2.Outcome.GRADIENT_FIELD_NUMBER)
"""Forms of gradients; see ``nascore.record.wire.gradient``."""
_STENCILS = {"decisions": _DECISIONS, "gradient": GRADIENTS}


def space_to_message(space: SearchSpace) -> space_pb2.SearchSpace:
    """Writes a space."""
    return node_messages.to_message(space.nodes, space.constraints)


def space_from_message(message: space_pb2.SearchSpace) -> SearchSpace:
    """Reads a space.

    Raises:
        SpaceError: Something is unset, unknown, too large, too deep, or wrong; everything found is listed.
    """
    return SearchSpace(*node_messages.from_message(message))


def architecture_to_message(architecture: Architecture) -> architecture_pb2.Architecture:
    """Writes an architecture; counts of repeats are integers like others."""
    message = architecture_pb2.Architecture()
    add = message.decisions.add
    for path, value in architecture.items():
        decision = add()
        decision.path = path
        if type(value) is str:  # Spelled out, here and below: most of what crosses a wire is keys.
            decision.candidate = value
        else:
            _write_choice(value, decision)
    return message


def architecture_from_message(message: architecture_pb2.Architecture) -> Architecture:
    """Reads an architecture, of which it is not known yet whether it fits a space.

    Raises:
        ArchitectureError: A choice is unset or not finite, decisions are not sorted by path, or there are too many.
    """
    if len(message.decisions) > limits.MAX_DECISIONS:
        raise ArchitectureError(
            f"The architecture has {len(message.decisions):,} decisions; at most {limits.MAX_DECISIONS:,} are read."
        )
    return from_sorted(_read_decisions(message.decisions))


def _read_decisions(messages: Sequence[architecture_pb2.Decision]) -> dict[str, Value]:
    decisions: dict[str, Value] = {}
    last: str | None = None
    for index, decision in enumerate(messages):
        path = decision.path
        if last is not None and path <= last:
            raise ArchitectureError(
                f"decisions[{index}]: {path!r} comes after {last!r}.",
                hint="Sort the decisions by path, each path once.",
            )
        last = intern(path)  # The same few names in each of a hundred thousand trials: kept once.
        key = decision.candidate
        decisions[last] = intern(key) if key else _read_choice(decision, index)
    return decisions


def mixture_to_message(mixture: Mixture) -> architecture_pb2.Mixture:
    """Writes a mixture."""
    message = architecture_pb2.Mixture()
    write_mixture(mixture, message)
    return message


def write_mixture(mixture: Mixture, message: architecture_pb2.Mixture) -> None:
    """Writes a mixture into a message that is empty."""
    write_mixed(mixture.decisions, message, "decisions")
    for path, value in mixture.fixed.items():
        _write_choice(value, message.fixed.add(path=path))


def write_mixed(
    decisions: Sequence[MixedDecision], message: architecture_pb2.Mixture | tuner_pb2.Outcome, field: str
) -> None:
    """Writes the weights of decisions into the field of a message where there are none yet."""
    stencils = _STENCILS[field]
    if (data := stencils.write(decisions)) is not None:
        message.MergeFromString(data)
        return
    messages: _Mixed = getattr(message, field)
    for decision in decisions:
        messages.add(path=decision.path, weights=decision.weights, graded=decision.graded)


def stencil_of(mixture: architecture_pb2.Mixture) -> Stencil | None:
    """Return the stencil that a mixture fits, so that it has no fault; ``None`` if none is known."""
    return _DECISIONS.fitting(mixture.SerializeToString())


def mixed_from_messages(messages: Sequence[architecture_pb2.MixedDecision]) -> tuple[MixedDecision, ...]:
    """Reads the weights of decisions.

    Raises:
        ArchitectureError: Weights or indices are wrong, or there are too many.
    """
    known = _DECISIONS.read(architecture_pb2.Mixture(decisions=messages).SerializeToString())
    return _read_mixed(messages) if known is None else known


def _read_mixed(messages: Sequence[architecture_pb2.MixedDecision]) -> tuple[MixedDecision, ...]:
    weights = sum([len(each.weights) for each in messages])
    if len(messages) > limits.MAX_DECISIONS or weights > limits.MAX_WEIGHTS:
        raise ArchitectureError(
            f"{len(messages):,} decisions with {weights:,} weights; at most {limits.MAX_DECISIONS:,} and "
            f"{limits.MAX_WEIGHTS:,} are read."
        )
    read = tuple([MixedDecision(intern(each.path), tuple(each.weights), tuple(each.graded)) for each in messages])
    _DECISIONS.keep(read)
    return read


def mixture_from_message(message: architecture_pb2.Mixture) -> Mixture:
    """Reads a mixture, of which it is not known yet whether it fits a space.

    Raises:
        ArchitectureError: Weights or indices are wrong, a path is there twice, or the mixture is too large.
    """
    if len(message.decisions) + len(message.fixed) > limits.MAX_DECISIONS:
        raise ArchitectureError(
            f"The mixture has {len(message.decisions) + len(message.fixed):,} decisions; at most "
            f"{limits.MAX_DECISIONS:,} are read."
        )
    if message.fixed:
        return Mixture(mixed_from_messages(message.decisions), _read_decisions(message.fixed))
    known = _DECISIONS.read(message.SerializeToString())
    return Mixture(_read_mixed(message.decisions) if known is None else known)


def _write_choice(value: Value, message: architecture_pb2.Decision) -> None:
    if isinstance(value, str):
        message.candidate = value
    elif isinstance(value, tuple):
        message.candidates.SetInParent()
        message.candidates.keys.extend(value)
    elif isinstance(value, int):
        message.integer = value
    else:
        message.real = value


def _read_choice(message: architecture_pb2.Decision, index: int) -> Value:
    kind = message.WhichOneof("choice")
    if kind == "candidate":
        return intern(message.candidate)
    if kind == "candidates":
        return tuple(map(intern, message.candidates.keys))
    if kind == "integer":
        return message.integer
    if kind == "real" and math.isfinite(message.real):
        return message.real
    wrong = f"is {message.real}, which is not finite" if kind == "real" else "is unset, or of a kind not known"
    raise ArchitectureError(f"decisions[{index}] ({message.path!r}): its choice {wrong}.")
