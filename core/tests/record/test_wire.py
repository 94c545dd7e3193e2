"""Every value survives the wire, and malformed messages are refused by field name."""

import dataclasses

import pytest
from nascore.errors import InvalidInputError, MetricError, SettingsError
from nascore.record import (
    Asked,
    Budget,
    Command,
    Direction,
    EndReason,
    ExperimentAction,
    ExperimentRecord,
    ExperimentSpec,
    ExperimentState,
    Failure,
    FailureKind,
    Lease,
    LeaseAnswer,
    LeaseStatus,
    Limits,
    Objective,
    Outcome,
    OutcomeStatus,
    Proposal,
    Report,
    Task,
    Told,
    TrialRecord,
    TrialState,
    Verdict,
    WarmStart,
    wire,
)
from nascore.space import Architecture, Candidate, MixedDecision, Mixture, OneOf, SearchSpace
from nascore.v1 import experiment_pb2, trial_pb2, tuner_pb2

ARCHITECTURE = Architecture({"op": "conv(ch=0.5)", "op/conv/k": 3, "inputs": ("a", "b"), "rate": 0.25})
PROPOSAL = Proposal(
    7,
    ARCHITECTURE,
    budget=Budget("epochs", 3.0),
    warm_start=WarmStart(parent=0),
    policy_version=2,
    log_prob=-1.5,
    notes={"parent": 3},
)
OUTCOME = Outcome(OutcomeStatus.COMPLETED, {"accuracy": 0.0, "loss": -1.25}, batches=10, duration_s=1.5)
FAILED = Outcome(OutcomeStatus.FAILED, failure=Failure(FailureKind.SIGNAL, "SIGSEGV", "trace"))


@pytest.mark.parametrize(
    "proposal",
    [
        PROPOSAL,
        Proposal(0, ARCHITECTURE),
        Proposal(1, mixture=Mixture((MixedDecision("op", (0.5, 0.5), (1,)),)), task=Task.GRADIENT),
        Proposal(2, ARCHITECTURE, warm_start=WarmStart(checkpoint="c1", rules_json="[]"), log_prob=0.0),
    ],
)
def test_proposals_survive_the_wire(proposal: Proposal) -> None:
    message = tuner_pb2.Proposal.FromString(wire.proposal_to_message(proposal).SerializeToString())
    assert wire.proposal_from_message(message) == proposal


@pytest.mark.parametrize("outcome", [OUTCOME, FAILED, Outcome(OutcomeStatus.PRUNED, {"a": 1.0})])
def test_outcomes_survive_the_wire(outcome: Outcome) -> None:
    assert wire.outcome_from_message(wire.outcome_to_message(outcome)) == outcome


def test_logged_events_and_reports_survive_the_wire() -> None:
    told, asked = Told(9, PROPOSAL, FAILED), Asked(PROPOSAL, 2**64 - 1)
    report = Report(3, 0, {"accuracy": 0.5})
    assert wire.event_from_message(wire.event_to_message(told)) == told
    assert wire.event_from_message(wire.event_to_message(asked)) == asked
    assert wire.report_from_message(wire.report_to_message(report)) == report


def test_gradients_survive_the_wire() -> None:
    outcome = Outcome(OutcomeStatus.COMPLETED, gradient=(MixedDecision("op", (0.25, -1.0)),))
    assert wire.outcome_from_message(wire.outcome_to_message(outcome)) == outcome


def test_lease_answers_survive_the_wire() -> None:
    lease = Lease(4, 2, 30.0, PROPOSAL, 2**63, 1)
    for answer in (
        LeaseAnswer(LeaseStatus.GRANTED, lease),
        LeaseAnswer(LeaseStatus.NONE_YET),
        LeaseAnswer(LeaseStatus.ENDED, None, EndReason.TARGET),
    ):
        assert wire.lease_answer_from_message(wire.lease_answer_to_message(answer)) == answer


