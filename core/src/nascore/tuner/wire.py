"""What tuners are told and answer, to and from protobuf: descriptions, openings, answers.

Proposals, outcomes and events are in ``nascore.record.wire``; this module adds what only the tuner's service has.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeVar

from nascore.errors import InvalidInputError
from nascore.record import JsonValue, Told
from nascore.record.wire import (
    ASK_STATUS,
    MODE,
    costs_from_messages,
    costs_to_messages,
    json_object_from_text,
    objective_from_message,
    objective_to_message,
    proposal_from_message,
    proposal_to_message,
    schedule_from_message,
    schedule_to_message,
    told_to_message,
    unmixable_from_messages,
    unmixable_to_messages,
)
from nascore.space.wire import space_from_message, space_to_message
from nascore.tuner.contract import Determinism, Mode, Setup
from nascore.tuner.session import Answer, Description
from nascore.v1 import tuner_pb2

_DETERMINISM = {
    Determinism.HISTORY: tuner_pb2.DETERMINISM_HISTORY,
    Determinism.REPLAY: tuner_pb2.DETERMINISM_REPLAY,
    Determinism.SNAPSHOT: tuner_pb2.DETERMINISM_SNAPSHOT,
    Determinism.NONE: tuner_pb2.DETERMINISM_NONE,
}

MAX_PROPOSAL_BYTES = 1 << 20
"""A proposal goes on to a worker within one message, with room for what comes with it."""

MemberT = TypeVar("MemberT")


def description_to_message(description: Description) -> tuner_pb2.DescribeResponse:
    """Return the message of a description."""
    return tuner_pb2.DescribeResponse(
        name=description.name,
        version=description.version,
        min_protocol=description.min_protocol,
        max_protocol=description.max_protocol,
        modes=sorted(MODE.to_number(mode) for mode in description.modes),
        node_kinds=sorted(description.node_kinds),
        max_objectives=description.max_objectives,
        uses_fidelity=description.uses_fidelity,
        determinism=_DETERMINISM[description.determinism],
        settings_schema_json=description.settings_schema_json,
        can_review=description.can_review,
        can_derive=description.can_derive,
        can_snapshot=description.can_snapshot,
        summary=description.summary,
        can_stream=description.can_stream,
        ignores_outcomes=description.ignores_outcomes,
        can_recall=description.can_recall,
        frames_path=description.frames_path,
    )


def description_from_message(message: tuner_pb2.DescribeResponse) -> Description:
    """Return the description of a message.

    Raises:
        InvalidInputError: Without a name or a level of determinism, or if the schema is no JSON object.
    """
    if not message.name:
        raise InvalidInputError("describe: the tuner has no name.", hint="Set DescribeResponse.name.")
    json_object_from_text(message.settings_schema_json, "describe: settings_schema_json")
    return Description(
        name=message.name,
        version=message.version,
        summary=message.summary,
        modes=frozenset(MODE.from_number(number, "describe: modes") for number in message.modes),
        node_kinds=frozenset(message.node_kinds),
        max_objectives=message.max_objectives,
        uses_fidelity=message.uses_fidelity,
        determinism=_member(_DETERMINISM, message.determinism, "describe: determinism"),
        settings_schema_json=message.settings_schema_json,
        can_review=message.can_review,
        can_derive=message.can_derive,
        can_snapshot=message.can_snapshot,
        can_stream=message.can_stream,
        ignores_outcomes=message.ignores_outcomes,
        can_recall=message.can_recall,
        frames_path=message.frames_path,
        min_protocol=message.min_protocol,
        max_protocol=message.max_protocol,
    )


def opening_to_message(
    session: str, setup: Setup, *, settings: Mapping[str, JsonValue], state: bytes | None = None, state_seq: int = 0
) -> tuner_pb2.OpenRequest:
    """Return the request that opens a session."""
    return tuner_pb2.OpenRequest(
        session=session,
        space=space_to_message(setup.space),
        objectives=[objective_to_message(objective) for objective in setup.objectives],
        settings_json=json.dumps(dict(settings), allow_nan=False) if settings else "",
        seed=setup.seed,
        costs=costs_to_messages(setup.costs),
        batches_per_epoch=setup.batches_per_epoch,
        snapshot=None if state is None else tuner_pb2.Snapshot(state=state, seq=state_seq),
        mode=MODE.to_number(setup.mode),
        schedule=None if setup.schedule is None else schedule_to_message(setup.schedule),
        workers=setup.workers,
        unmixable=unmixable_to_messages(setup.unmixable),
    )


def setup_from_message(message: tuner_pb2.OpenRequest) -> Setup:
    """Return what a session is opened with; raises as its parts do."""
    return Setup(
        space=space_from_message(message.space),
        objectives=tuple(objective_from_message(objective) for objective in message.objectives),
        seed=message.seed,
        costs=costs_from_messages(message.costs),
        batches_per_epoch=message.batches_per_epoch,
        mode=MODE.from_number(message.mode, "open: mode") if message.mode else Mode.MULTI_TRIAL,
        schedule=schedule_from_message(message.schedule) if message.HasField("schedule") else None,
        workers=message.workers or 1,
        unmixable=unmixable_from_messages(message.unmixable),
    )


def asking_to_message(
    session: str, first_number: int, *, seeds: Sequence[int], outcomes: Sequence[Told], told_through: int
) -> tuner_pb2.AskRequest:
    """Return the request that tells outcomes and asks for proposals."""
    return tuner_pb2.AskRequest(
        session=session,
        first_number=first_number,
        seeds=seeds,
        outcomes=[told_to_message(told) for told in outcomes],
        told_through=told_through,
    )


def answer_to_message(answer: Answer) -> tuner_pb2.AskResponse:
    """Return the message of an answer."""
    proposals = [proposal_to_message(proposal) for proposal in answer.proposals]
    return tuner_pb2.AskResponse(proposals=proposals, status=ASK_STATUS.to_number(answer.status))


def answer_from_message(message: tuner_pb2.AskResponse) -> Answer:
    """Return the answer of a message.

    Raises:
        InvalidInputError: Without a status, with a proposal that is too large, or as proposals do.
    """
    for proposal in message.proposals:
        if proposal.ByteSize() > MAX_PROPOSAL_BYTES:
            raise InvalidInputError(
                f"proposal {proposal.number}: {proposal.ByteSize():,} bytes; at most {MAX_PROPOSAL_BYTES:,} are taken."
            )
    proposals = tuple(proposal_from_message(proposal) for proposal in message.proposals)
    return Answer(proposals, ASK_STATUS.from_number(message.status, "ask: status"))


def _member(table: Mapping[MemberT, int], number: int, field: str) -> MemberT:
    for member, known in table.items():
        if known == number:
            return member
    raise InvalidInputError(f"{field}: enum number {number} is not known.", hint="Set it to a value of protocol 1.")
