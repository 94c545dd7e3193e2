"""Objectives and proposals to and from protobuf."""

from __future__ import annotations

import json
from typing import cast

from nascore.errors import InvalidInputError
from nascore.record.proposal import Budget, JsonValue, Objective, Proposal, Unrolled, WarmStart
from nascore.record.wire.enums import DIRECTION, TASK
from nascore.record.wire.recent import Recent
from nascore.space import Architecture, Mixture
from nascore.space.strictjson import read_json
from nascore.space.wire import (
    architecture_from_message,
    architecture_to_message,
    mixture_from_message,
    write_mixture,
)
from nascore.v1 import tuner_pb2

MAX_JSON_BYTES = 65_536
_PUBLISHED_RADIUS = Unrolled().radius

_RECENT = Recent()  # A proposal crosses a wire when it is made, leased and told: three times within a short while.


def json_object_from_text(text: str, field: str) -> dict[str, JsonValue]:
    """Return the JSON object in ``text``; empty text is an empty object.

    Raises:
        InvalidInputError: If it is too long, not JSON, or not an object; ``field`` is named.
    """
    if not text:
        return {}
    if len(text) > MAX_JSON_BYTES:
        raise InvalidInputError(f"{field}: {len(text)} characters, at most {MAX_JSON_BYTES} are allowed.")
    try:
        value = read_json(text, error=InvalidInputError)
    except InvalidInputError as error:
        raise InvalidInputError(f"{field}: not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise InvalidInputError(f"{field}: need a JSON object, got {type(value).__name__}.")
    return cast(dict[str, JsonValue], value)


def objective_to_message(objective: Objective) -> tuner_pb2.Objective:
    """Return the message of an objective."""
    direction = DIRECTION.to_number(objective.direction)
    return tuner_pb2.Objective(metric=objective.metric, direction=direction, bound=objective.bound)


def objective_from_message(message: tuner_pb2.Objective) -> Objective:
    """Return the objective of a message.

    Raises:
        SettingsError: Without a name.
        InvalidInputError: Without a direction.
    """
    direction = DIRECTION.from_number(message.direction, "objective.direction")
    return Objective(message.metric, direction, message.bound if message.HasField("bound") else None)


def proposal_to_message(proposal: Proposal) -> tuner_pb2.Proposal:
    """Return the message of a proposal."""
    if proposal.mixture is not None:  # A sample crosses this wire once.
        return _written(proposal)
    if (known := _RECENT.message(proposal)) is not None:
        return known
    message = _written(proposal)
    _RECENT.keep(proposal, message)
    return message


def _written(proposal: Proposal) -> tuner_pb2.Proposal:
    message = tuner_pb2.Proposal(
        number=proposal.number,
        task=TASK.to_number(proposal.task),
        policy_version=proposal.policy_version,
        log_prob=proposal.log_prob,
        notes_json=json.dumps(dict(proposal.notes), separators=(",", ":")) if proposal.notes else "",
        unrolled=None if proposal.unrolled is None else tuner_pb2.Unrolled(radius=proposal.unrolled.radius),
        partial_channels=0 if proposal.partial_channels == 1 else proposal.partial_channels,
    )
    if proposal.architecture is not None:
        message.architecture.CopyFrom(architecture_to_message(proposal.architecture))
    elif proposal.mixture is not None:
        message.mixture.SetInParent()
        write_mixture(proposal.mixture, message.mixture)
    if proposal.budget is not None:
        message.budget.unit, message.budget.amount = proposal.budget.unit, proposal.budget.amount
    if proposal.warm_start is not None:
        message.warm_start.CopyFrom(_warm_start_to_message(proposal.warm_start))
    return message


def proposal_from_message(message: tuner_pb2.Proposal) -> Proposal:
    """Return the proposal of a message.

    Raises:
        InvalidInputError: If the subject or the task is unset, or the notes are no JSON object.
        ArchitectureError: If the architecture itself is malformed.
    """
    if message.HasField("mixture"):  # As above.
        return _read(message)
    if (known := _RECENT.proposal(message)) is not None:
        return known
    proposal = _read(message)
    _RECENT.keep(proposal, message)
    return proposal


def _read(message: tuner_pb2.Proposal) -> Proposal:
    architecture, mixture = _subject(message)
    return Proposal(
        number=message.number,
        architecture=architecture,
        mixture=mixture,
        task=TASK.from_number(message.task, f"proposal {message.number}: task"),
        budget=Budget(message.budget.unit, message.budget.amount) if message.HasField("budget") else None,
        warm_start=_warm_start_from_message(message.warm_start) if message.HasField("warm_start") else None,
        policy_version=message.policy_version,
        log_prob=message.log_prob if message.HasField("log_prob") else None,
        notes=json_object_from_text(message.notes_json, f"proposal {message.number}: notes_json"),
        unrolled=Unrolled(message.unrolled.radius or _PUBLISHED_RADIUS) if message.HasField("unrolled") else None,
        partial_channels=message.partial_channels or 1,
    )


def _subject(message: tuner_pb2.Proposal) -> tuple[Architecture | None, Mixture | None]:
    kind = message.WhichOneof("subject")
    if kind == "architecture":
        return architecture_from_message(message.architecture), None
    if kind == "mixture":
        return None, mixture_from_message(message.mixture)
    if message.task == tuner_pb2.TASK_SEARCH:
        return None, None
    raise InvalidInputError(
        f"proposal {message.number}: subject is unset.",
        hint="Set architecture or mixture; a newer peer may have sent another kind.",
    )


def _warm_start_to_message(warm_start: WarmStart) -> tuner_pb2.WarmStart:
    return tuner_pb2.WarmStart(
        checkpoint=warm_start.checkpoint, parent=warm_start.parent, rules_json=warm_start.rules_json
    )


def _warm_start_from_message(message: tuner_pb2.WarmStart) -> WarmStart:
    kind = message.WhichOneof("source")
    if kind == "checkpoint":
        return WarmStart(checkpoint=message.checkpoint, rules_json=message.rules_json)
    if kind == "parent":
        return WarmStart(parent=message.parent, rules_json=message.rules_json)
    raise InvalidInputError("warm_start: source is unset.", hint="Set checkpoint or parent.")
