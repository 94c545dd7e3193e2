"""Changes of an experiment for those who watch it: committed ones only, in bounded memory however slow they are.

There is one short ring of recent changes for all watchers. Whoever falls behind it, or begins in the past, is given
what changed since as it stands now, rather than each step on the way.
"""

from __future__ import annotations

import asyncio
from array import array
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from nascore.experiment.state import State
from nascore.record import ExperimentRecord, TrialRecord

RING = 1_024
"""Recent changes kept for all watchers of an experiment."""


@dataclass(frozen=True, slots=True)
class Change:
    """What changed, as of ``seq``: the experiment, a trial, or both."""

    seq: int
    experiment: ExperimentRecord | None = None
    trial: TrialRecord | None = None


class Feed:
    """The recent changes of one experiment."""

    def __init__(self) -> None:
        self.committed_seq = 0
        self.is_closed = False
        self._ring: deque[Change] = deque(maxlen=RING)
        self._watchers = 0
        self._pulse: asyncio.Future[None] | None = None

    @property
    def is_watched(self) -> bool:
        """Whether anybody watches; nothing needs to be noted otherwise."""
        return self._watchers > 0

    def note(self, change: Change) -> None:
        """Keep a change until it is committed and seen."""
        self._ring.append(change)

    def commit(self, seq: int) -> None:
        """Let everything up to ``seq`` be seen."""
        self.committed_seq = seq
        self._wake()

    def reset(self, seq: int) -> None:
        """Begin anew at ``seq`` after the state was rebuilt."""
        self._ring.clear()
        self.commit(seq)

    def close(self) -> None:
        """End all watching."""
        self.is_closed = True
        self._wake()

    async def changed(self) -> None:
        """Wait for the next commit, or the end."""
        if self.is_closed:
            return
        if self._pulse is None:
            self._pulse = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._pulse)

    async def watch(self, state: Callable[[], State], *, after_seq: int) -> AsyncGenerator[Change, None]:
        """Yield changes after a position; ends when the feed is closed."""
        self._watchers += 1
        position, owes_record = after_seq, False
        try:
            while not self.is_closed or self.committed_seq > position:
                reached, current = self.committed_seq, state()
                if reached <= position:
                    await self.changed()
                    continue
                if self._reaches_back_to(position):
                    changes: Iterable[Change] = self._since(position)
                else:
                    changes, owes_record = _caught_up(current, position, reached), True
                for change in changes:
                    owes_record = owes_record and change.experiment is None
                    yield change
                if owes_record and current is state() and current.seq == reached:
                    owes_record = False
                    yield Change(reached, current.record())
                position = reached
        finally:
            self._watchers -= 1
            if not self._watchers:
                self._ring.clear()

    def _reaches_back_to(self, position: int) -> bool:
        return bool(self._ring) and self._ring[0].seq <= position + 1

    def _since(self, position: int) -> list[Change]:
        skipped = position + 1 - self._ring[0].seq
        return [change for change in islice(self._ring, skipped, None) if change.seq <= self.committed_seq]

    def _wake(self) -> None:
        if self._pulse is not None and not self._pulse.done():
            self._pulse.set_result(None)
        self._pulse = None


def _caught_up(state: State, position: int, committed: int) -> Iterator[Change]:
    """Yield what changed after ``position`` as it stands; the experiment comes with the last change, where it can.

    Each trial is looked at when it is sent, so that a watcher of a million trials holds their numbers only. What has
    changed again meanwhile is left out: it comes once that is committed.
    """
    numbers = array("I", (number for number, seq in enumerate(state.changed) if position < seq <= committed))
    for number in sorted(numbers, key=lambda number: state.changed[number]):
        seq = state.changed[number]
        if seq < committed:
            yield Change(seq, trial=state.trial(number))
        elif seq == committed:
            # One change a position: whoever resumes after it must not have missed the other half.
            record = state.record() if state.seq == committed else None
            yield Change(seq, record, state.trial(number))
