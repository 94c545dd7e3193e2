"""What tuners are told and answer survives the wire, and nothing unset is taken for a value."""

from __future__ import annotations

import json

import pytest
from nascore.errors import InvalidInputError
from nascore.record import Derived, Direction, Objective, Proposal
from nascore.record.wire import derived_from_message, derived_to_message
from nascore.testing.spaces import KNOWN_SPACES
from nascore.tuner.contract import Determinism, Mode, Setup
from nascore.tuner.session import Answer, AskStatus, Description
from nascore.tuner.wire import (
    answer_from_message,
    answer_to_message,
    description_from_message,
    description_to_message,
    opening_to_message,
    setup_from_message,
)
from nascore.v1 import tuner_pb2

SPACE = KNOWN_SPACES["nested"]
FULL = Description(
    name="full",
    version="1.0",
    summary="Everything set.",
    modes=frozenset(Mode),
    node_kinds=frozenset({"one_of", "real"}),
    max_objectives=3,
    uses_fidelity=True,
    determinism=Determinism.NONE,
    settings_schema_json='{"type": "object"}',
    can_review=True,
    can_derive=True,
    can_snapshot=True,
    can_stream=True,
    ignores_outcomes=True,
    min_protocol=1,
    max_protocol=2,
)


@pytest.mark.parametrize("description", [FULL, Description("small", "")])
def test_description_survives(description: Description) -> None:
    assert description_from_message(description_to_message(description)) == description


@pytest.mark.parametrize("space", list(KNOWN_SPACES))
def test_setup_survives(space: str) -> None:
    objectives = (Objective("accuracy", bound=0.9), Objective("loss", Direction.MINIMIZE))
    costs = {("op", "conv", "macs"): 3.5, ("op", "conv", "parameters"): 7.0}
    setup = Setup(KNOWN_SPACES[space], objectives, 2**64 - 1, costs, 42)
    message = opening_to_message("s", setup, settings={"rate": 0.5}, state=b"\x00\xff", state_seq=9)
    copy = tuner_pb2.OpenRequest.FromString(message.SerializeToString())
    assert setup_from_message(copy) == setup
    assert (copy.settings_json, copy.snapshot.state, copy.snapshot.seq) == ('{"rate": 0.5}', b"\x00\xff", 9)


@pytest.mark.parametrize("status", list(AskStatus))
def test_answer_survives(status: AskStatus) -> None:
    answer = Answer((Proposal(3, SPACE.default(), notes={"parent": 1}),), status)
    assert answer_from_message(answer_to_message(answer)) == answer


@pytest.mark.parametrize("score", [None, 0.0, -1.5])
def test_derived_survives(score: float | None) -> None:
    derived = Derived(SPACE.default(), score)
    assert derived_from_message(derived_to_message(derived)) == derived


def test_unset_and_unknown_values_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="the tuner has no name"):
        description_from_message(tuner_pb2.DescribeResponse())
    with pytest.raises(InvalidInputError, match="determinism: enum number 0"):
        description_from_message(tuner_pb2.DescribeResponse(name="x"))
    with pytest.raises(InvalidInputError, match="ask: status: enum number 0"):
        answer_from_message(tuner_pb2.AskResponse())
    message = description_to_message(Description("x", "1"))
    message.settings_schema_json = "[1]"
    with pytest.raises(InvalidInputError, match="settings_schema_json"):
        description_from_message(message)


def test_proposal_that_no_message_could_carry_on_is_refused():
    notes = {f"n{place}": "x" * 60_000 for place in range(20)}
    message = tuner_pb2.AskResponse(status=tuner_pb2.ASK_STATUS_OK)
    message.proposals.add(number=7, task=tuner_pb2.TASK_EVALUATE, notes_json=json.dumps(notes))
    with pytest.raises(InvalidInputError, match=r"proposal 7: 1,2\d\d,\d{3} bytes; at most 1,048,576"):
        answer_from_message(message)
