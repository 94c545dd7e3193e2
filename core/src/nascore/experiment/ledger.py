"""State and log of one experiment, kept together: an event is applied at once, and acknowledged when it is stored.

Decisions are made on the state in memory, without waiting, so each sees those before it; whoever is to be answered
waits until all that was decided so far is durable (`Ledger.settled`). If a commit fails, memory is thrown away and
rebuilt from the log.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from nascore.errors import InternalError, NascoreError, UnavailableError
from nascore.experiment.clock import Clock
from nascore.experiment.events import Asked, Event, Leased, Reported, payload
from nascore.experiment.state import State
from nascore.experiment.transitions import apply, replayed
from nascore.experiment.watching import Change, Feed
from nascore.journal.contract import Entry, Journal
from nascore.record import ExperimentState, TrialRecord

_LOG = logging.getLogger(__name__)


class Ledger:
    """One experiment's state and its log.

    Attributes:
        state: The state with every event so far, stored or on its way.
        generation: Rises each time memory is thrown away; what was begun before is void.
        feed: Committed changes, for watchers.
    """

    def __init__(self, journal: Journal, state: State, *, clock: Clock) -> None:
        self.state = state
        self.generation = 0
        self.feed = Feed()
        self.feed.committed_seq = state.seq
        self.on_rebuilt: Callable[[], None] = lambda: None
        self._journal = journal
        self._clock = clock
        self._touched = clock.monotonic()
        self._last: asyncio.Future[None] | None = None
        self._rebuilding: asyncio.Task[None] | None = None
        self._failure: NascoreError | None = None

    @property
    def is_ready(self) -> bool:
        """Whether the state may be trusted and written to."""
        return self._failure is None

    @property
    def last_write(self) -> asyncio.Future[None] | None:
        """Done when everything written so far is stored; ``None`` if nothing was written yet."""
        return self._last

    def elapsed_s(self) -> float:
        """Return the running time of the experiment until now."""
        if self.state.phase is not ExperimentState.RUNNING:
            return self.state.elapsed_s
        return self.state.elapsed_s + max(0.0, self._clock.monotonic() - self._touched)

    def write(self, *events: Event) -> None:
        """Apply events and send them to the log, all or none of them.

        Raises:
            UnavailableError: Memory is being rebuilt after a failed write.
            ValueError, TypeError: An event holds what cannot be stored; nothing was applied.
        """
        if self._failure is not None:
            raise UnavailableError(f"Experiment {self.state.id} is being read again after: {self._failure}")
        texts = [payload(event) for event in events]
        time, elapsed = self._clock.time(), self.elapsed_s()
        self._touched = self._clock.monotonic()
        entries = []
        for event, text in zip(events, texts, strict=True):
            apply(self.state, event, time=time, elapsed_s=elapsed)
            entries.append(Entry(self.state.seq, event.kind, text, time, elapsed))
            if self.feed.is_watched:
                self.feed.note(self._change(event))
        self._send(entries)

    async def settled(self) -> None:
        """Wait until everything written so far is stored.

        Raises:
            NascoreError: It could not be stored, and is forgotten.
        """
        if self._last is not None:
            await asyncio.shield(self._last)

    def when_settled(self, callback: Callable[[BaseException | None], None]) -> None:
        """Call ``callback`` once everything written so far is stored, or with why it is not."""
        last = self._last
        if last is None or last.done():
            callback(None if last is None else last.exception())
        else:
            last.add_done_callback(lambda done: callback(done.exception()))

    async def ready(self) -> None:
        """Wait until the state may be trusted: at once, but for the time after a failed write.

        Raises:
            NascoreError: The log cannot be read again.
        """
        while self._failure is not None:
            await asyncio.shield(self._rebuilding or self._begin_rebuilding())

    async def close(self) -> None:
        """Wait for what is on its way, and end the watching."""
        self.feed.close()
        if self._rebuilding is not None:
            self._rebuilding.cancel()
            await asyncio.gather(self._rebuilding, return_exceptions=True)
        if self._last is not None:
            await asyncio.gather(asyncio.shield(self._last), return_exceptions=True)

    def _send(self, entries: list[Entry]) -> None:
        generation, seq = self.generation, entries[-1].seq
        self._last = self._journal.append(self.state.id, entries)
        self._last.add_done_callback(lambda done: self._stored(done, generation, seq))

    def _stored(self, done: asyncio.Future[None], generation: int, seq: int) -> None:
        error = done.exception()
        if generation != self.generation:
            return
        if error is None:
            self.feed.commit(seq)
            return
        _LOG.error("Experiment %s: the log was not written, memory is rebuilt from it: %s", self.state.id, error)
        self.generation += 1
        self._failure = error if isinstance(error, NascoreError) else InternalError(str(error))
        self._begin_rebuilding()

    def _begin_rebuilding(self) -> asyncio.Task[None]:
        self._rebuilding = asyncio.create_task(self._rebuild())
        # Those who wait learn of a failure; where nobody does, the next call reads again.
        self._rebuilding.add_done_callback(lambda done: done.cancelled() or done.exception())
        return self._rebuilding

    async def _rebuild(self) -> None:
        try:
            state = await replayed(self.state.id, self._journal)
        except NascoreError as error:
            self._failure = error
            raise
        finally:
            self._rebuilding = None
        if state.spec is None and self._failure is not None:
            raise self._failure  # Not even its creation was stored.
        self.state = state
        self._touched = self._clock.monotonic()
        self._last = None
        self._failure = None
        self.feed.reset(state.seq)
        self.on_rebuilt()

    def _change(self, event: Event) -> Change:
        trial: TrialRecord | None = None
        number = _trial_of(event)
        if number is not None:
            trial = self.state.trial(number)
        is_of_trial = isinstance(event, (Asked, Leased, Reported))
        return Change(self.state.seq, None if is_of_trial else self.state.record(), trial)


def _trial_of(event: Event) -> int | None:
    if hasattr(event, "proposal"):
        number: int = event.proposal.number
        return number
    if isinstance(event, Reported):
        return event.report.number
    return getattr(event, "trial", None)
