"""Lost trials: those whose worker is known to be dead need not wait for their lease to run out.

Workers of a run are children of this process or of one that is gone, and end with it (``nascore.launch``); so nobody
works on their trials any more, and a late word would be refused by its epoch.
"""

from __future__ import annotations

from contextlib import suppress

from nascore.cli.hosting import new_request_id
from nascore.errors import StateError
from nascore.experiment import Engine
from nascore.launch import WorkerState, WorkerStatus
from nascore.record import Failure, FailureKind, Outcome, OutcomeStatus, TrialState


async def write_off(engine: Engine, worker: str, status: WorkerStatus) -> None:
    """Say of the trial of a dead worker why it was lost; it is begun again, up to its number of attempts."""
    kind = FailureKind.SIGNAL if status.state is WorkerState.SIGNALED else FailureKind.EXIT_CODE
    failure = Failure(kind, f"{worker} {status}.")
    for trial in engine.trials(states=(TrialState.RUNNING,)):
        if trial.worker != worker:
            continue
        with suppress(StateError):  # its lease has run out meanwhile
            await engine.finish(
                worker,
                trial.number,
                trial.epoch,
                new_request_id(),
                outcome=Outcome(OutcomeStatus.FAILED, failure=failure),
                is_retryable=True,
            )


async def hand_back(engine: Engine) -> None:
    """Take back the trials that were running when the process before this one was killed."""
    for trial in engine.trials(states=(TrialState.RUNNING,)):
        with suppress(StateError):
            await engine.return_lease(trial.worker, trial.number, trial.epoch, new_request_id())
