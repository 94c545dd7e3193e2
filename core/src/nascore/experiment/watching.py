"""Changes of an experiment for those who watch it: committed ones only, in bounded memory however slow they are.

There is one short ring of recent changes for all watchers. Whoever falls behind it, or begins in the past, is given
what changed since as it stands now, rather than each step on the way.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

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
        position = after_seq
        try:
            while not self.is_closed or self.committed_seq > position:
                reached = self.committed_seq
                if reached <= position:
                    await self.changed()
                    continue
                changes = self._after(position, state())
                position = reached
                for change in changes:
                    yield change
        finally:
            self._watchers -= 1
            if not self._watchers:
                self._ring.clear()

    def _after(self, position: int, state: State) -> list[Change]:
        if self._ring and self._ring[0].seq <= position + 1:
            skipped = position + 1 - self._ring[0].seq
            return [change for change in list(self._ring)[skipped:] if change.seq <= self.committed_seq]
        return _caught_up(state, position, self.committed_seq)

    def _wake(self) -> None:
        if self._pulse is not None and not self._pulse.done():
            self._pulse.set_result(None)
        self._pulse = None


def _caught_up(state: State, position: int, committed: int) -> list[Change]:
    """Return what changed after ``position`` as it stands; what is not committed yet comes as a change of its own."""
    numbers = [number for number, seq in enumerate(state.changed) if position < seq <= committed]
    numbers.sort(key=lambda number: state.changed[number])
    changes = [Change(state.changed[number], trial=state.trial(number)) for number in numbers]
    if state.seq != committed:
        return changes
    # One change a position: whoever resumes after it must not have missed the other half.
    trial = changes.pop().trial if changes and changes[-1].seq == committed else None
    return [*changes, Change(committed, state.record(), trial)]
