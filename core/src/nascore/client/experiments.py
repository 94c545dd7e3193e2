"""The calls of people and tools: create, follow and steer experiments, and read their trials."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nascore.client.connection import Connection
from nascore.client.request import request_id_or_new, unsigned
from nascore.client.watch import Change, watch_changes
from nascore.errors import InvalidInputError
from nascore.record import ExperimentAction, ExperimentRecord, ExperimentSpec, Limits, TrialRecord, TrialState
from nascore.record.wire import (
    EXPERIMENT_ACTION,
    TRIAL_STATE,
    experiment_from_message,
    limits_to_message,
    spec_to_message,
    trial_from_message,
)
from nascore.space import Architecture
from nascore.space.wire import architecture_to_message
from nascore.v1 import experiment_pb2

_SERVICE = "/nascore.v1.ExperimentService"


class ExperimentCalls:
    """What the CLI, notebooks and pages call. Thread-safe.

    ``experiment`` is an id, a unique prefix of one, a name, or "last". All methods raise the NascoreError that the
    server answered, or UnavailableError if none did.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def create(self, spec: ExperimentSpec, *, request_id: str | None = None) -> ExperimentRecord:
        """Create an experiment and return it as it began.

        Raises:
            SettingsError: If the tuner does not accept its settings.
            NotFoundError: If there is no such tuner.
        """
        request = experiment_pb2.CreateExperimentRequest(
            request_id=request_id_or_new(request_id), spec=spec_to_message(spec)
        )
        answer = self._connection.unary(
            f"{_SERVICE}/CreateExperiment", request, experiment_pb2.CreateExperimentResponse
        )
        return experiment_from_message(answer.experiment)

    def get(self, experiment: str) -> ExperimentRecord:
        """Return an experiment.

        Raises:
            NotFoundError: If there is none; similar ones are named.
        """
        request = experiment_pb2.GetExperimentRequest(experiment=experiment)
        answer = self._connection.unary(f"{_SERVICE}/GetExperiment", request, experiment_pb2.GetExperimentResponse)
        return experiment_from_message(answer.experiment)

    def list(self) -> tuple[ExperimentRecord, ...]:
        """Return all experiments, newest first."""
        request = experiment_pb2.ListExperimentsRequest()
        answer = self._connection.unary(f"{_SERVICE}/ListExperiments", request, experiment_pb2.ListExperimentsResponse)
        return tuple(experiment_from_message(message) for message in answer.experiments)

    def update(
        self,
        experiment: str,
        *,
        action: ExperimentAction | None = None,
        limits: Limits | None = None,
        request_id: str | None = None,
    ) -> ExperimentRecord:
        """Pause, resume or stop an experiment, or change the limits that are set in ``limits``; return it."""
        request = experiment_pb2.UpdateExperimentRequest(
            request_id=request_id_or_new(request_id),
            experiment=experiment,
            action=None if action is None else EXPERIMENT_ACTION.to_number(action),
            limits=None if limits is None else limits_to_message(limits),
        )
        answer = self._connection.unary(
            f"{_SERVICE}/UpdateExperiment", request, experiment_pb2.UpdateExperimentResponse
        )
        return experiment_from_message(answer.experiment)

    def delete(self, experiment: str, *, request_id: str | None = None) -> None:
        """Remove an ended experiment and its record; this is not undone.

        Raises:
            StateError: If it has not ended.
        """
        request = experiment_pb2.DeleteExperimentRequest(
            request_id=request_id_or_new(request_id), experiment=experiment
        )
        self._connection.unary(f"{_SERVICE}/DeleteExperiment", request, experiment_pb2.DeleteExperimentResponse)

    def get_trial(self, experiment: str, number: int) -> TrialRecord:
        """Return a trial.

        Raises:
            NotFoundError: If there is none of that number.
        """
        request = experiment_pb2.GetTrialRequest(experiment=experiment, number=unsigned(number, "number"))
        answer = self._connection.unary(f"{_SERVICE}/GetTrial", request, experiment_pb2.GetTrialResponse)
        return trial_from_message(answer.trial)

    def list_trials(
        self, experiment: str, *, states: Sequence[TrialState] = (), page_size: int = 100
    ) -> Iterator[TrialRecord]:
        """Yield the trials by number, only those in ``states`` unless empty, fetched in pages of 1 to 1000."""
        request = experiment_pb2.ListTrialsRequest(
            experiment=experiment,
            states=[TRIAL_STATE.to_number(state) for state in states],
            page_size=_small(page_size, "page_size"),
        )
        while True:
            answer = self._connection.unary(f"{_SERVICE}/ListTrials", request, experiment_pb2.ListTrialsResponse)
            for message in answer.trials:
                yield trial_from_message(message)
            if not answer.next_page_token:
                return
            request.page_token = answer.next_page_token

    def best(self, experiment: str, count: int = 1) -> tuple[TrialRecord, ...]:
        """Return up to ``count`` trials, best first; with several objectives the whole Pareto front."""
        request = experiment_pb2.ListBestRequest(experiment=experiment, count=_small(count, "count"))
        answer = self._connection.unary(f"{_SERVICE}/ListBest", request, experiment_pb2.ListBestResponse)
        return tuple(trial_from_message(message) for message in answer.trials)

    def enqueue(
        self, experiment: str, architectures: Sequence[Architecture], *, request_id: str | None = None
    ) -> tuple[int, ...]:
        """Put 1 to 256 architectures before the tuner's own; return the numbers of their trials.

        Raises:
            ArchitectureError: If one does not fit the space.
        """
        request = experiment_pb2.EnqueueArchitecturesRequest(
            request_id=request_id_or_new(request_id),
            experiment=experiment,
            architectures=[architecture_to_message(architecture) for architecture in architectures],
        )
        answer = self._connection.unary(
            f"{_SERVICE}/EnqueueArchitectures", request, experiment_pb2.EnqueueArchitecturesResponse
        )
        return tuple(answer.trials)

    def watch(self, experiment: str, *, after_seq: int = 0) -> Iterator[Change]:
        """Yield committed changes after a position in the log, as they come; leave the loop to end it.

        It ends by itself only with the experiment's record: an ended experiment may be resumed. A broken stream is
        taken up again behind the last change. Whoever is slow is given what changed as it stands now, not each step.
        The generator belongs to one thread.
        """
        return watch_changes(self._connection, experiment, after_seq=after_seq)


def _small(value: int, field: str) -> int:
    if not 1 <= value <= 1000:
        raise InvalidInputError(f"{field}: {value} is not within 1 and 1000.")
    return value
