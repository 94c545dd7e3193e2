"""``python -m nascore.testing.torture.worker NAME SEED FOLDER HABITS``: a real client that works, naps and repeats.

It trains nothing: what a trial measures is decided by its proposal. All it asks and is told goes into a history. It
ends with exit code 0 when the search has ended, and with another one if anything is not as a worker may expect it.
"""

from __future__ import annotations

import os
import random
import secrets
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from nascore.client import Client
from nascore.errors import InternalError, LeaseSupersededError, NascoreError, PermissionDeniedError
from nascore.record import Failure, FailureKind, Lease, LeaseAnswer, LeaseStatus, Outcome, OutcomeStatus
from nascore.testing.checker.evidence import HISTORY
from nascore.testing.history import RecordedClient, Recorder
from nascore.testing.history.client import lease_to_json
from nascore.testing.torture.objective import outcome_of
from nascore.testing.torture.plan import Habits

T = TypeVar("T")
_WAIT_S = 5.0
_TRY_S = 2.0
_PATIENCE_S = 60.0
_BEATS_A_LEASE = 3


class Worker:
    """One worker.

    Args:
        client: Its client.
        habits: How it behaves.
        rng: Decides when.
    """

    def __init__(self, client: RecordedClient, habits: Habits, rng: random.Random) -> None:
        self._client, self._habits, self._rng = client, habits, rng

    def run(self) -> None:
        """Work until the search has ended."""
        answer = self._leased()
        while answer.status is not LeaseStatus.ENDED:
            following = None if answer.lease is None else self._worked(answer.lease)
            answer = following or self._leased()

    def _leased(self) -> LeaseAnswer:
        request = secrets.token_hex(16)
        answer = _answered(lambda: self._client.lease(max_wait_s=_WAIT_S, request_id=request))
        if answer.lease is not None and self._happens(self._habits.repeats):
            _check_same(answer, _answered(lambda: self._client.lease(max_wait_s=_WAIT_S, request_id=request)))
        return answer

    def _worked(self, lease: Lease) -> LeaseAnswer | None:
        """Work on a trial; returns the next lease if it came with the end of this one."""
        try:
            self._pass_time(lease)
            if self._happens(self._habits.gives_back):
                request = secrets.token_hex(16)
                _answered(lambda: self._client.return_lease(lease.trial, lease.epoch, request_id=request))
                return None
            if self._happens(self._habits.reports):
                self._report(lease)
            return self._finish(lease)
        except LeaseSupersededError:
            return None  # It slept too long, or the server was away: another worker has the trial.

    def _pass_time(self, lease: Lease) -> None:
        ends = time.monotonic() + self._rng.uniform(0.0, 2 * self._habits.work_s)
        if self._happens(self._habits.naps):
            time.sleep(lease.duration_s * self._rng.uniform(1.0, 3.0))
            return
        while (left := ends - time.monotonic()) > 0:
            time.sleep(min(left, lease.duration_s / _BEATS_A_LEASE))
            _answered(lambda: self._client.renew(lease.trial, lease.epoch))

    def _report(self, lease: Lease) -> None:
        for step in (1, 2):
            request, metrics = secrets.token_hex(16), {"loss": 1.0 / (step + lease.trial)}
            for _ in range(1 + self._happens(self._habits.repeats)):
                _answered(
                    lambda request=request, step=step, metrics=metrics: self._client.report(  # type: ignore[misc]  # mypy cannot infer a lambda with defaults
                        lease.trial, lease.epoch, step=step, metrics=metrics, request_id=request
                    )
                )

    def _finish(self, lease: Lease) -> LeaseAnswer | None:
        if is_retried := self._happens(self._habits.retries):
            outcome = Outcome(OutcomeStatus.FAILED, failure=Failure(FailureKind.EXCEPTION, "This may pass."))
        else:
            outcome = outcome_of(lease.proposal)
        request, wants_next = secrets.token_hex(16), self._happens(0.5)

        def finish() -> LeaseAnswer | None:
            return self._client.finish(
                lease.trial,
                lease.epoch,
                outcome=outcome,
                is_retryable=is_retried,
                checkpoint=f"epoch-{lease.epoch}",
                wants_next=wants_next,
                next_wait_s=_WAIT_S,
                request_id=request,
            )

        answer = _answered(finish)
        if self._happens(self._habits.repeats):
            again = _answered(finish)
            _check_same(answer, again)
            answer = again
        return answer

    def _happens(self, share: float) -> bool:
        return self._rng.random() < share


def _answered(call: Callable[[], T]) -> T:
    """Call until somebody answers; servers that are killed come back, with another token."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return call()
        except NascoreError as error:
            is_passing = error.is_retryable or isinstance(error, PermissionDeniedError)
            if not is_passing or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _check_same(answer: LeaseAnswer | None, again: LeaseAnswer | None) -> None:
    """Make sure that the same request was answered alike, where the first answer was a lease."""
    if answer is None or answer.lease is None:
        return
    if again is None or again.lease is None or lease_to_json(answer) != lease_to_json(again):
        raise InternalError(f"The same request was answered {answer} and then {again}.")


def main(name: str, seed: str, folder: str, habits: str) -> None:
    """Work for the server that the environment names."""
    with (
        Client.from_environment(os.environ, timeout_s=_TRY_S, patience_s=_PATIENCE_S) as client,
        Recorder(Path(folder) / HISTORY, name) as recorder,
    ):
        recorded = RecordedClient(client, recorder, experiment=os.environ["NASCORE_EXPERIMENT"], worker=name)
        Worker(recorded, Habits.from_json(habits), random.Random(seed)).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
