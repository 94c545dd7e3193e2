"""Lost trials: those whose worker is known to be dead need not wait for their lease to run out.

Workers of a run are children of this process or of one that is gone, and end with it (``nascore.launch``); so nobody
works on their trials any more, and a late word would be refused by its epoch. What a worker had finished and could not
tell lies in its spool: that is told for it first, under the epoch of its own lease, so it counts if it still would.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path

from nascore.cli.hosting import new_request_id
from nascore.errors import InvalidInputError, NascoreError, NotFoundError, StateError
from nascore.experiment import Engine
from nascore.launch import WorkerState, WorkerStatus
from nascore.launch.spool import Parcel, ParcelKind, Spool, has_spool
from nascore.record import Failure, FailureKind, Outcome, OutcomeStatus, TrialState

_FINAL = (InvalidInputError, StateError, NotFoundError)
"""What no further try can mend: the word was read, and nobody wants it."""


async def deliver(engine: Engine, worker: str, folder: Path) -> None:
    """Tell what a dead worker had finished and could not tell; it is told once, whoever else tells it again.

    Args:
        engine: The experiment.
        worker: The worker's name.
        folder: The experiment's folder, where the worker kept it.
    """
    if not has_spool(folder, engine.id, worker):
        return
    spool = await asyncio.to_thread(Spool, folder, experiment=engine.id, worker=worker)
    try:
        for _, group in groupby(spool.pending, key=lambda parcel: parcel.lease):
            parcels = tuple(group)
            # Of a trial that was not finished nothing is kept: it is begun again.
            if parcels[-1].kind is ParcelKind.OUTCOME and await _is_told(engine, worker, parcels):
                await asyncio.to_thread(spool.done, parcels)
    finally:
        spool.close()


async def _is_told(engine: Engine, worker: str, parcels: Sequence[Parcel]) -> bool:
    """Tell the parcels of a lease; whether they are told, or refused for good."""
    try:
        for parcel in parcels:
            with suppress(*_FINAL):
                await _tell(engine, worker, parcel)
    except NascoreError:  # A full disk, a tuner that crashed: the next process of this worker tells it.
        return False
    return True


async def _tell(engine: Engine, worker: str, parcel: Parcel) -> None:
    place, content = (worker, parcel.trial, parcel.epoch, parcel.request_id), parcel.content
    if parcel.kind is ParcelKind.REPORT:
        await engine.report(*place, step=content["step"], metrics=content["metrics"])
        return
    outcome, checkpoint = parcel.outcome, content["checkpoint"]
    await engine.finish(*place, outcome=outcome, is_retryable=content["is_retryable"], checkpoint=checkpoint)


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


async def hand_back(engine: Engine, folder: Path) -> None:
    """Take back the trials that were running when the process before this one was killed, less those that are done.

    Args:
        engine: The experiment.
        folder: Its folder, where its workers kept what they could not tell.
    """
    for worker in sorted({trial.worker for trial in engine.trials(states=(TrialState.RUNNING,))}):
        await deliver(engine, worker, folder)
    for trial in engine.trials(states=(TrialState.RUNNING,)):
        with suppress(StateError):
            await engine.return_lease(trial.worker, trial.number, trial.epoch, new_request_id())
