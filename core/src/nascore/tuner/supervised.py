"""A tuner that is looked after: started again when it dies, hangs or grows, and brought up to date from the log.

Death in a call: kill what is left, wait a little, start, open, replay what it had taken, and repeat the call once. An
exception fails its call only; the next one finds a tuner rebuilt by replay. What dies on the same event again and
again is quarantined.

A tuner that cannot be brought back to where it was (its saved state does not work, or a proposal comes out otherwise
than logged) is never used as it is: `StateError` says so, and the caller, who has the log, opens it another way.

Not here: what an endpoint is (``endpoints``), the calls themselves (``remote``), and memory (``watchdog``).
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from nascore.errors import (
    InvalidInputError,
    NotFoundError,
    PluginError,
    StateError,
    TunerCrashedError,
    UnavailableError,
    UnsupportedError,
)
from nascore.record import Asked, Derived, JsonValue, Report, Told, Verdict
from nascore.tuner.batches import MAX_EVENTS
from nascore.tuner.contract import Setup
from nascore.tuner.endpoints import Connection, Endpoint
from nascore.tuner.lifeline import Lifeline
from nascore.tuner.limits import HostLimits
from nascore.tuner.patience import Patience
from nascore.tuner.remote import RemoteTuner
from nascore.tuner.sealed import SealedAnswer, SealedTold
from nascore.tuner.session import Answer, Description, History, no_history
from nascore.tuner.suitability import why_unclaimed

ResultT = TypeVar("ResultT")
Call = Callable[[RemoteTuner], Awaitable[ResultT]]
_REPORT = "It is started again for the next question; if that goes on, report it to the authors of {0}."


@dataclass(frozen=True, slots=True)
class _Opening:
    """How the session was opened, to do it again."""

    setup: Setup
    settings: Mapping[str, JsonValue]
    state: bytes | None
    state_seq: int


class _OutOfStepError(StateError):
    """It cannot be brought back to where it was, and trying again leads nowhere else."""


class SupervisedTuner:
    """Keeps the promises of `TunerSession` whatever the tuner does. One call at a time; others wait.

    Args:
        endpoint: Where the tuner comes from.
        history: What it had taken since it was opened or its state was last saved, in order: what it proposed and what
            it was told. With `no_history` no call is repeated: where the tuner is lost it fails with
            `UnavailableError`, and the session must be opened again.
        limits: Memory, deadlines and patience.
        on_trouble: Told one sentence for every death, divergence and quarantine.
    """

    def __init__(
        self, endpoint: Endpoint, *, history: History, limits: HostLimits, on_trouble: Callable[[str], None]
    ) -> None:
        self._endpoint = endpoint
        self._history = history
        self._is_replayed = history is not no_history
        self._limits = limits
        self._on_trouble = on_trouble
        self._lock = asyncio.Lock()
        self._life = Lifeline(endpoint, limits=limits)
        self._description: Description | None = None
        self._opening: _Opening | None = None
        self._is_current = False
        self._taken_through = 0
        self._patience = Patience(limits)
        self._is_closed = False
        self._event = ""

    async def describe(self) -> Description:
        """Return who the tuner is; asked for once."""
        if self._description is None:
            self._description = await self._supervised("describe", lambda tuner: tuner.describe())
        return self._description

    async def open(
        self, setup: Setup, settings: Mapping[str, JsonValue], *, state: bytes | None = None, state_seq: int = 0
    ) -> None:
        """Open the session, or open it anew."""
        opening = _Opening(setup, dict(settings), state, state_seq)

        async def call(tuner: RemoteTuner) -> None:
            await tuner.open(setup, settings, state=state, state_seq=state_seq)
            self._opening, self._is_current, self._taken_through = opening, True, state_seq
            self._description = await tuner.describe()

        self._opening = None
        # A program in another language need not refuse what it never claimed.
        if reason := why_unclaimed(await self.describe(), setup):
            raise UnsupportedError(reason)
        await self._supervised("open", call)

    async def ask(
        self, first_number: int, seeds: Sequence[int], *, outcomes: Sequence[Told] = (), told_through: int = 0
    ) -> Answer:
        """Tell the outcomes, then ask for one proposal a seed."""
        answer = await self._in_session(
            f"ask of trial {first_number}",
            lambda tuner: tuner.ask(first_number, seeds, outcomes=outcomes, told_through=told_through),
        )
        self._advance(outcomes)
        return answer

    async def exchange(
        self, first_number: int, seeds: Sequence[int], *, told: Sequence[SealedTold], told_through: int
    ) -> SealedAnswer:
        """Tell what came of samples, then ask for one sample a seed; see `SampleSession.exchange`."""
        answer = await self._in_session(
            f"ask of trial {first_number}",
            lambda tuner: tuner.exchange(first_number, seeds, told=told, told_through=told_through),
        )
        self._taken_through = max(self._taken_through, told_through)
        return answer

    async def tell(self, outcomes: Sequence[Told], *, after_seq: int) -> None:
        """Tell outcomes that follow on ``after_seq``."""
        await self._in_session(_telling(outcomes), lambda tuner: tuner.tell(outcomes, after_seq=after_seq))
        self._advance(outcomes)

    async def replay(self, events: Sequence[Asked | Told]) -> tuple[int, ...]:
        """Bring the tuner up to date with logged events."""
        diverged = await self._in_session("replay", lambda tuner: tuner.replay(events))
        self._advance([event for event in events if isinstance(event, Told)])
        return diverged

    async def review(self, reports: Sequence[Report]) -> tuple[Verdict, ...]:
        """Return one verdict a report."""
        return await self._in_session("review", lambda tuner: tuner.review(reports))

    async def derive(self, count: int) -> tuple[Derived, ...]:
        """Return up to ``count`` final architectures, best first."""
        return await self._in_session("derive", lambda tuner: tuner.derive(count))

    async def snapshot(self) -> tuple[bytes, int] | None:
        """Return the tuner's state and the seq it covers, or ``None``; from now on it is started again from there."""
        saved = await self._in_session("snapshot", lambda tuner: tuner.snapshot())
        if saved is not None and self._opening is not None:
            self._opening = replace(self._opening, state=saved[0], state_seq=saved[1])
        return saved

    async def close(self) -> None:
        """End the session and the process."""
        self._is_closed = True
        if self._lock.locked():
            await self._interrupt()
        async with self._lock:
            await self._life.close(grace_s=self._limits.stop_grace_s)

    async def _interrupt(self) -> None:
        """Wait a little for the call in flight, then kill what does not answer."""
        try:
            await asyncio.wait_for(self._lock.acquire(), self._limits.stop_grace_s)
        except TimeoutError:
            self._life.kill()
        else:
            self._lock.release()

    async def _in_session(self, event: str, call: Call[ResultT]) -> ResultT:
        if self._opening is None:
            raise StateError("The session is not open.", hint="Call open first.")
        return await self._supervised(event, call)

    async def _supervised(self, event: str, call: Call[ResultT]) -> ResultT:
        async with self._lock:
            try:
                return await self._attempt(event, call)
            except _OutOfStepError:
                raise
            except (NotFoundError, StateError) as error:
                # Alive, but without memory of us, or out of step: once more, after a replay.
                self._is_current = False
                self._lose_for_good(str(error))
            except UnavailableError as error:
                self._lose_for_good(await self._bury(error))
            except PluginError:
                if not self._is_replayed:
                    self._opening = None  # What it had learnt went with it.
                raise
            try:
                return await self._attempt(event, call)
            except UnavailableError as error:
                last = await self._bury(error)
                raise self._crashed(f"{last} It was tried twice.") from error

    def _lose_for_good(self, sentence: str) -> None:
        """Give a session up that cannot be replayed.

        Raises:
            UnavailableError: It was one.
        """
        if not self._is_replayed and self._opening is not None:
            self._opening = None
            raise UnavailableError(sentence, hint="Open it anew, from where its state was saved.")

    async def _attempt(self, event: str, call: Call[ResultT]) -> ResultT:
        if self._is_closed:
            raise InvalidInputError(f"The session with tuner {self._endpoint.name} is closed.")
        if self._patience.verdict:
            raise _quarantined(self._patience.verdict)
        self._event = event
        try:
            result = await call(await self._ready())
        except PluginError as error:
            self._is_current = False
            self._count_death(str(error))
            raise
        except asyncio.CancelledError:
            # Whether the tuner took the call is not known.
            self._is_current = False
            raise
        self._patience.lived(event)
        return result

    async def _ready(self) -> RemoteTuner:
        """Return a tuner that is running, open and up to date."""
        connection = self._life.connection
        if connection is None:
            connection = await self._connected()
            self._is_current = False
        tuner = connection.tuner
        if self._opening is not None and not self._is_current:
            await self._reopen(tuner, self._opening)
            self._is_current = True
        return tuner

    async def _connected(self) -> Connection:
        try:
            return await self._life.begin(after_s=self._patience.delay_s())
        except PluginError as error:
            if self._description is None:
                raise
            # It has run before, so this is one of its deaths rather than a wrong address.
            raise self._crashed(f"Starting again failed: {error}") from error

    async def _reopen(self, tuner: RemoteTuner, opening: _Opening) -> None:
        try:
            await tuner.open(opening.setup, opening.settings, state=opening.state, state_seq=opening.state_seq)
            diverged = await self._catch_up(tuner)
        except (PluginError, UnsupportedError) as error:
            if opening.state is None:
                raise
            raise self._out_of_step(f"cannot go on from the state that it saved: {error}") from error
        if diverged:
            numbers = ", ".join(map(str, diverged[:10]))
            raise self._out_of_step(f"proposed otherwise than logged when it was replayed (trials {numbers}).")

    async def _catch_up(self, tuner: RemoteTuner) -> list[int]:
        events = self._taken()
        event, self._event = self._event, "replay"
        diverged: list[int] = []
        while batch := tuple(itertools.islice(events, MAX_EVENTS)):
            diverged.extend(await tuner.replay(batch))
        self._event = event
        return diverged

    def _crashed(self, message: str) -> TunerCrashedError:
        return TunerCrashedError(message, hint=_REPORT.format(self._endpoint.name))

    def _out_of_step(self, what: str) -> _OutOfStepError:
        self._is_current = False
        error = _OutOfStepError(f"{self._label} {what}", hint="It is opened anew from the log.")
        self._on_trouble(str(error))
        return error

    def _taken(self) -> Iterator[Asked | Told]:
        """Yield the log up to the last outcome that the tuner had taken; the engine may have written further."""
        for event in self._history():
            if isinstance(event, Told) and event.seq > self._taken_through:
                return
            yield event

    async def _bury(self, error: Exception) -> str:
        """Clear away a tuner that died or is of no use any more, and wait; returns what happened, in one sentence."""
        happened = await self._life.cause(error)
        self._is_current = False
        await self._life.drop(grace_s=0)
        sentence = f"{self._label} was lost in {self._event}: {happened}"
        was_met = self._description is not None or self._opening is not None  # Else the caller hears of it anyway.
        if was_met and not self._is_closed:
            self._on_trouble(sentence)
        self._count_death(sentence)
        return sentence

    @property
    def _label(self) -> str:
        version = self._description.version if self._description is not None else ""
        return f"Tuner {self._endpoint.name} {version}".strip()

    def _count_death(self, sentence: str) -> None:
        if self._patience.died(self._event, sentence):
            self._on_trouble(self._patience.verdict)

    def _advance(self, outcomes: Sequence[Told]) -> None:
        for told in outcomes:
            self._taken_through = max(self._taken_through, told.seq)


def _telling(outcomes: Sequence[Told]) -> str:
    return f"tell of trial {outcomes[0].proposal.number}" if outcomes else "tell"


def _quarantined(verdict: str) -> TunerCrashedError:
    return TunerCrashedError.for_good(verdict, hint="Mend or replace the tuner, then resume.")
