"""ExperimentService: thin; it checks, translates and hands on to the experiments.

Reading calls answer with what they saw once it is stored: nothing is shown that a power cut could still take back.

Not here: what an experiment is (``nascore.experiment``). Names of tuners are taken over the wire, commands and
addresses never.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from itertools import islice

from nascore.errors import ExhaustedResourceError
from nascore.experiment import Change, Engine, Experiments
from nascore.record.wire import (
    EXPERIMENT_ACTION,
    TRIAL_STATE,
    experiment_to_message,
    limits_from_message,
    spec_from_message,
)
from nascore.service import checks
from nascore.service.pages import all_experiments, fitting_page, trial_message, whole
from nascore.space.wire import architecture_from_message
from nascore.v1 import experiment_pb2

_NO_ACTION = experiment_pb2.EXPERIMENT_ACTION_UNSPECIFIED


class ExperimentServicer:
    """What the CLI, notebooks and pages call."""

    def __init__(self, experiments: Experiments) -> None:
        self._experiments = experiments
        self._watchers = 0
        self._page = asyncio.Lock()  # Held while a page of a list is made: one at a time.

    async def create_experiment(
        self, request: experiment_pb2.CreateExperimentRequest
    ) -> experiment_pb2.CreateExperimentResponse:
        """Create an experiment."""
        request_id = checks.request_id(request.request_id)
        checks.present(request, "spec")
        checks.size(request.spec, "spec")
        checks.tuner_name(request.spec.tuner)
        engine = await self._experiments.create(spec_from_message(request.spec), request_id=request_id)
        return experiment_pb2.CreateExperimentResponse(experiment=experiment_to_message(engine.record()))

    async def get_experiment(
        self, request: experiment_pb2.GetExperimentRequest
    ) -> experiment_pb2.GetExperimentResponse:
        """Answer with an experiment."""
        engine = self._engine(request.experiment)
        record = engine.record()
        await engine.settled()
        return experiment_pb2.GetExperimentResponse(experiment=experiment_to_message(record))

    async def list_experiments(
        self, request: experiment_pb2.ListExperimentsRequest
    ) -> experiment_pb2.ListExperimentsResponse:
        """Answer with all of them, newest first."""
        return experiment_pb2.ListExperimentsResponse(experiments=all_experiments(self._experiments.list()))

    async def update_experiment(
        self, request: experiment_pb2.UpdateExperimentRequest
    ) -> experiment_pb2.UpdateExperimentResponse:
        """Pause, resume or stop an experiment, or change its limits."""
        request_id = checks.request_id(request.request_id)
        action = None if request.action == _NO_ACTION else EXPERIMENT_ACTION.from_number(request.action, "action")
        limits = limits_from_message(request.limits) if request.HasField("limits") else None
        record = await self._engine(request.experiment).update(request_id, action=action, limits=limits)
        return experiment_pb2.UpdateExperimentResponse(experiment=experiment_to_message(record))

    async def delete_experiment(
        self, request: experiment_pb2.DeleteExperimentRequest
    ) -> experiment_pb2.DeleteExperimentResponse:
        """Remove an ended experiment."""
        request_id = checks.request_id(request.request_id)
        await self._experiments.delete(checks.experiment(request.experiment), request_id=request_id)
        return experiment_pb2.DeleteExperimentResponse()

    async def get_trial(self, request: experiment_pb2.GetTrialRequest) -> experiment_pb2.GetTrialResponse:
        """Answer with a trial."""
        engine = self._engine(request.experiment)
        trial = engine.trial(request.number)
        await engine.settled()
        return experiment_pb2.GetTrialResponse(trial=trial_message(trial))

    async def list_trials(self, request: experiment_pb2.ListTrialsRequest) -> experiment_pb2.ListTrialsResponse:
        """Answer with a page of trials, by number."""
        size = checks.count(request.page_size, "page_size", least=0, most=checks.MAX_PAGE) or checks.DEFAULT_PAGE
        states = tuple(
            TRIAL_STATE.from_number(state, f"states[{place}]") for place, state in enumerate(islice(request.states, 16))
        )
        after = checks.page_start(request.page_token)
        engine = self._engine(request.experiment)
        trials = engine.trials(states=states, after=after, count=size + 1)
        await engine.settled()
        async with self._page:
            page = await fitting_page(trials[:size])
        is_last = len(page) == len(trials)
        return experiment_pb2.ListTrialsResponse(trials=page, next_page_token="" if is_last else str(page[-1].number))

    async def list_best(self, request: experiment_pb2.ListBestRequest) -> experiment_pb2.ListBestResponse:
        """Answer with the best trials."""
        count = checks.count(request.count, "count", least=0, most=checks.MAX_PAGE) or 1
        engine = self._engine(request.experiment)
        best = engine.best(count)
        await engine.settled()
        return experiment_pb2.ListBestResponse(trials=whole(best))

    async def enqueue_architectures(
        self, request: experiment_pb2.EnqueueArchitecturesRequest
    ) -> experiment_pb2.EnqueueArchitecturesResponse:
        """Put architectures before the tuner's own."""
        request_id = checks.request_id(request.request_id)
        checks.count(len(request.architectures), "architectures", most=checks.MAX_ENQUEUED)
        architectures = tuple(architecture_from_message(message) for message in request.architectures)
        numbers = await self._engine(request.experiment).enqueue(request_id, architectures)
        return experiment_pb2.EnqueueArchitecturesResponse(trials=numbers)

    async def watch_experiment(
        self, request: experiment_pb2.WatchExperimentRequest
    ) -> AsyncGenerator[experiment_pb2.WatchExperimentResponse, None]:
        """Send changes as they are committed; nothing is kept here for a caller who does not read."""
        engine = self._engine(request.experiment)
        if self._watchers >= checks.MAX_WATCHERS:
            raise ExhaustedResourceError(
                f"This server has {self._watchers} watchers, as many as it serves.",
                hint="Close one, or ask by GetExperiment every few seconds.",
            )
        self._watchers += 1
        try:
            async with aclosing(engine.watch(request.after_seq)) as changes:
                async for change in changes:
                    yield _change_to_message(change)
        finally:
            self._watchers -= 1

    def _engine(self, experiment: str) -> Engine:
        return self._experiments.get(checks.experiment(experiment))


def _change_to_message(change: Change) -> experiment_pb2.WatchExperimentResponse:
    return experiment_pb2.WatchExperimentResponse(
        seq=change.seq,
        experiment=None if change.experiment is None else experiment_to_message(change.experiment),
        trial=None if change.trial is None else trial_message(change.trial),
    )
