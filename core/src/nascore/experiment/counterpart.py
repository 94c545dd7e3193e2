"""The tuner on the other side of an experiment: found, opened, brought up to date with the log, and let go.

A session that is out of step with the log is never mended: it is dropped, and another one is told the log. Not here:
what the tuner is asked (``asking``), and how one is brought up to date (``restoring``).
"""

from __future__ import annotations

import logging
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from nascore.errors import NascoreError, StateError, UnavailableError
from nascore.experiment.chain import ChainSession
from nascore.experiment.ledger import Ledger
from nascore.experiment.modes import chosen_mode
from nascore.experiment.restoring import bring_up_to_date, setup_of
from nascore.experiment.saving import Saving
from nascore.experiment.state import history
from nascore.journal.contract import Journal
from nascore.record import Asked, ExperimentSpec, Mode, Told
from nascore.tuner.session import Description, TunerSession, no_history
from nascore.tuner.settings import check_names

ResultT = TypeVar("ResultT")

_LOG = logging.getLogger(__name__)

Connect = Callable[[str, Callable[[], Iterable[Asked | Told]], Callable[[str], None]], Awaitable[TunerSession]]
"""Gives a session with a tuner: (name or address, what it had taken, whom to tell about trouble)."""


class Counterpart:
    """One experiment's session with its tuner, and how much of the log that session knows.

    Attributes:
        on_trouble: Called on the event loop with a sentence on what the session suffers.
        session: The session; ``None`` if no tuner is kept running.
        description: Who it is; ``None`` if there is none.
        told: How many outcomes it has taken.
        generation: Of the ledger's memory that it was told; see `Ledger.generation`.
    """

    def __init__(self, ledger: Ledger, journal: Journal, *, connect: Connect, saving: Saving) -> None:
        self.on_trouble: Callable[[str], None] = lambda trouble: None
        self.session: TunerSession | None = None
        self.description: Description | None = None
        self.told = 0
        self.generation = ledger.generation
        self._ledger = ledger
        self._journal = journal
        self._connect = connect
        self._saving = saving
        self._is_open = False
        self._is_closed = False

    async def prepare(self, spec: ExperimentSpec) -> ExperimentSpec:
        """Find the tuner, and open the session if the space is known; errors as `Conversation.prepare`."""
        try:
            chosen = await self._chosen(spec)
            session = await self._connected(chosen)
            if spec.space is not None:
                await session.open(setup_of(chosen, batches_per_epoch=0), chosen.settings)
                self._is_open = True
        except BaseException:
            await self.drop()
            raise
        return chosen

    async def opened(self) -> TunerSession:
        """Return the session, which is open and up to date with the log; errors as `Conversation.open`."""
        if self.session is not None and self.is_current:
            return self.session
        if self.generation != self._ledger.generation:
            await self.drop()  # It may have taken what was never stored.
        try:
            session = await self._connected(self._ledger.state.known_spec)
            await self._bring_up_to_date(session)
        except BaseException:
            await self.drop()
            raise
        self._is_open = True
        return session

    async def in_step(self, question: Callable[[TunerSession], Awaitable[ResultT]]) -> ResultT:
        """Put a question to a tuner that is open; if it turns out to be out of step with the log, to a new one."""
        try:
            return await question(await self.opened())
        except StateError as error:
            _LOG.warning("Experiment %s: its tuner is opened anew. %s", self._ledger.state.id, error)
        await self.drop()
        return await question(await self.opened())

    async def drop(self) -> None:
        """End the session; the next question begins another."""
        session, self.session = self.session, None
        self._is_open, self.description = False, None
        if session is not None:
            with suppress(NascoreError):
                await session.close()

    def close(self) -> None:
        """Begin no more sessions."""
        self._is_closed = True

    @property
    def is_closed(self) -> bool:
        """Whether no more are begun."""
        return self._is_closed

    @property
    def is_current(self) -> bool:
        """Whether there is a session that is open, and was told nothing that was thrown away since."""
        return self.session is not None and self._is_open and self.generation == self._ledger.generation

    @property
    def told_through(self) -> int:
        """Seq of the last outcome that it has taken."""
        outcomes = self._ledger.state.outcomes
        known = min(self.told, len(outcomes))  # Memory that was thrown away may have held more.
        return outcomes[known - 1][0] if known else 0

    def _history(self) -> Iterator[Asked | Told]:
        begun = self._saving.base
        return history(
            self._ledger.state,
            told_through=self.told_through,
            after_asked=begun.asked,
            after_seq=begun.told_through,
        )

    async def _chosen(self, spec: ExperimentSpec) -> ExperimentSpec:
        """Ask the plugin's tuner how it learns, and choose; of a one-shot search it is the chain that is asked on."""
        session = self.session = await self._connect(spec.tuner, self._history, self.on_trouble)
        description = self.description = await session.describe()
        check_names(description.settings_schema_json, spec.settings)
        chosen = replace(spec, mode=chosen_mode(spec, description))
        if chosen.mode is Mode.ONE_SHOT:
            self.session = ChainSession(chosen.search, tuner=session)
            self.description = await self.session.describe()
        return chosen

    async def _connected(self, spec: ExperimentSpec) -> TunerSession:
        if self._is_closed:  # Whoever was late would start a tuner that nobody ends.
            raise UnavailableError("The server is stopping.", hint="Try again when it is back.")
        if self.session is None:
            session = await self._begun(spec)
            self.session, self._is_open = session, False
            self.description = await session.describe()
        return self.session

    async def _begun(self, spec: ExperimentSpec) -> TunerSession:
        if spec.mode is not Mode.ONE_SHOT:
            return await self._connect(spec.tuner, self._history, self.on_trouble)
        is_new = not self._ledger.state.trials
        tuner = await self._connect(spec.tuner, no_history, self.on_trouble) if is_new else None
        return ChainSession(spec.search, tuner=tuner)

    async def _bring_up_to_date(self, session: TunerSession) -> None:
        await self._ledger.ready()  # A state that is about to be thrown away must not reach the tuner.
        self.generation = self._ledger.generation
        state, description = self._ledger.state, self.description
        assert description is not None
        self.told = 0
        saved = await bring_up_to_date(
            session, state, description=description, journal=self._journal, begin=self._saving.begin
        )
        told_through = max(state.asked[-1].told_through if state.asked else 0, saved.told_through)
        self.told = bisect_right(state.outcomes, told_through, key=lambda outcome: outcome[0])
