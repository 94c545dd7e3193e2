"""A tuner that is looked after: started again when it dies, hangs or grows, and brought up to date from the log.

Death in a call: kill what is left, wait a little, start, open, replay what it had taken, and repeat the call once. An
exception fails its call only; the next one finds a tuner rebuilt by replay. What dies on the same event again and
again is quarantined.

Not here: what an endpoint is (``endpoints``) and the calls themselves (``remote``).
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from nascore.errors import (
    DeadlineError,
    InvalidInputError,
    NotFoundError,
    PluginError,
    StateError,
    TunerCrashedError,
    UnavailableError,
)
from nascore.record import Asked, JsonValue, Report, Told, Verdict
from nascore.tuner.contract import Derived, Setup
from nascore.tuner.endpoints import Connection, Endpoint
from nascore.tuner.limits import HostLimits
from nascore.tuner.patience import Patience
from nascore.tuner.remote import MAX_EVENTS, RemoteTuner
from nascore.tuner.session import Answer, Description

ResultT = TypeVar("ResultT")
Call = Callable[[RemoteTuner], Awaitable[ResultT]]
History = Callable[[], Iterable[Asked | Told]]


@dataclass(frozen=True, slots=True)
class _Opening:
    """How the session was opened, to do it again."""

    setup: Setup
    settings: Mapping[str, JsonValue]
    state: bytes | None
    state_seq: int


class SupervisedTuner:
    """Keeps the promises of `TunerSession` whatever the tuner does. One call at a time; others wait.

    Args:
        endpoint: Where the tuner comes from.
        history: All that it had taken, in order: what it proposed and what it was told. After a snapshot, what follows.
        limits: Memory, deadlines and patience.
        on_trouble: Told one sentence for every death, divergence and quarantine.
    """

    def __init__(
        self, endpoint: Endpoint, *, history: History, limits: HostLimits, on_trouble: Callable[[str], None]
    ) -> None:
        self._endpoint = endpoint
        self._history = history
        self._limits = limits
        self._on_trouble = on_trouble
        self._lock = asyncio.Lock()
        self._connection: Connection | None = None
        self._remains: set[Connection] = set()  # Being cleared away, or left over by a caller that went away meanwhile.
        self._watch: asyncio.Task[None] | None = None
        self._description: Description | None = None
        self._opening: _Opening | None = None
        self._is_current = False
        self._taken_through = 0
        self._excess = ""
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

        self._opening = None
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
        """Return the tuner's state and the seq it covers, or ``None``."""
        return await self._in_session("snapshot", lambda tuner: tuner.snapshot())

    async def close(self) -> None:
        """End the session and the process."""
        self._is_closed = True
        if self._lock.locked():
            await self._interrupt()
        async with self._lock:
            if self._connection is not None and self._connection.process is None:
                await self._connection.tuner.close()
            await self._drop(grace_s=self._limits.stop_grace_s)
            for connection in tuple(self._remains):
                await self._end(connection, grace_s=0)

    async def _interrupt(self) -> None:
        """Wait a little for the call in flight, then kill what does not answer."""
        try:
            await asyncio.wait_for(self._lock.acquire(), self._limits.stop_grace_s)
        except TimeoutError:
            if self._connection is not None and self._connection.process is not None:
                self._connection.process.kill()
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
            except (NotFoundError, StateError):
                # Alive, but without memory of us, or out of step: once more, after a replay.
                self._is_current = False
            except UnavailableError as error:
                await self._bury(error)
            try:
                return await self._attempt(event, call)
            except UnavailableError as error:
                last = await self._bury(error)
                raise _crashed(f"{last} It was tried twice.") from error

    async def _attempt(self, event: str, call: Call[ResultT]) -> ResultT:
        if self._is_closed:
            raise InvalidInputError(f"The session with tuner {self._endpoint.name} is closed.")
        if self._patience.verdict:
            raise _crashed(self._patience.verdict, is_retryable=False)
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
        if self._connection is None:
            self._connection = await self._connected()
            self._is_current = False
            self._excess = ""
            self._watch = asyncio.create_task(self._watch_memory(self._connection))
        tuner = self._connection.tuner
        opening = self._opening
        if opening is not None and not self._is_current:
            await tuner.open(opening.setup, opening.settings, state=opening.state, state_seq=opening.state_seq)
            await self._catch_up(tuner)
            self._is_current = True
        return tuner

    async def _connected(self) -> Connection:
        try:
            return await self._endpoint.connect(self._limits)
        except PluginError as error:
            if self._description is None:
                raise
            # It has run before, so this is one of its deaths rather than a wrong address.
            raise _crashed(f"Starting again failed: {error}") from error

    async def _catch_up(self, tuner: RemoteTuner) -> None:
        events = self._taken()
        event, self._event = self._event, "replay"
        diverged: list[int] = []
        while batch := tuple(itertools.islice(events, MAX_EVENTS)):
            diverged.extend(await tuner.replay(batch))
        self._event = event
        if diverged:
            numbers = ", ".join(map(str, diverged[:10]))
            self._on_trouble(
                f"Tuner {tuner.label} proposed otherwise than logged when it was replayed (trials {numbers}): "
                "it does not continue as it would have without the restart."
            )

    def _taken(self) -> Iterator[Asked | Told]:
        """Yield the log up to the last outcome that the tuner had taken; the engine may have written further."""
        for event in self._history():
            if isinstance(event, Told) and event.seq > self._taken_through:
                return
            yield event

    async def _bury(self, error: Exception) -> str:
        """Clear away a tuner that died or is of no use any more, and wait; returns what happened, in one sentence."""
        happened = await self._cause(error)
        await self._drop(grace_s=0)
        sentence = f"Tuner {self._endpoint.name} was lost in {self._event}: {happened}"
        was_met = self._description is not None or self._opening is not None  # Else the caller hears of it anyway.
        if was_met and not self._is_closed:
            self._on_trouble(sentence)
        self._count_death(sentence)
        await asyncio.sleep(self._patience.delay_s())
        return sentence

    async def _cause(self, error: Exception) -> str:
        process = self._connection.process if self._connection else None
        if self._excess:
            return self._excess
        if process is None or isinstance(error, DeadlineError):
            return str(error)
        ending = await process.epitaph()
        return str(error) if process.is_running else ending

    def _count_death(self, sentence: str) -> None:
        if self._patience.died(self._event, sentence):
            self._on_trouble(self._patience.verdict)

    def _advance(self, outcomes: Sequence[Told]) -> None:
        for told in outcomes:
            self._taken_through = max(self._taken_through, told.seq)

    async def _drop(self, *, grace_s: float) -> None:
        connection, self._connection, self._is_current = self._connection, None, False
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        if connection is not None:
            self._remains.add(connection)
            await self._end(connection, grace_s=grace_s)

    async def _end(self, connection: Connection, *, grace_s: float) -> None:
        await connection.end(grace_s=grace_s)
        self._remains.discard(connection)

    async def _watch_memory(self, connection: Connection) -> None:
        process, limit = connection.process, self._limits.memory_bytes
        while process is not None and process.is_running:
            # In a thread: finding its children means looking at every process of the machine.
            used = await asyncio.to_thread(process.memory_bytes)
            if used > limit and process.is_running:
                self._excess = f"it used {used / 2**20:.0f} MiB, above the limit of {limit / 2**20:.0f} MiB."
                process.kill()
                return
            await asyncio.sleep(self._limits.watch_interval_s)


def _telling(outcomes: Sequence[Told]) -> str:
    return f"tell of trial {outcomes[0].proposal.number}" if outcomes else "tell"


def _crashed(message: str, *, is_retryable: bool = True) -> TunerCrashedError:
    error = TunerCrashedError(message, hint="" if is_retryable else "Mend or replace the tuner, then resume.")
    error.is_retryable = is_retryable
    return error
