"""``python -m nascore.testing.torture.planted FAULT ARGUMENTS``: nascore with a defect put in, to test the checker.

The defects are put into this process only, by replacing functions; the product has no switch for them. Whoever judges
promises must show that broken ones are found.
"""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Callable
from pathlib import Path

from nascore import failpoints
from nascore.errors import InternalError, InvalidInputError
from nascore.experiment import Engine, holding
from nascore.experiment.leases import held
from nascore.experiment.ledger import Ledger
from nascore.experiment.state import State
from nascore.record import LeaseAnswer, TrialRecord, TrialState
from nascore.testing.torture.plan import Plant

_SLOW_COMMIT = "journal.before_commit=sleep:0.25"
_LEAKED_BYTES = 64 << 10
_LEAKED_EVERY = 50


def _early_ack() -> None:
    """Acknowledge before the commit, which is slowed down so that a kill falls into the gap."""

    async def settled(ledger: Ledger) -> None:
        return

    def when_settled(ledger: Ledger, callback: Callable[[BaseException | None], None]) -> None:
        callback(None)

    _replace(Ledger, "settled", settled)
    _replace(Ledger, "when_settled", when_settled)
    _replace(Ledger, "last_write", property(lambda ledger: None))
    os.environ[failpoints.VARIABLE] = _SLOW_COMMIT


def _no_epochs() -> None:
    """Take any worker's word on a running trial, whoever holds it."""

    def held_by_anybody(state: State, number: int, *, worker: str, epoch: int) -> TrialRecord:
        trial = state.stored(number)
        return trial if trial.state is TrialState.RUNNING else held(state, number, worker=worker, epoch=epoch)

    _replace(holding, "held", held_by_anybody)


def _leak() -> None:
    """Keep memory with each trial that is given out, and a descriptor with some."""
    kept: list[object] = []
    lease = Engine.lease

    async def kept_lease(engine: Engine, worker: str, request_id: str, *, max_wait_s: float = 0.0) -> LeaseAnswer:
        kept.append(b"x" * _LEAKED_BYTES)
        if len(kept) % _LEAKED_EVERY == 0:
            kept.append(Path(os.devnull).open("rb"))  # noqa: SIM115  # never closed, that is the defect
        return await lease(engine, worker, request_id, max_wait_s=max_wait_s)

    _replace(Engine, "lease", kept_lease)


def _replace(owner: object, name: str, new: object) -> None:
    if not hasattr(owner, name):
        raise InternalError(f"The fault cannot be planted: {owner!r} has no {name!r} any more; mend {__name__}.")
    setattr(owner, name, new)


_PLANTS: dict[str, Callable[[], None]] = {
    Plant.EARLY_ACK: _early_ack,
    Plant.NO_EPOCHS: _no_epochs,
    Plant.LEAK: _leak,
}


def plant(fault: str) -> None:
    """Put a defect into this process.

    Raises:
        InvalidInputError: There is no such defect.
    """
    if fault not in _PLANTS:
        raise InvalidInputError(f"{fault!r} is no fault that can be planted; there are: {', '.join(_PLANTS)}.")
    _PLANTS[fault]()


if __name__ == "__main__":
    plant(sys.argv.pop(1))
    runpy.run_module("nascore", run_name="__main__", alter_sys=True)  # The program itself, which is a floor above.
