"""TrialService: thin; it checks, translates and hands on to the engine.

Not here: leases and their rules (``nascore.experiment``).
"""

from __future__ import annotations

from nascore.errors import InvalidInputError
from nascore.experiment import Engine, Experiments
from nascore.record import Task
from nascore.record.wire import (
    COMMAND,
    TASK,
    VERDICT,
    lease_answer_to_message,
    metrics_from_messages,
    objective_to_message,
    outcome_from_message,
)
from nascore.service import checks
from nascore.service.dispatch import Bordered
from nascore.service.drain import Drain
from nascore.service.exchange import SampleConversation
from nascore.space.wire import space_from_message
from nascore.v1 import trial_pb2


class TrialServicer:
    """What workers call."""

    def __init__(self, experiments: Experiments, drain: Drain) -> None:
        self._experiments = experiments
        self._drain = drain

    async def register_space(self, request: trial_pb2.RegisterSpaceRequest) -> trial_pb2.RegisterSpaceResponse:
        """Take the space of a worker's code."""
        worker = checks.worker(request.worker)
        checks.present(request, "space")
        checks.size(request.space, "space")
        tasks, devices = _abilities(request)
        registration = await self._engine(request.experiment).register_space(
            worker,
            space_from_message(request.space),
            tasks=tasks,
            batches_per_epoch=request.batches_per_epoch,
            devices=devices,
        )
        return trial_pb2.RegisterSpaceResponse(
            space_fingerprint=registration.space_fingerprint,
            seed=registration.seed,
            objectives=[objective_to_message(objective) for objective in registration.objectives],
        )

    async def lease_trial(self, request: trial_pb2.LeaseTrialRequest) -> trial_pb2.LeaseTrialResponse:
        """Answer with a trial, waiting for one as long as the worker allows."""
        worker, request_id = checks.worker(request.worker), checks.request_id(request.request_id)
        max_wait_s = self._drain.wait_s(checks.wait(request.max_wait_s, "max_wait_s"))
        engine = self._engine(request.experiment)
        with self._drain.interruptible(waits=max_wait_s > 0):
            answer = await engine.lease(worker, request_id, max_wait_s=max_wait_s)
        return lease_answer_to_message(answer)

    async def renew_lease(self, request: trial_pb2.RenewLeaseRequest) -> trial_pb2.RenewLeaseResponse:
        """Take a heartbeat."""
        worker = checks.worker(request.worker)
        renewal = await self._engine(request.experiment).renew(worker, request.trial, request.epoch)
        return trial_pb2.RenewLeaseResponse(command=COMMAND.to_number(renewal.command), duration_s=renewal.duration_s)

    async def report_metrics(self, request: trial_pb2.ReportMetricsRequest) -> trial_pb2.ReportMetricsResponse:
        """Take intermediate values."""
        checks.count(len(request.metrics), "metrics", most=1000)
        verdict = await self._engine(request.experiment).report(
            checks.worker(request.worker),
            request.trial,
            request.epoch,
            checks.request_id(request.request_id),
            step=request.step,
            metrics=metrics_from_messages(request.metrics, "metrics"),
        )
        return trial_pb2.ReportMetricsResponse(verdict=VERDICT.to_number(verdict))

    async def finish_trial(self, request: trial_pb2.FinishTrialRequest) -> trial_pb2.FinishTrialResponse:
        """Take the end of a trial, and answer with the next one where that is wanted."""
        worker, request_id = checks.worker(request.worker), checks.request_id(request.request_id)
        checks.present(request, "outcome")
        checks.size(request.outcome, "outcome")
        checks.count(len(request.outcome.metrics), "outcome.metrics", least=0, most=1000)
        outcome = outcome_from_message(request.outcome, must_be_finite=False)
        checkpoint = checks.text(request.checkpoint, "checkpoint", least=0, most=checks.MAX_CHECKPOINT)
        next_wait_s = self._drain.wait_s(checks.wait(request.next_wait_s, "next_wait_s"))
        engine = self._engine(request.experiment)
        with self._drain.interruptible(waits=request.wants_next and next_wait_s > 0):
            answer = await engine.finish(
                worker,
                request.trial,
                request.epoch,
                request_id,
                outcome=outcome,
                is_retryable=request.is_retryable,
                checkpoint=checkpoint,
                wants_next=request.wants_next,
                next_wait_s=next_wait_s,
            )
        return trial_pb2.FinishTrialResponse(next=None if answer is None else lease_answer_to_message(answer))

    async def return_lease(self, request: trial_pb2.ReturnLeaseRequest) -> trial_pb2.ReturnLeaseResponse:
        """Take a lease back undone."""
        worker, request_id = checks.worker(request.worker), checks.request_id(request.request_id)
        await self._engine(request.experiment).return_lease(worker, request.trial, request.epoch, request_id)
        return trial_pb2.ReturnLeaseResponse()

    async def work(self, request: trial_pb2.WorkRequest) -> trial_pb2.WorkResponse:
        """Answer one request of a worker's stream as its call would be answered."""
        kind = request.WhichOneof("request")
        if kind == "finish_trial":
            return trial_pb2.WorkResponse(finish_trial=await self.finish_trial(request.finish_trial))
        if kind == "lease_trial":
            return trial_pb2.WorkResponse(lease_trial=await self.lease_trial(request.lease_trial))
        if kind == "report_metrics":
            return trial_pb2.WorkResponse(report_metrics=await self.report_metrics(request.report_metrics))
        if kind == "renew_lease":
            return trial_pb2.WorkResponse(renew_lease=await self.renew_lease(request.renew_lease))
        if kind == "return_lease":
            return trial_pb2.WorkResponse(return_lease=await self.return_lease(request.return_lease))
        raise InvalidInputError("request: unset.", hint="Set one of the requests; a newer peer may have sent another.")

    def exchange_samples(self, bordered: Bordered) -> SampleConversation:
        """Answer the requests of one stream, in the order in which they come."""
        return SampleConversation(self._engine, self._drain, bordered)

    def _engine(self, experiment: str) -> Engine:
        return self._experiments.get(checks.experiment(experiment))


def _abilities(request: trial_pb2.RegisterSpaceRequest) -> tuple[tuple[Task, ...], tuple[str, ...]]:
    checks.count(len(request.tasks), "tasks", least=0, most=len(Task))
    checks.count(len(request.devices), "devices", least=0, most=checks.MAX_DEVICES)
    tasks = (TASK.from_number(task, f"tasks[{place}]") for place, task in enumerate(request.tasks))
    devices = (checks.text(device, f"devices[{place}]", most=256) for place, device in enumerate(request.devices))
    return tuple(tasks), tuple(devices)
