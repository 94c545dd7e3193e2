"""Leases: until when each running trial is somebody's, and whether a word comes from its holder.

Deadlines follow the monotonic clock and live in memory only: after a restart every running trial gets a full period
again. Epochs live in the log: a word with an older one comes from somebody who lost the trial.
"""

from __future__ import annotations

from heapq import heappop, heappush

from nascore.errors import LeaseSupersededError
from nascore.experiment.state import State
from nascore.record import TrialRecord, TrialState


class Deadlines:
    """When each lease runs out; renewing costs the same however many there are."""

    def __init__(self) -> None:
        self._until: dict[int, float] = {}
        self._heap: list[tuple[float, int]] = []  # May hold earlier times than ``_until``; corrected when they come.

    def set(self, number: int, until: float) -> None:
        """Let the lease of a trial run until ``until``, seconds of the monotonic clock."""
        known = self._until.get(number)
        self._until[number] = until
        if known is None or until < known:
            heappush(self._heap, (until, number))

    def drop(self, number: int) -> None:
        """Forget the lease of a trial."""
        self._until.pop(number, None)

    def clear(self) -> None:
        """Forget all."""
        self._until.clear()
        self._heap.clear()

    def expired(self, now: float) -> list[int]:
        """Remove and return the trials whose lease has run out, in the order in which they did."""
        over: list[int] = []
        while (first := self._first()) is not None and first[0] <= now:
            heappop(self._heap)
            del self._until[first[1]]
            over.append(first[1])
        return over

    def next(self) -> float | None:
        """Return when the next lease runs out; ``None`` without leases."""
        first = self._first()
        return None if first is None else first[0]

    def _first(self) -> tuple[float, int] | None:
        while self._heap:
            at, number = self._heap[0]
            until = self._until.get(number)
            if until == at:
                return at, number
            heappop(self._heap)
            if until is not None and until > at:
                heappush(self._heap, (until, number))
        return None


def held(state: State, number: int, *, worker: str, epoch: int) -> TrialRecord:
    """Return the trial if ``worker`` holds its lease with ``epoch``.

    Raises:
        NotFoundError: There is no such trial.
        LeaseSupersededError: The lease is no longer, or never was, this worker's; who holds the trial is named.
    """
    trial = state.stored(number)
    if trial.state is TrialState.RUNNING and trial.epoch == epoch and trial.worker == worker:
        return trial
    raise LeaseSupersededError(
        f"Trial {number}: worker {worker!r} does not hold it with lease epoch {epoch}; {_holder(trial)}",
        hint="Drop the trial and lease another one.",
    )


def _holder(trial: TrialRecord) -> str:
    if trial.state is TrialState.RUNNING:
        return f"it was given to worker {trial.worker!r} with epoch {trial.epoch}."
    if trial.state is TrialState.QUEUED:
        return f"it is queued again after epoch {trial.epoch} and waits for a worker."
    return f"it has ended: {trial.state.value}, by worker {trial.worker!r} with epoch {trial.epoch}."
