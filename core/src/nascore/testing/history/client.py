"""A client that writes down all that it asks, and is told, on behalf of one worker.

The calls are those of ``nascore.client.Client``; request ids are made here, so that they are written before anything
is sent. Not here: trying again with the same id; whoever does gives the id.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import TypeVar

from nascore.client import Client
from nascore.errors import NascoreError
from nascore.record import JsonValue, LeaseAnswer, Outcome, Renewal, TrialRecord, Verdict
from nascore.record.jsonform import outcome_to_json, proposal_to_json
from nascore.testing.history.recorder import Attempt, Recorder, plain_number

T = TypeVar("T")


class RecordedClient:
    """The calls of one worker to one experiment, written into a history. As thread-safe as the client.

    Args:
        client: Who really asks.
        recorder: Where it is written.
        experiment: The experiment that the worker works for.
        worker: Its name.
    """

    def __init__(self, client: Client, recorder: Recorder, *, experiment: str, worker: str) -> None:
        self.client = client
        self._recorder = recorder
        self._experiment, self._worker = experiment, worker

    def lease(self, *, max_wait_s: float = 0.0, request_id: str | None = None) -> LeaseAnswer:
        """As `Client.lease`."""
        request = request_id or secrets.token_hex(16)
        attempt = self._recorder.invoke("lease", self._worker, request_id=request, max_wait_s=max_wait_s)
        return _kept(
            attempt,
            lambda: self.client.lease(self._experiment, self._worker, max_wait_s=max_wait_s, request_id=request),
            lease_to_json,
        )

    def renew(self, trial: int, epoch: int) -> Renewal:
        """As `Client.renew`."""
        attempt = self._recorder.invoke("renew", self._worker, trial=trial, epoch=epoch)
        return _kept(
            attempt,
            lambda: self.client.renew(self._experiment, self._worker, trial, epoch),
            lambda renewal: {"command": renewal.command.value, "duration_s": renewal.duration_s},
        )

    def report(
        self, trial: int, epoch: int, *, step: int, metrics: Mapping[str, float], request_id: str | None = None
    ) -> Verdict:
        """As `Client.report`."""
        request = request_id or secrets.token_hex(16)
        attempt = self._recorder.invoke(
            "report",
            self._worker,
            request_id=request,
            trial=trial,
            epoch=epoch,
            step=step,
            metrics={name: plain_number(value) for name, value in metrics.items()},
        )
        return _kept(
            attempt,
            lambda: self.client.report(
                self._experiment, self._worker, trial, epoch, step=step, metrics=metrics, request_id=request
            ),
            lambda verdict: {"verdict": verdict.value},
        )

    def finish(
        self,
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
        """As `Client.finish`."""
        request = request_id or secrets.token_hex(16)
        attempt = self._recorder.invoke(
            "finish",
            self._worker,
            request_id=request,
            trial=trial,
            epoch=epoch,
            outcome=_outcome_to_json(outcome),
            is_retryable=is_retryable,
            checkpoint=checkpoint,
            wants_next=wants_next,
        )
        return _kept(
            attempt,
            lambda: self.client.finish(
                self._experiment,
                self._worker,
                trial,
                epoch,
                outcome=outcome,
                is_retryable=is_retryable,
                checkpoint=checkpoint,
                wants_next=wants_next,
                next_wait_s=next_wait_s,
                request_id=request,
            ),
            lambda answer: {"next": None if answer is None else lease_to_json(answer)},
        )

    def return_lease(self, trial: int, epoch: int, *, request_id: str | None = None) -> None:
        """As `Client.return_lease`."""
        request = request_id or secrets.token_hex(16)
        attempt = self._recorder.invoke("return_lease", self._worker, request_id=request, trial=trial, epoch=epoch)
        _kept(
            attempt,
            lambda: self.client.return_lease(self._experiment, self._worker, trial, epoch, request_id=request),
            lambda _: {},
        )

    def get_trial(self, trial: int) -> TrialRecord:
        """As `Client.get_trial`."""
        attempt = self._recorder.invoke("get_trial", self._worker, trial=trial)
        return _kept(attempt, lambda: self.client.get_trial(self._experiment, trial), trial_to_answer)


def lease_to_json(answer: LeaseAnswer) -> dict[str, JsonValue]:
    """Return what a lease's answer says, as it is compared with the log."""
    lease = answer.lease
    data: dict[str, JsonValue] = {"status": answer.status.value}
    if lease is not None:
        data |= {"trial": lease.trial, "epoch": lease.epoch, "attempt": lease.attempt, "seed": lease.seed}
        data["proposal"] = proposal_to_json(lease.proposal)
    return data


def trial_to_answer(trial: TrialRecord) -> dict[str, JsonValue]:
    """Return what is read of a trial, as it is compared with the log."""
    outcome = None if trial.outcome is None else _outcome_to_json(trial.outcome)
    return {
        "state": trial.state.value,
        "epoch": trial.epoch,
        "worker": trial.worker,
        "outcome": outcome,
        "checkpoint": trial.checkpoint,
    }


def _outcome_to_json(outcome: Outcome) -> dict[str, JsonValue]:
    metrics: dict[str, JsonValue] = {name: plain_number(value) for name, value in outcome.metrics.items()}
    return {**outcome_to_json(outcome), "metrics": metrics}


def _kept(attempt: Attempt, call: Callable[[], T], told: Callable[[T], Mapping[str, JsonValue]]) -> T:
    try:
        answer = call()
    except NascoreError as error:
        attempt.failed(error)
        raise
    attempt.ok(told(answer))
    return answer
