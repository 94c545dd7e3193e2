"""Servicers: what they refuse and what they hand on. The engine is a recorder; transport is not involved."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from nascore.errors import InvalidInputError, MetricError, SettingsError
from nascore.experiment import Change
from nascore.record import (
    ExperimentAction,
    ExperimentRecord,
    ExperimentSpec,
    LeaseAnswer,
    LeaseStatus,
    Limits,
    OutcomeStatus,
    Proposal,
    Report,
    TrialRecord,
    TrialState,
    Verdict,
)
from nascore.record.wire import spec_to_message
from nascore.service.drain import Drain
from nascore.service.experiments import ExperimentServicer
from nascore.service.pages import PAGE_BYTES, fitting_page, trial_message
from nascore.service.trials import TrialServicer
from nascore.space import Architecture
from nascore.v1 import architecture_pb2, experiment_pb2, trial_pb2, tuner_pb2

SPEC = ExperimentSpec("random")


def trial(number: int, *, reports: int = 0) -> TrialRecord:
    proposal = Proposal(number, Architecture({"op": "conv"}))
    values = {f"metric-{place}": 0.5 for place in range(20)}
    return TrialRecord(
        number,
        TrialState.SUCCEEDED,
        proposal,
        reports=tuple(Report(number, step, values) for step in range(reports)),
    )


class Recorder:
    """Stands for both Experiments and Engine; keeps the last call."""

    def __init__(self) -> None:
        self.called: tuple[Any, ...] = ()
        self.numbers = range(0)
        self.changes: list[Change] = []

    def get(self, identifier: str) -> "Recorder":
        return self

    def record(self) -> ExperimentRecord:
        return ExperimentRecord("abcdefgh", SPEC)

    def trials(self, *, states: Any = (), after: int = -1, count: int | None = None) -> tuple[TrialRecord, ...]:
        self.called = ("trials", states, after, count)
        return tuple(trial(number) for number in self.numbers if number > after)[:count]

    def best(self, count: int = 1) -> tuple[TrialRecord, ...]:
        self.called = ("best", count)
        return ()

    async def watch(self, after_seq: int = 0) -> AsyncIterator[Change]:
        for change in self.changes:
            yield change

    def __getattr__(self, name: str) -> Any:
        answers = {
            "create": self,
            "lease": LeaseAnswer(LeaseStatus.NONE_YET),
            "finish": None,
            "report": Verdict.STOP,
            "enqueue": (4, 5),
            "update": self.record(),
        }

        async def call(*positional: Any, **named: Any) -> Any:
            self.called = (name, *positional, named)
            return answers.get(name)

        return call


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
async def trials(recorder: Recorder) -> TrialServicer:
    return TrialServicer(recorder, Drain())  # type: ignore[arg-type]


@pytest.fixture
def experiments(recorder: Recorder) -> ExperimentServicer:
    return ExperimentServicer(recorder)  # type: ignore[arg-type]


GOOD: dict[str, Any] = {"experiment": "e", "worker": "w", "request_id": "r"}
DONE = tuner_pb2.Outcome(status=tuner_pb2.OUTCOME_STATUS_COMPLETED)
MANY = [tuner_pb2.Metric(name=str(number), value=1) for number in range(1001)]


@pytest.mark.parametrize(
    ("call", "request_type", "parts", "sentence"),
    [
        ("lease_trial", trial_pb2.LeaseTrialRequest, {"request_id": ""}, "request_id: 0 characters"),
        ("lease_trial", trial_pb2.LeaseTrialRequest, {"request_id": "x" * 65}, "request_id: 65 characters"),
        ("lease_trial", trial_pb2.LeaseTrialRequest, {"worker": ""}, "worker: 0 characters"),
        ("lease_trial", trial_pb2.LeaseTrialRequest, {"experiment": ""}, "experiment: 0 characters"),
        ("lease_trial", trial_pb2.LeaseTrialRequest, {"max_wait_s": -1}, "max_wait_s"),
        ("finish_trial", trial_pb2.FinishTrialRequest, {}, "outcome: unset"),
        (
            "finish_trial",
            trial_pb2.FinishTrialRequest,
            {"outcome": tuner_pb2.Outcome()},
            r"outcome\.status: enum number 0",
        ),
        ("finish_trial", trial_pb2.FinishTrialRequest, {"outcome": DONE, "next_wait_s": -1}, "next_wait_s"),
        ("finish_trial", trial_pb2.FinishTrialRequest, {"outcome": DONE, "checkpoint": "c" * 1025}, "checkpoint"),
        ("finish_trial", trial_pb2.FinishTrialRequest, {"outcome": DONE, "request_id": ""}, "request_id"),
        ("report_metrics", trial_pb2.ReportMetricsRequest, {}, "metrics: 0 is not within 1 and 1000"),
        ("report_metrics", trial_pb2.ReportMetricsRequest, {"metrics": MANY}, "metrics: 1001 is not within"),
        ("report_metrics", trial_pb2.ReportMetricsRequest, {"metrics": MANY[:1], "request_id": ""}, "request_id"),
        ("return_lease", trial_pb2.ReturnLeaseRequest, {"request_id": ""}, "request_id"),
    ],
)
async def test_bad_word_of_a_worker_is_refused_by_field(
    trials: TrialServicer, recorder: Recorder, call: str, request_type: Any, parts: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InvalidInputError, match=sentence):
        await getattr(trials, call)(request_type(**{**GOOD, **parts}))
    assert recorder.called == ()


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({}, "space: unset"),
        ({"space": {}, "tasks": [0]}, r"tasks\[0\]: enum number 0"),
        ({"space": {}, "tasks": [1] * 6}, "tasks: 6 is not within"),
        ({"space": {}, "devices": ["d"] * 257}, "devices: 257"),
        ({"space": {}, "devices": [""]}, r"devices\[0\]: 0 characters"),
        ({"space": {}, "worker": ""}, "worker"),
    ],
)
async def test_bad_registration_is_refused_by_field(trials: TrialServicer, parts: Any, sentence: str) -> None:
    named = {"experiment": "e", "worker": "w", **parts}
    with pytest.raises(InvalidInputError, match=sentence):
        await trials.register_space(trial_pb2.RegisterSpaceRequest(**named))


async def test_metric_that_is_no_number_is_refused(trials: TrialServicer) -> None:
    metrics = [tuner_pb2.Metric(name="loss", value=float("nan"))]
    with pytest.raises(MetricError, match="metrics: the metric loss is nan"):
        await trials.report_metrics(trial_pb2.ReportMetricsRequest(**GOOD, metrics=metrics))


async def test_words_of_a_worker_reach_the_engine(trials: TrialServicer, recorder: Recorder) -> None:
    await trials.lease_trial(trial_pb2.LeaseTrialRequest(**GOOD, max_wait_s=300))
    assert recorder.called == ("lease", "w", "r", {"max_wait_s": 60.0})
    metrics = [tuner_pb2.Metric(name="loss", value=0.5)]
    answer = await trials.report_metrics(
        trial_pb2.ReportMetricsRequest(**GOOD, trial=3, epoch=2, step=9, metrics=metrics)
    )
    assert recorder.called == ("report", "w", 3, 2, "r", {"step": 9, "metrics": {"loss": 0.5}})
    assert answer.verdict == tuner_pb2.VERDICT_STOP
    await trials.finish_trial(
        trial_pb2.FinishTrialRequest(
            **GOOD, trial=3, epoch=2, outcome=DONE, is_retryable=True, checkpoint="c", wants_next=True, next_wait_s=99
        )
    )
    name, *positional, named = recorder.called
    assert (name, *positional) == ("finish", "w", 3, 2, "r")
    assert named.pop("outcome").status is OutcomeStatus.COMPLETED
    assert named == {"is_retryable": True, "checkpoint": "c", "wants_next": True, "next_wait_s": 60.0}


@pytest.mark.parametrize(
    ("call", "request_type", "parts", "sentence"),
    [
        ("create_experiment", experiment_pb2.CreateExperimentRequest, {"request_id": "r"}, "spec: unset"),
        ("create_experiment", experiment_pb2.CreateExperimentRequest, {"spec": {}}, "request_id"),
        ("update_experiment", experiment_pb2.UpdateExperimentRequest, {"request_id": "r"}, "experiment: 0"),
        ("update_experiment", experiment_pb2.UpdateExperimentRequest, {**GOOD, "action": 77}, "action: enum number 77"),
        ("delete_experiment", experiment_pb2.DeleteExperimentRequest, {"experiment": "e"}, "request_id"),
        ("list_trials", experiment_pb2.ListTrialsRequest, {"page_size": 1001}, "page_size: 1001"),
        ("list_trials", experiment_pb2.ListTrialsRequest, {"states": [0]}, r"states\[0\]: enum number 0"),
        ("list_trials", experiment_pb2.ListTrialsRequest, {"page_token": "x"}, "page_token"),
        ("list_best", experiment_pb2.ListBestRequest, {"count": 1001}, "count: 1001"),
        ("enqueue_architectures", experiment_pb2.EnqueueArchitecturesRequest, GOOD, "architectures: 0"),
        (
            "enqueue_architectures",
            experiment_pb2.EnqueueArchitecturesRequest,
            {**GOOD, "architectures": [architecture_pb2.Architecture()] * 257},
            "architectures: 257",
        ),
    ],
)
async def test_bad_word_of_a_person_is_refused_by_field(
    experiments: ExperimentServicer, call: str, request_type: Any, parts: dict[str, Any], sentence: str
) -> None:
    known = {name: value for name, value in parts.items() if name in request_type.DESCRIPTOR.fields_by_name}
    with pytest.raises(InvalidInputError, match=sentence):
        await getattr(experiments, call)(request_type(**known))


@pytest.mark.parametrize("tuner", ["exec:sh -c id", "grpc://192.0.2.1:1", ""])
async def test_command_never_comes_over_the_wire(
    experiments: ExperimentServicer, recorder: Recorder, tuner: str
) -> None:
    spec = spec_to_message(SPEC)
    spec.tuner = tuner
    with pytest.raises(SettingsError, match="is not a name"):
        await experiments.create_experiment(experiment_pb2.CreateExperimentRequest(request_id="r", spec=spec))
    assert recorder.called == ()


async def test_update_without_action_changes_only_limits(experiments: ExperimentServicer, recorder: Recorder) -> None:
    limits = experiment_pb2.Limits(max_trials=7)
    request = experiment_pb2.UpdateExperimentRequest(request_id="r", experiment="e", limits=limits)
    await experiments.update_experiment(request)
    assert recorder.called == ("update", "r", {"action": None, "limits": Limits(max_trials=7)})
    request = experiment_pb2.UpdateExperimentRequest(request_id="r", experiment="e", action=3)
    await experiments.update_experiment(request)
    assert recorder.called == ("update", "r", {"action": ExperimentAction.STOP, "limits": None})


async def test_pages_cover_all_trials_once(experiments: ExperimentServicer, recorder: Recorder) -> None:
    recorder.numbers = range(25)
    seen: list[int] = []
    token, pages = "", 0
    while True:
        request = experiment_pb2.ListTrialsRequest(experiment="e", page_size=10, page_token=token)
        page = await experiments.list_trials(request)
        seen += [message.number for message in page.trials]
        token, pages = page.next_page_token, pages + 1
        if not token:
            break
    assert seen == list(range(25))
    assert pages == 3


async def test_exactly_full_page_is_the_last(experiments: ExperimentServicer, recorder: Recorder) -> None:
    recorder.numbers = range(10)
    page = await experiments.list_trials(experiment_pb2.ListTrialsRequest(experiment="e", page_size=10))
    assert (len(page.trials), page.next_page_token) == (10, "")


async def test_page_without_size_has_100(experiments: ExperimentServicer, recorder: Recorder) -> None:
    recorder.numbers = range(150)
    page = await experiments.list_trials(experiment_pb2.ListTrialsRequest(experiment="e"))
    assert (len(page.trials), page.next_page_token) == (100, "99")


async def test_page_ends_before_it_is_too_large() -> None:
    large = [trial(number, reports=1000) for number in range(12)]
    page = await fitting_page(large)
    assert 1 <= len(page) < 12
    assert sum(message.ByteSize() for message in page) <= PAGE_BYTES


def test_trial_with_endless_reports_keeps_the_newest() -> None:
    message = trial_message(trial(1, reports=9000))
    assert message.ByteSize() < PAGE_BYTES
    assert message.reports[-1].step == 8999
    assert 0 < len(message.reports) < 9000


async def test_changes_are_passed_on_as_they_are(experiments: ExperimentServicer, recorder: Recorder) -> None:
    recorder.changes = [Change(1, experiment=recorder.record()), Change(2, trial=trial(0))]
    request = experiment_pb2.WatchExperimentRequest(experiment="e")
    sent = [message async for message in experiments.watch_experiment(request)]
    assert [(message.seq, message.HasField("experiment"), message.HasField("trial")) for message in sent] == [
        (1, True, False),
        (2, False, True),
    ]


async def test_drained_wait_is_no_wait(recorder: Recorder) -> None:
    drain = Drain()
    servicer = TrialServicer(recorder, drain)  # type: ignore[arg-type]
    drain.begin()
    await asyncio.sleep(0)
    await servicer.lease_trial(trial_pb2.LeaseTrialRequest(**GOOD, max_wait_s=30))
    assert recorder.called == ("lease", "w", "r", {"max_wait_s": 0.0})
