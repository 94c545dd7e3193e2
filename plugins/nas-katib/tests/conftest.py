"""Katib's controller, as far as a suggestion service meets it: it speaks with Katib's own messages."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import grpc
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from nas_katib import serving
from nascore.tuner.retellings import Retellings

GOLDEN = Path(__file__).parent / "golden" / "katib-0.19.0.binpb"
ENDED = ("SUCCEEDED", "KILLED", "FAILED", "METRICSUNAVAILABLE", "EARLYSTOPPED")


def katib_messages() -> SimpleNamespace:
    """Return Katib's messages, made from the descriptor in its Python package, in a pool of their own."""
    pool = descriptor_pool.DescriptorPool()
    pool.Add(descriptor_pb2.FileDescriptorProto.FromString(GOLDEN.read_bytes()))
    file = pool.FindFileByName("api.proto")
    classes = {name: message_factory.GetMessageClass(each) for name, each in file.message_types_by_name.items()}
    return SimpleNamespace(**classes, file=file)


KATIB = katib_messages()


class Refused(Exception):
    """What the controller was told instead of an answer."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(f"{code.name}: {details}")
        self.code, self.details = code, details


class Controller:
    """One experiment in Katib: its resource, the suggestions that are stored, and its trials.

    It does what pkg/controller.v1beta1/suggestion does: all trials with every request, an answer with another number of
    suggestions refused, suggestions and algorithm settings stored in one update.
    """

    def __init__(self, channel: grpc.aio.Channel, experiment: dict) -> None:
        self.channel = channel
        self.experiment = experiment
        self.requests = 0
        self.suggestions: list[dict] = []
        self.settings: dict[str, str] = {}
        self.trials: dict[str, dict] = {}
        self.clock = 0

    async def validate(self) -> None:
        request = KATIB.ValidateAlgorithmSettingsRequest(experiment=self.experiment)
        await self._call("ValidateAlgorithmSettings", request)

    async def want(self, count: int, *, is_stored: bool = True, are_created: bool = True) -> list[dict[str, str]]:
        """Ask for more; returns the assignments of what came."""
        self.requests += count
        try:
            reply = await self._call("GetSuggestions", self.request())
        except Refused:
            self.requests -= count
            raise
        assert len(reply.parameter_assignments) == self.requests - len(self.suggestions)
        found = [
            {
                "name": each.trial_name,
                "labels": dict(each.labels),
                "assignments": {one.name: one.value for one in each.assignments},
            }
            for each in reply.parameter_assignments
        ]
        if is_stored:
            self.suggestions += found
            self.settings |= {each.name: each.value for each in reply.algorithm.algorithm_settings}
        else:
            self.requests -= count
        if are_created and is_stored:
            self.create()
        return [each["assignments"] for each in found]

    def request(self):
        """Return the request as the controller fills it in."""
        experiment = KATIB.Experiment(**self.experiment)
        algorithm = experiment.spec.algorithm
        for name, value in self.settings.items():
            known = [each for each in algorithm.algorithm_settings if each.name == name]
            (known[0] if known else algorithm.algorithm_settings.add(name=name)).value = value
        return KATIB.GetSuggestionsRequest(
            experiment=experiment,
            trials=[self._trial(name, trial) for name, trial in self.trials.items()],
            current_request_number=self.requests - len(self.suggestions),
            total_request_number=self.requests,
        )

    def create(self) -> None:
        for each in self.suggestions:
            self.trials.setdefault(each["name"], {**each, "condition": "RUNNING", "metrics": {}, "ended": ""})

    def end(self, name: str, condition: str = "SUCCEEDED", **metrics: float | str) -> None:
        self.clock += 1
        ended = f"2026-01-01T00:{self.clock // 60:02d}:{self.clock % 60:02d}Z"
        shown = {metric: str(value) for metric, value in metrics.items()}
        self.trials[name] |= {"condition": condition, "metrics": shown, "ended": ended}

    @property
    def running(self) -> list[str]:
        return [name for name, trial in self.trials.items() if trial["condition"] not in ENDED]

    @property
    def found(self) -> list[dict[str, str]]:
        return [each["assignments"] for each in self.suggestions]

    def _trial(self, name: str, trial: dict):
        assignments = [{"name": each, "value": value} for each, value in trial["assignments"].items()]
        metrics = [{"name": each, "value": value} for each, value in trial["metrics"].items()]
        return KATIB.Trial(
            name=name,
            spec={
                "objective": self.experiment["spec"]["objective"],
                "parameter_assignments": {"assignments": assignments},
                "labels": trial["labels"],
            },
            status={
                "start_time": "2026-01-01T00:00:00Z",
                "completion_time": trial["ended"],
                "condition": trial["condition"],
                "observation": {"metrics": metrics},
            },
        )

    async def _call(self, method: str, request):
        reply = getattr(KATIB, f"{method}Reply")
        call = self.channel.unary_unary(
            f"/api.v1.beta1.Suggestion/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=reply.FromString,
        )
        try:
            return await call(request, timeout=60)
        except grpc.aio.AioRpcError as error:
            raise Refused(error.code(), error.details() or "") from None


def parameter(name: str, kind: str, **space: object) -> dict:
    return {"name": name, "parameter_type": kind, "feasible_space": space}


PARAMETERS = (
    parameter("--lr", "DOUBLE", min="0.0001", max="0.1", distribution="LOG_UNIFORM"),
    parameter("--momentum", "DOUBLE", min="0.5", max="0.9", step="0.1"),
    parameter("--num-layers", "INT", min="2", max="5"),
    parameter("--batch", "DISCRETE", list=["32", "64", "128"]),
    parameter("--optimizer", "CATEGORICAL", list=["sgd", "adam", "ftrl"]),
)


def experiment(name: str = "exp", *, parameters=PARAMETERS, settings=None, kind="MAXIMIZE", **spec: object) -> dict:
    """Return an experiment of hyper-parameters."""
    given = [{"name": each, "value": value} for each, value in (settings or {}).items()]
    return {
        "name": name,
        "spec": {
            "parameter_specs": {"parameters": list(parameters)},
            "objective": {"type": kind, "objective_metric_name": "accuracy", "additional_metric_names": ["loss"]},
            "algorithm": {"algorithm_name": "nascore", "algorithm_settings": given},
            "parallel_trial_count": 3,
            "max_trial_count": 12,
            **spec,
        },
    }


@pytest.fixture
def service() -> Callable:
    """Give ``async with service(tuner) as controller``: a service, and a maker of controllers that speak to it."""

    @asynccontextmanager
    async def start(tuner: str, **options: object):
        async with (
            serving(Retellings(tuner, **options), port=0) as address,
            grpc.aio.insecure_channel(address) as channel,
        ):
            yield lambda each: Controller(channel, each)

    return start


@pytest.fixture
def katib() -> SimpleNamespace:
    return SimpleNamespace(
        messages=KATIB, experiment=experiment, parameter=parameter, Controller=Controller, Refused=Refused
    )
