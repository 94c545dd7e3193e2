"""Values survive the log's JSON form, also through text."""

import json

import pytest
from nascore.record import (
    Budget,
    Direction,
    ExperimentRecord,
    ExperimentSpec,
    Failure,
    FailureKind,
    Limits,
    Objective,
    Outcome,
    OutcomeStatus,
    Proposal,
    Report,
    Task,
    TrialRecord,
    TrialState,
    WarmStart,
    jsonform,
)
from nascore.space import Architecture, Candidate, Integer, MixedDecision, Mixture, OneOf, SearchSpace

ARCHITECTURE = Architecture({"op": "a", "inputs": ("x",), "n": 2, "rate": 2.0})


def _through_text(data: object) -> dict:
    return json.loads(json.dumps(data, allow_nan=False))


@pytest.mark.parametrize(
    "proposal",
    [
        Proposal(0, ARCHITECTURE),
        Proposal(3, ARCHITECTURE, None, Task.TRAIN, Budget("epochs", 2.0), WarmStart(parent=0), 1, 0.0, {"p": [1]}),
        Proposal(4, None, Mixture((MixedDecision("op", (0.0, 1.0), (0,)),))),
    ],
)
def test_proposals_survive(proposal: Proposal) -> None:
    assert jsonform.proposal_from_json(_through_text(jsonform.proposal_to_json(proposal))) == proposal


def test_integers_and_reals_stay_apart() -> None:
    back = jsonform.architecture_from_json(_through_text(jsonform.architecture_to_json(ARCHITECTURE)))
    assert type(back["n"]) is int
    assert type(back["rate"]) is float
    assert back == ARCHITECTURE


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(OutcomeStatus.COMPLETED, {"a": 0.1}, duration_s=2.0, batches=3),
        Outcome(OutcomeStatus.FAILED, failure=Failure(FailureKind.EXCEPTION, "m", "d")),
        Outcome(OutcomeStatus.COMPLETED, gradient=(MixedDecision("op", (0.5, 0.5)),)),
    ],
)
def test_outcomes_survive(outcome: Outcome) -> None:
    assert jsonform.outcome_from_json(_through_text(jsonform.outcome_to_json(outcome))) == outcome


def test_specs_survive_with_space_and_largest_seed() -> None:
    space = SearchSpace((OneOf("op", (Candidate("a", 2**60), Candidate("b"))), Integer("n", 1, 9, step=2)))
    spec = ExperimentSpec(
        "random", {"x": 1}, (Objective("loss", Direction.MINIMIZE, 0.5),), Limits(max_trials=3), 2**64 - 1, space, "n"
    )
    back = jsonform.spec_from_json(_through_text(jsonform.spec_to_json(spec)))
    assert back == spec
    assert back.space is not None
    assert back.space.fingerprint == space.fingerprint


def test_reports_survive() -> None:
    report = Report(3, 4, {"a": 0.5})
    assert jsonform.report_from_json(_through_text(jsonform.report_to_json(report))) == report


def test_documents_for_people_hold_plain_numbers() -> None:
    failure = Outcome(OutcomeStatus.FAILED, failure=Failure(FailureKind.LOST, "gone"))
    trial = TrialRecord(1, TrialState.FAILED, Proposal(1, ARCHITECTURE), outcome=failure)
    data = _through_text(jsonform.trial_to_json(trial))
    assert data["failure"]["kind"] == "lost"
    assert data["architecture"] == {"inputs": ["x"], "n": 2, "op": "a", "rate": 2.0}
    record = ExperimentRecord("id", ExperimentSpec("random"), counts={TrialState.RUNNING: 2})
    assert _through_text(jsonform.experiment_to_json(record))["counts"] == {"running": 2}


def test_architecture_of_keys_alone_is_read_as_any_other_and_sorted():
    read = jsonform.architecture_from_json({"b": "y", "a": "x"})
    assert read == Architecture({"a": "x", "b": "y"})
    assert list(read) == ["a", "b"]
    assert jsonform.architecture_from_json({}) == Architecture({})
