"""The supervision of a tuner: started again when it dies, hangs or grows, brought up to date, given up in the end.

Death in a call: kill what is left, wait a little, start, open, replay what it had taken, and repeat the call once. An
exception fails its call only; the next one finds a tuner rebuilt by replay. What dies on the same event again and
again is quarantined.

A tuner that cannot be brought back to where it was (its saved state does not work, or a proposal comes out otherwise
than logged) is never used as it is: `StateError` says so, and the caller, who has the log, opens it another way.

Not here: what is called (``supervised``), where a session is and how a fresh tuner is brought there (``whereabouts``),
its process (``lifeline``), and memory (``watchdog``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
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
from nascore.tuner.endpoints import Connection, Endpoint
from nascore.tuner.lifeline import Lifeline
from nascore.tuner.limits import HostLimits
from nascore.tuner.patience import Patience
from nascore.tuner.remote import RemoteTuner
from nascore.tuner.session import Description, History
from nascore.tuner.whereabouts import Opening, Whereabouts

ResultT = TypeVar("ResultT")
Call = Callable[[RemoteTuner], Awaitable[ResultT]]
_REPORT = "It is started again for the next question; if that goes on, report it to the authors of {0}."


class _OutOfStepError(StateError):
    """It cannot be brought back to where it was, and trying again leads nowhere else."""


class Supervision:
    """Looks after one tuner. One call at a time; others wait.

    Args:
        endpoint: Where the tuner comes from.
        history: What it had taken since it was opened or its state was last saved; or `no_history`.
        limits: Memory, deadlines and patience.
        on_trouble: Told one sentence for every death, divergence and quarantine.

    Attributes:
        life: The connection to it.
        whereabouts: Where its session is; whoever opens it or makes it take something notes that here.
        description: Who it is; ``None`` until it has said so.
    """

    def __init__(
        self, endpoint: Endpoint, *, history: History, limits: HostLimits, on_trouble: Callable[[str], None]
    ) -> None:
        self.life = Lifeline(endpoint, limits=limits)
        self.whereabouts = Whereabouts(history)
        self.description: Description | None = None
        self._endpoint = endpoint
        self._limits = limits
        self._on_trouble = on_trouble
        self._lock = asyncio.Lock()
        self._patience = Patience(limits)
        self._is_closed = False
        self._event = ""

    async def run(self, event: str, call: Call[ResultT]) -> ResultT:
        """Make a call to a tuner that is running, open and up to date; once more where it dies or has lost itself.

        Args:
            event: What the call is about; deaths are counted by it.
            call: Makes it.

        Raises:
            StateError: It cannot be brought back to where it was.
            TunerCrashedError: It died twice, or it is given up.
            NascoreError: What it answered.
        """
        async with self._lock:
            try:
                return await self._attempt(event, call)
            except _OutOfStepError:
                raise
            except (NotFoundError, StateError) as error:
                # Alive, but without memory of us, or out of step: once more, after a replay.
                self.whereabouts.is_current = False
                self._lose_for_good(str(error))
            except UnavailableError as error:
                self._lose_for_good(await self._bury(error))
            except PluginError:
                if not self.whereabouts.can_return:
                    self.whereabouts.opening = None  # What it had learnt went with it.
                raise
            try:
                return await self._attempt(event, call)
            except UnavailableError as error:
                last = await self._bury(error)
                raise self._crashed(f"{last} It was tried twice.") from error

    async def close(self) -> None:
        """End the session and the process."""
        self._is_closed = True
        if self._lock.locked():
            await self._interrupt()
        async with self._lock:
            await self.life.close(grace_s=self._limits.stop_grace_s)

    async def _interrupt(self) -> None:
        """Wait a little for the call in flight, then kill what does not answer."""
        try:
            await asyncio.wait_for(self._lock.acquire(), self._limits.stop_grace_s)
        except TimeoutError:
            self.life.kill()
        else:
            self._lock.release()

    def _lose_for_good(self, sentence: str) -> None:
        """Give a session up that cannot be replayed.

        Raises:
            UnavailableError: It was one.
        """
        if not self.whereabouts.can_return and self.whereabouts.opening is not None:
            self.whereabouts.opening = None
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
            self.whereabouts.is_current = False
            self._count_death(str(error))
            raise
        except asyncio.CancelledError:
            # Whether the tuner took the call is not known.
            self.whereabouts.is_current = False
            raise
        self._patience.lived(event)
        return result

    async def _ready(self) -> RemoteTuner:
        """Return a tuner that is running, open and up to date."""
        connection = self.life.connection
        if connection is None:
            connection = await self._connected()
            self.whereabouts.is_current = False
        tuner = connection.tuner
        if self.whereabouts.opening is not None and not self.whereabouts.is_current:
            await self._reopen(tuner, self.whereabouts.opening)
            self.whereabouts.is_current = True
        return tuner

    async def _connected(self) -> Connection:
        try:
            return await self.life.begin(after_s=self._patience.delay_s())
        except PluginError as error:
            if self.description is None:
                raise
            # It has run before, so this is one of its deaths rather than a wrong address.
            raise self._crashed(f"Starting again failed: {error}") from error

    async def _reopen(self, tuner: RemoteTuner, opening: Opening) -> None:
        try:
            await self.whereabouts.open(tuner)
            event, self._event = self._event, "replay"
            diverged = await self.whereabouts.replay(tuner)
            self._event = event
        except (PluginError, UnsupportedError) as error:
            if opening.state is None:
                raise
            raise self._out_of_step(f"cannot go on from the state that it saved: {error}") from error
        if diverged:
            numbers = ", ".join(map(str, diverged[:10]))
            raise self._out_of_step(f"proposed otherwise than logged when it was replayed (trials {numbers}).")

    def _crashed(self, message: str) -> TunerCrashedError:
        return TunerCrashedError(message, hint=_REPORT.format(self._endpoint.name))

    def _out_of_step(self, what: str) -> _OutOfStepError:
        self.whereabouts.is_current = False
        error = _OutOfStepError(f"{self._label} {what}", hint="It is opened anew from the log.")
        self._on_trouble(str(error))
        return error

    async def _bury(self, error: Exception) -> str:
        """Clear away a tuner that died or is of no use any more, and wait; returns what happened, in one sentence."""
        happened = await self.life.cause(error)
        self.whereabouts.is_current = False
        await self.life.drop(grace_s=0)
        sentence = f"{self._label} was lost in {self._event}: {happened}"
        # Of one that never said who it is, the caller hears anyway.
        was_met = self.description is not None or self.whereabouts.opening is not None
        if was_met and not self._is_closed:
            self._on_trouble(sentence)
        self._count_death(sentence)
        return sentence

    @property
    def _label(self) -> str:
        version = self.description.version if self.description is not None else ""
        return f"Tuner {self._endpoint.name} {version}".strip()

    def _count_death(self, sentence: str) -> None:
        if self._patience.died(self._event, sentence):
            self._on_trouble(self._patience.verdict)


def _quarantined(verdict: str) -> TunerCrashedError:
    remedy = "Mend or replace the tuner, or give it more time or memory, then resume."
    return TunerCrashedError.for_good(verdict, hint=remedy)
