"""One valid request or more for every rpc that workers and people call: what campaigns on the server begin from.

They speak of the experiment, workers and trials that ``service`` keeps, so that many mutations reach the engine itself.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message

from nascore.record import Failure, FailureKind, Limits, Objective, OneShot, Outcome, OutcomeStatus
from nascore.record.wire import (
    costs_to_messages,
    limits_to_message,
    metrics_to_messages,
    objective_to_message,
    one_shot_to_message,
    outcome_to_message,
    unmixable_to_messages,
)
from nascore.space import Architecture, Candidate, Integer, MixedDecision, OneOf, SearchSpace, SomeOf
from nascore.space.wire import architecture_to_message, space_to_message
from nascore.testing.fuzz.edits import picked
from nascore.testing.fuzz.messages import Messages, either
from nascore.testing.fuzz.wire_bytes import WireBytes
from nascore.v1 import experiment_pb2 as experiment
from nascore.v1 import trial_pb2 as trial
from nascore.v1.tuner_pb2 import TASK_EVALUATE, Snapshot

EXPERIMENT = "fuzzedaa"
"""Id of the experiment that the requests speak of."""

WORKERS = ("w", "v")

SPACE = SearchSpace(
    (
        OneOf("op", (Candidate("conv", children=(Integer("kernel", 1, 3),)), Candidate("skip"))),
        SomeOf("inputs", tuple(map(Candidate, "abc")), 1, 2),
    )
)
"""The space of that experiment."""

SERVICES: tuple[ServiceDescriptor, ...] = (
    trial.DESCRIPTOR.services_by_name["TrialService"],
    experiment.DESCRIPTOR.services_by_name["ExperimentService"],
)

_ARCHITECTURE = Architecture({"op": "conv", "op/conv/kernel": 2, "inputs": ("a", "c")})
_DONE = Outcome(OutcomeStatus.COMPLETED, {"accuracy": 0.5, "loss": 1.5}, duration_s=1.0)
_BROKEN = Outcome(OutcomeStatus.FAILED, failure=Failure(FailureKind.EXCEPTION, "ValueError: x", "Traceback ..."))
_GRADED = Outcome(OutcomeStatus.COMPLETED, {"accuracy": 1.0}, gradient=(MixedDecision("op", (0.5, 0.5), (0,)),))
_STATES = (experiment.TRIAL_STATE_QUEUED, experiment.TRIAL_STATE_SUCCEEDED)
_LIMITS = Limits(max_trials=10**6, max_parallel=8, max_attempts=2, lease_s=60.0)


def _worker_requests() -> tuple[Message, ...]:
    name: dict[str, Any] = {"experiment": EXPERIMENT, "worker": "w"}
    held: dict[str, Any] = {**name, "trial": 1, "epoch": 1, "request_id": "r"}
    return (
        trial.RegisterSpaceRequest(**name, space=space_to_message(SPACE), tasks=[TASK_EVALUATE], devices=["cpu"]),
        trial.LeaseTrialRequest(**name, request_id="l1", max_wait_s=0.5),
        trial.RenewLeaseRequest(**name, trial=1, epoch=1),
        trial.ReportMetricsRequest(**held, step=3, metrics=metrics_to_messages({"accuracy": 0.25})),
        trial.FinishTrialRequest(**held, outcome=outcome_to_message(_DONE), checkpoint="c", wants_next=True),
        trial.FinishTrialRequest(**held, outcome=outcome_to_message(_BROKEN), is_retryable=True),
        trial.FinishTrialRequest(**held, outcome=outcome_to_message(_GRADED)),
        trial.ReturnLeaseRequest(**held),
    )


def _streamed_requests() -> tuple[Message, ...]:
    """Return the requests of workers as they travel on a stream: each in the field of its type."""
    streamed: list[Message] = []
    for request in _worker_requests():
        for field in trial.WorkRequest.DESCRIPTOR.fields:
            if field.message_type is request.DESCRIPTOR:
                message = trial.WorkRequest()
                getattr(message, field.name).CopyFrom(request)
                streamed.append(message)
    return tuple(streamed)


def _sample_requests() -> tuple[Message, ...]:
    """Return the requests of a worker that exchanges samples, each in the field of its type."""
    state = trial.ExchangeState(tuner=b"state", next_sample=4)
    begin = trial.BeginExchange(
        experiment=EXPERIMENT,
        worker="w",
        trial=1,
        epoch=1,
        batches_per_epoch=4,
        costs=costs_to_messages({("op", "conv", "macs"): 9.0}),
        unmixable=unmixable_to_messages({"inputs": "shapes"}),
        snapshot=Snapshot(state=state.SerializeToString(), seq=4),
        next_sample=4,
    )
    outcomes = [trial.SampleOutcome(number=3, outcome=outcome_to_message(_GRADED))]
    return (
        trial.ExchangeSamplesRequest(begin=begin),
        trial.ExchangeSamplesRequest(exchange=trial.Samples(outcomes=outcomes, want=2)),
        trial.ExchangeSamplesRequest(take_snapshot=trial.TakeSnapshot()),
        trial.ExchangeSamplesRequest(derive=trial.DeriveSamples(count=1)),
    )


def _people_requests() -> tuple[Message, ...]:
    spec = experiment.ExperimentSpec(
        name="mine",
        tuner="sampler",
        settings_json='{"rate":0.5,"names":["a"]}',
        objectives=[objective_to_message(Objective("accuracy")), objective_to_message(Objective("loss"))],
        limits=limits_to_message(_LIMITS),
        seed=7,
        space=space_to_message(SPACE),
        one_shot=one_shot_to_message(OneShot()),
    )
    architecture = architecture_to_message(_ARCHITECTURE)
    return (
        experiment.CreateExperimentRequest(request_id="c", spec=spec),
        experiment.GetExperimentRequest(experiment=EXPERIMENT),
        experiment.ListExperimentsRequest(),
        experiment.UpdateExperimentRequest(
            request_id="u",
            experiment=EXPERIMENT,
            action=experiment.EXPERIMENT_ACTION_PAUSE,
            limits=limits_to_message(_LIMITS),
        ),
        experiment.DeleteExperimentRequest(request_id="d", experiment="zzz"),
        experiment.GetTrialRequest(experiment=EXPERIMENT, number=1),
        experiment.ListTrialsRequest(experiment=EXPERIMENT, states=_STATES, page_size=3, page_token=str(1)),
        experiment.ListBestRequest(experiment=EXPERIMENT, count=3),
        experiment.EnqueueArchitecturesRequest(
            request_id="e", experiment=EXPERIMENT, architectures=[architecture, architecture]
        ),
        experiment.WatchExperimentRequest(experiment=EXPERIMENT, after_seq=1),
    )


def valid_requests() -> Mapping[str, Sequence[Message]]:
    """Return valid requests by the path of their rpc (``/nascore.v1.TrialService/LeaseTrial``)."""
    messages = (*_worker_requests(), *_streamed_requests(), *_sample_requests(), *_people_requests())
    return {
        f"/{service.full_name}/{method.name}": [each for each in messages if each.DESCRIPTOR is method.input_type]
        for service in SERVICES
        for method in service.methods
    }


def request_inputs() -> Callable[[random.Random], bytes]:
    """Return a maker of inputs: the path of an rpc, a line's end, and the bytes of a request."""
    texts = {
        "experiment": (EXPERIMENT, "last", EXPERIMENT[:4], "mine"),
        "worker": WORKERS,
        "request_id": tuple(f"r{number}" for number in range(400)),
        "settings_json": ("", "{}", '{"a":NaN}', '{"a":1e999}', '{"a":"\\ud800"}', '{"a":' * 900 + "1" + "}" * 900),
        "tuner": ("sampler", "../x", "a;b", "host:1", "none-of-ours"),
        "name": ("accuracy", "loss", "mine"),
        "metric": ("accuracy", "loss"),
        "path": ("op", "op/conv/kernel", "inputs", "kernel", "op/skip"),
        "candidate": ("conv", "skip", "a"),
        "keys": ("a", "b", "c", "conv"),
        "kind": tuple(FailureKind),
        "page_token": ("", "0", "1", "9" * 20, "-1", "１"),
    }
    makers = {
        path.encode(): either(Messages(messages, texts=texts), WireBytes(messages), share=0.6)
        for path, messages in valid_requests().items()
    }
    paths = tuple(makers)

    def make(rng: random.Random) -> bytes:
        path = picked(paths, rng)
        return path + b"\n" + makers[path](rng)

    return make
