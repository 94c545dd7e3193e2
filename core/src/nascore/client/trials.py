"""The calls of a trial worker: register a space, lease trials, report and finish them.

Not here: running them (the trial SDK). Every mutation carries a request id, the same one over all tries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nascore.client.connection import Connection
from nascore.client.exchange import RemoteExchange
from nascore.client.request import request_id_or_new, unsigned
from nascore.record import LeaseAnswer, Outcome, Registration, Renewal, Task, Verdict
from nascore.record.wire import (
    COMMAND,
    TASK,
    VERDICT,
    lease_answer_from_message,
    metrics_to_messages,
    objective_from_message,
    outcome_to_message,
)
from nascore.space import SearchSpace
from nascore.space.wire import space_to_message
from nascore.v1 import trial_pb2

_SERVICE = "/nascore.v1.TrialService"
MAX_WAIT_S = 60.0
"""Longest wait that a server grants, seconds; longer ones are cut to it."""


class TrialCalls:
    """What workers call. Thread-safe; ids of experiments may be shortened to any unique prefix.

    All methods raise the NascoreError that the server answered, or UnavailableError if none did.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def register_space(
        self,
        experiment: str,
        worker: str,
        space: SearchSpace,
        *,
        tasks: Sequence[Task] = (),
        batches_per_epoch: int = 0,
        devices: Sequence[str] = (),
    ) -> Registration:
        """Say which space the worker's code defines and what it can do; no tasks means EVALUATE.

        Raises:
            SpaceError: If the experiment has a different space; the message shows the difference.
        """
        request = trial_pb2.RegisterSpaceRequest(
            experiment=experiment,
            worker=worker,
            space=space_to_message(space),
            tasks=[TASK.to_number(task) for task in tasks],
            batches_per_epoch=unsigned(batches_per_epoch, "batches_per_epoch"),
            devices=devices,
        )
        answer = self._connection.unary(f"{_SERVICE}/RegisterSpace", request, trial_pb2.RegisterSpaceResponse)
        objectives = tuple(objective_from_message(objective) for objective in answer.objectives)
        return Registration(answer.space_fingerprint, answer.seed, objectives)

    def lease(
        self, experiment: str, worker: str, *, max_wait_s: float = 0.0, request_id: str | None = None
    ) -> LeaseAnswer:
        """Ask for a trial, waiting up to ``max_wait_s`` seconds (at most 60) for one."""
        request = trial_pb2.LeaseTrialRequest(
            experiment=experiment, worker=worker, request_id=request_id_or_new(request_id), max_wait_s=max_wait_s
        )
        answer = self._connection.unary(
            f"{_SERVICE}/LeaseTrial", request, trial_pb2.LeaseTrialResponse, extra_wait_s=_wait(max_wait_s)
        )
        return lease_answer_from_message(answer)

    def renew(self, experiment: str, worker: str, trial: int, epoch: int) -> Renewal:
        """Keep a lease (the heartbeat), and learn what the trial shall do.

        Raises:
            LeaseSupersededError: If another worker has it now.
        """
        request = trial_pb2.RenewLeaseRequest(
            experiment=experiment, worker=worker, trial=unsigned(trial, "trial"), epoch=unsigned(epoch, "epoch")
        )
        answer = self._connection.unary(f"{_SERVICE}/RenewLease", request, trial_pb2.RenewLeaseResponse)
        return Renewal(COMMAND.from_number(answer.command, "command"), answer.duration_s)

    def report(
        self,
        experiment: str,
        worker: str,
        trial: int,
        epoch: int,
        *,
        step: int,
        metrics: Mapping[str, float],
        request_id: str | None = None,
    ) -> Verdict:
        """Send intermediate values (1 to 1000, finite) at a step that rises within an attempt.

        Raises:
            MetricError: If a value is not finite.
            LeaseSupersededError: If another worker has the trial now.
        """
        request = trial_pb2.ReportMetricsRequest(
            experiment=experiment,
            worker=worker,
            trial=unsigned(trial, "trial"),
            epoch=unsigned(epoch, "epoch"),
            request_id=request_id_or_new(request_id),
            step=unsigned(step, "step"),
            metrics=metrics_to_messages(metrics),
        )
        answer = self._connection.unary(f"{_SERVICE}/ReportMetrics", request, trial_pb2.ReportMetricsResponse)
        return VERDICT.from_number(answer.verdict, "verdict")

    def finish(
        self,
        experiment: str,
        worker: str,
        trial: int,
        epoch: int,
        *,
        outcome: Outcome,
        is_retryable: bool = False,
        checkpoint: str = "",
        wants_next: bool = False,
        next_wait_s: float = 0.0,
        request_id: str | None = None,
    ) -> LeaseAnswer | None:
        """End a trial; with ``wants_next`` the answer is the next lease, waited for up to ``next_wait_s`` seconds.

        Raises:
            ConflictError: If a different outcome is stored; that one stands.
            LeaseSupersededError: If another worker has the trial now.
        """
        request = trial_pb2.FinishTrialRequest(
            experiment=experiment,
            worker=worker,
            trial=unsigned(trial, "trial"),
            epoch=unsigned(epoch, "epoch"),
            request_id=request_id_or_new(request_id),
            outcome=outcome_to_message(outcome),
            is_retryable=is_retryable,
            checkpoint=checkpoint,
            wants_next=wants_next,
            next_wait_s=next_wait_s,
        )
        answer = self._connection.unary(
            f"{_SERVICE}/FinishTrial", request, trial_pb2.FinishTrialResponse, extra_wait_s=_wait(next_wait_s)
        )
        return lease_answer_from_message(answer.next) if answer.HasField("next") else None

    def return_lease(
        self, experiment: str, worker: str, trial: int, epoch: int, *, request_id: str | None = None
    ) -> None:
        """Give a lease back undone; the trial is queued again and the attempt is not counted."""
        request = trial_pb2.ReturnLeaseRequest(
            experiment=experiment,
            worker=worker,
            trial=unsigned(trial, "trial"),
            epoch=unsigned(epoch, "epoch"),
            request_id=request_id_or_new(request_id),
        )
        self._connection.unary(f"{_SERVICE}/ReturnLease", request, trial_pb2.ReturnLeaseResponse)

    def samples(self, experiment: str, worker: str, trial: int, epoch: int) -> RemoteExchange:
        """Return the exchange of samples of a SEARCH trial that the worker holds; nothing is sent before it begins.

        Args:
            experiment: Full id of the experiment.
            worker: Name of the worker.
            trial: Number of the trial.
            epoch: Epoch of its lease.
        """
        return RemoteExchange(self._connection, experiment, worker=worker, trial=trial, epoch=epoch)


def _wait(wait_s: float) -> float:
    # NaN and negative waits are the server's to refuse; they only must not spoil the deadline.
    return min(wait_s, MAX_WAIT_S) if wait_s > 0 else 0.0