def test_trials_and_experiments_survive_the_wire() -> None:
    space = SearchSpace((OneOf("op", (Candidate("a"), Candidate("b"))),))
    spec = ExperimentSpec(
        "random",
        {"x": [1, None, "y"]},
        (Objective("accuracy"), Objective("latency", Direction.MINIMIZE, 0.0)),
        Limits(max_trials=5, target=0.0),
        0,
        space,
        "mine",
    )
    record = ExperimentRecord(
        "abc",
        spec,
        ExperimentState.FINISHED,
        EndReason.TRIALS,
        "trouble",
        1.5,
        2.5,
        {state: index for index, state in enumerate(TrialState)},
        17,
    )
    assert wire.experiment_from_message(wire.experiment_to_message(record)) == record
    trial = TrialRecord(
        4, TrialState.FAILED, PROPOSAL, 2, 3, "w", FAILED, (Report(4, 1, {"a": 1.0}),), "c", 1.0, 2.0, 3.0, True
    )
    assert wire.trial_from_message(wire.trial_to_message(trial)) == trial


def test_an_unset_subject_is_refused_by_name() -> None:
    with pytest.raises(InvalidInputError, match="proposal 3: subject is unset"):
        wire.proposal_from_message(tuner_pb2.Proposal(number=3, task=tuner_pb2.TASK_EVALUATE))


def test_unspecified_enums_are_refused_by_name() -> None:
    message = wire.proposal_to_message(PROPOSAL)
    message.task = tuner_pb2.TASK_UNSPECIFIED
    with pytest.raises(InvalidInputError, match=r"proposal 7: task"):
        wire.proposal_from_message(message)
    with pytest.raises(InvalidInputError, match=r"outcome\.status"):
        wire.outcome_from_message(tuner_pb2.Outcome())
    with pytest.raises(InvalidInputError, match=r"objective\.direction"):
        wire.objective_from_message(tuner_pb2.Objective(metric="a"))


@pytest.mark.parametrize(
    ("metrics", "words"),
    [
        ([("a", float("nan"))], "metric a is nan"),
        ([("a", float("inf"))], "metric a is inf"),
        ([("", 1.0)], "1 to 256 characters"),
        ([("a", 1.0), ("a", 2.0)], "appears twice"),
        ([(f"m{i}", 1.0) for i in range(1001)], "more than 1000"),
    ],
)
def test_bad_metrics_are_refused(metrics: list[tuple[str, float]], words: str) -> None:
    messages = [tuner_pb2.Metric(name=name, value=value) for name, value in metrics]
    with pytest.raises(MetricError, match=words):
        wire.metrics_from_messages(messages, "metrics")


def test_notes_that_are_no_json_object_are_refused() -> None:
    for text, words in (("[1]", "need a JSON object"), ("{", "not valid JSON"), ("[" * 60_000, "not valid JSON")):
        message = wire.proposal_to_message(PROPOSAL)
        message.notes_json = text
        with pytest.raises(InvalidInputError, match=words):
            wire.proposal_from_message(message)


def test_a_granted_lease_without_a_lease_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="lease: unset"):
        wire.lease_answer_from_message(trial_pb2.LeaseTrialResponse(status=trial_pb2.LEASE_STATUS_GRANTED))


def test_limits_that_are_not_positive_are_refused_together() -> None:
    with pytest.raises(SettingsError, match=r"max_trials: 0 .*max_duration_s: -1") as caught:
        wire.limits_from_message(experiment_pb2.Limits(max_trials=0, max_duration_s=-1.0))
    assert [violation.field for violation in caught.value.violations] == ["limits.max_trials", "limits.max_duration_s"]


def test_updated_limits_keep_what_is_not_named() -> None:
    limits = Limits(max_trials=5, target=0.5).updated(Limits(max_trials=9))
    assert limits == Limits(max_trials=9, target=0.5)
    assert dataclasses.replace(limits, target=0.0).updated(Limits()) == Limits(max_trials=9, target=0.0)


@pytest.mark.parametrize(
    ("table", "kind"),
    [
        (wire.TASK, Task),
        (wire.VERDICT, Verdict),
        (wire.COMMAND, Command),
        (wire.TRIAL_STATE, TrialState),
        (wire.EXPERIMENT_STATE, ExperimentState),
        (wire.EXPERIMENT_ACTION, ExperimentAction),
        (wire.OUTCOME_STATUS, OutcomeStatus),
        (wire.LEASE_STATUS, LeaseStatus),
        (wire.DIRECTION, Direction),
    ],
)
def test_every_enum_member_has_its_number(table: object, kind: type) -> None:
    for member in kind:
        assert table.from_number(table.to_number(member), "field") is member
