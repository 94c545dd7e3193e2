"""The conversation with the tuner: what it is told, what it is asked, and how it is brought up to date.

A tuner's proposals depend on the order in which it met questions and outcomes. That order is logged: each `Asked`
says which outcomes the tuner knew, and `nascore.experiment.state.history` tells a restarted tuner the same story.
Nothing here is on the way of a worker that finishes a trial, and saving the tuner's state is not on the way of one that
wants a trial. Not here: how a tuner is brought back (``restoring``) and when its state is saved (``saving``).
"""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import TypeVar

from nascore.errors import NascoreError, StateError, TunerCrashedError, UnavailableError
from nascore.experiment import events
from nascore.experiment.chain import ChainSession
from nascore.experiment.ledger import Ledger
from nascore.experiment.modes import chosen_mode
from nascore.experiment.restoring import bring_up_to_date, setup_of
from nascore.experiment.saving import Saving
from nascore.experiment.state import history
from nascore.failpoints import failpoint
from nascore.journal.contract import Journal, TunerSnapshot
from nascore.record import Asked, ExperimentSpec, Mode, Proposal, Report, Told, Verdict, proposal_seed
from nascore.tuner.answers import check_proposal
from nascore.tuner.session import AskStatus, Description, TunerSession, no_history

MAX_ASKED = 256  # Proposals asked for in one call.
_OUTCOMES_A_CALL = 512
_SAVING_S = 4.0  # Longest wait for a tuner's state when the server stops, which has ten seconds in all.
ResultT = TypeVar("ResultT")

_LOG = logging.getLogger(__name__)

Connect = Callable[[str, Callable[[], Iterable[Asked | Told]], Callable[[str], None]], Awaitable[TunerSession]]
"""Gives a session with a tuner: (name or address, what it had taken, whom to tell about trouble)."""


class Conversation:
    """What one experiment has with its tuner.

    Attributes:
        on_trouble: Called on the event loop with a sentence on what the tuner's session suffers.
        turn: Held while numbers are given out: by an ask, and by whoever enqueues.
    """

    def __init__(self, ledger: Ledger, journal: Journal, *, connect: Connect) -> None:
        self.turn = asyncio.Lock()
        self._ledger = ledger
        self._journal = journal
        self._connect = connect
        self.on_trouble: Callable[[str], None] = lambda trouble: None
        self._session: TunerSession | None = None
        self._description: Description | None = None
        self._is_open = False
        self._is_closed = False
        self._told = 0  # How many outcomes the tuner has taken.
        self._saving = Saving(ledger, journal)
        self._saver: asyncio.Task[None] | None = None
        self._generation = ledger.generation

    async def prepare(self, spec: ExperimentSpec) -> ExperimentSpec:
        """Find the tuner, and open the session if the space is known already.

        Returns:
            The specification with the mode filled in.

        Raises:
            NotFoundError: There is no such tuner.
            SettingsError: Its settings are wrong, or it does not know the mode.
            UnsupportedError: It cannot tune this space.
        """
        async with self.turn:
            try:
                chosen = await self._chosen(spec)
                session = await self._connected(chosen)
                if spec.space is not None:
                    await session.open(setup_of(chosen, batches_per_epoch=0), chosen.settings)
                    self._is_open = True
            except BaseException:
                await self._drop()
                raise
        return chosen

    async def open(self) -> None:
        """Open the session if it is not; the tuner is then up to date with the log.

        Raises:
            SettingsError: The settings are wrong.
            UnsupportedError: The tuner cannot tune this space.
            TunerCrashedError: It crashed, or does not repeat what it proposed before.
        """
        async with self.turn:
            await self._opened()

    async def ask(self, count: int) -> AskStatus | None:
        """Tell the tuner what came in, ask for up to ``count`` proposals, and write them down.

        Returns:
            Why there are fewer than wanted; ``None`` if memory was thrown away meanwhile and nothing was written.
        """
        async with self.turn:
            await self._ledger.ready()
            status = await self._in_step(lambda session: self._ask(session, count))
        self._save_if_due()
        return status

    async def review(self, report: Report) -> Verdict:
        """Ask the tuner whether a trial shall go on; it does if the tuner does not judge."""
        if self._description is not None and not self._description.can_review:
            return Verdict.CONTINUE
        async with self.turn:
            return (await self._in_step(lambda session: self._review(session, report)))[0]

    def forget(self) -> None:
        """Let the next question go to a tuner that is started anew."""
        self._generation = -1

    @property
    def may_ask_ahead(self) -> bool:
        """Whether proposals may be asked for before they are wanted: the tuner's are the same whatever it is told."""
        return self._description is not None and self._description.ignores_outcomes

    @property
    def is_connected(self) -> bool:
        """Whether a tuner is kept running for this experiment."""
        return self._session is not None

    async def rest(self) -> None:
        """Let go of the tuner of an experiment that has ended; it is started anew if the experiment is resumed."""
        async with self.turn:
            if self._ledger.state.is_ended:
                await self._let_go(is_quiet=True)

    async def close(self, *, is_quiet: bool) -> None:
        """Save the tuner's state unless a call was broken off (then not ``is_quiet``), and let go of it for good."""
        self._is_closed = True
        if (saver := self._saver) is not None:
            await asyncio.wait([saver], timeout=_SAVING_S)
            saver.cancel()
        await self._let_go(is_quiet=is_quiet)

    async def _let_go(self, *, is_quiet: bool) -> None:
        if is_quiet and self._is_current and self._saving.is_due(self._description, at_once=True):
            with suppress(NascoreError, OSError, TimeoutError):  # A cache: without it the log is replayed.
                await asyncio.wait_for(self._save(), _SAVING_S)
        await self._drop()

    @property
    def _told_through(self) -> int:
        outcomes = self._ledger.state.outcomes
        known = min(self._told, len(outcomes))  # Memory that was thrown away may have held more.
        return outcomes[known - 1][0] if known else 0

    @property
    def _is_current(self) -> bool:
        return self._session is not None and self._is_open and self._generation == self._ledger.generation

    def _history(self) -> Iterator[Asked | Told]:
        begun = self._saving.base
        return history(
            self._ledger.state,
            told_through=self._told_through,
            after_asked=begun.asked,
            after_seq=begun.told_through,
        )

    async def _chosen(self, spec: ExperimentSpec) -> ExperimentSpec:
        """Ask the plugin's tuner how it learns, and choose; of a one-shot search it is the chain that is asked on."""
        session = self._session = await self._connect(spec.tuner, self._history, self.on_trouble)
        description = self._description = await session.describe()
        chosen = replace(spec, mode=chosen_mode(spec, description))
        if chosen.mode is Mode.ONE_SHOT:
            self._session = ChainSession(chosen.search, tuner=session)
            self._description = await self._session.describe()
        return chosen

    async def _connected(self, spec: ExperimentSpec) -> TunerSession:
        if self._is_closed:  # Whoever was late would start a tuner that nobody ends.
            raise UnavailableError("The server is stopping.", hint="Try again when it is back.")
        if self._session is None:
            session = await self._begun(spec)
            self._session, self._is_open = session, False
            self._description = await session.describe()
        return self._session

    async def _begun(self, spec: ExperimentSpec) -> TunerSession:
        if spec.mode is not Mode.ONE_SHOT:
            return await self._connect(spec.tuner, self._history, self.on_trouble)
        is_new = not self._ledger.state.trials
        tuner = await self._connect(spec.tuner, no_history, self.on_trouble) if is_new else None
        return ChainSession(spec.search, tuner=tuner)

    async def _in_step(self, question: Callable[[TunerSession], Awaitable[ResultT]]) -> ResultT:
        """Put a question to a tuner that is open; if it turns out to be out of step with the log, to a new one."""
        try:
            return await question(await self._opened())
        except StateError as error:
            _LOG.warning("Experiment %s: its tuner is opened anew. %s", self._ledger.state.id, error)
        await self._drop()
        return await question(await self._opened())

    async def _opened(self) -> TunerSession:
        if self._session is not None and self._is_current:
            return self._session
        if self._generation != self._ledger.generation:
            await self._drop()  # It may have taken what was never stored.
        try:
            session = await self._connected(self._ledger.state.known_spec)
            await self._brought_up_to_date(session)
        except BaseException:
            await self._drop()
            raise
        self._is_open = True
        return session

    async def _brought_up_to_date(self, session: TunerSession) -> None:
        await self._ledger.ready()  # A state that is about to be thrown away must not reach the tuner.
        self._generation = self._ledger.generation
        state, description = self._ledger.state, self._description
        assert description is not None
        self._told = 0
        saved = await bring_up_to_date(
            session, state, description=description, journal=self._journal, begin=self._saving.begin
        )
        told_through = max(state.asked[-1].told_through if state.asked else 0, saved.told_through)
        self._told = bisect_right(state.outcomes, told_through, key=lambda outcome: outcome[0])

    async def _ask(self, session: TunerSession, count: int) -> AskStatus | None:
        generation = self._ledger.generation
        if self._saving.is_indispensable(self._description):
            await self._save()
        outcomes = await self._outcomes(session)
        state = self._ledger.state
        told_through = outcomes[-1].seq if outcomes else self._told_through
        first = len(state.trials)
        seeds = tuple(proposal_seed(state.seed, first + place) for place in range(min(count, MAX_ASKED)))
        answer = await session.ask(first, seeds, outcomes=outcomes, told_through=told_through)
        if generation != self._ledger.generation:
            return None
        failpoint("ask.before_commit")
        await self._take(answer.proposals, seeds, first=first, told_through=told_through)
        self._told += len(outcomes)
        return answer.status

    async def _review(self, session: TunerSession, report: Report) -> tuple[Verdict, ...]:
        if self._description is None or not self._description.can_review:
            return (Verdict.CONTINUE,)
        return await session.review([report])

    async def _outcomes(self, session: TunerSession) -> list[Told]:
        """Return what the tuner does not know yet; if it is very much, tell it beforehand but for the last part."""
        state = self._ledger.state
        while True:
            part = state.outcomes[self._told : self._told + _OUTCOMES_A_CALL]
            told = [state.told(number, seq) for seq, number in part]
            if self._told + len(part) >= len(state.outcomes):
                return told
            await session.tell(told, after_seq=self._told_through)
            self._told += len(told)

    async def _take(
        self, proposals: tuple[Proposal, ...], seeds: tuple[int, ...], *, first: int, told_through: int
    ) -> None:
        state = self._ledger.state
        spec = state.known_spec
        assert spec.space is not None
        try:
            for number, proposal in enumerate(proposals, first):
                check_proposal(
                    proposal, number, space=spec.space, label=spec.tuner, may_search=spec.mode is Mode.ONE_SHOT
                )
            if proposals:
                pairs = zip(proposals, seeds, strict=False)
                self._ledger.write(*(events.Asked(proposal, seed, told_through) for proposal, seed in pairs))
        except (TypeError, ValueError) as error:
            await self._drop()
            raise TunerCrashedError(
                f"Tuner {spec.tuner}: its proposal cannot be stored as JSON: {error}.",
                hint="Notes hold texts, finite numbers, lists and dictionaries only.",
            ) from error
        except TunerCrashedError:
            await self._drop()  # It is ahead of the log now: it is opened anew and replayed.
            raise

    def _save_if_due(self) -> None:
        """Save the tuner's state after this question, without holding up who asked it."""
        if self._saver is None and not self._is_closed and self._is_current and self._saving.is_due(self._description):
            self._saver = asyncio.create_task(self._save_quietly())

    async def _save_quietly(self) -> None:
        try:
            async with self.turn:
                saved = await self._captured() if self._is_current else None
            if saved is not None:
                await self._saving.store(saved)
        except (NascoreError, OSError) as error:  # A cache: what is lost is time after the next crash.
            _LOG.warning("Experiment %s: the state of its tuner was not saved. %s", self._ledger.state.id, error)
        finally:
            self._saver = None

    async def _save(self) -> None:
        saved = await self._captured()
        if saved is not None:
            await self._saving.store(saved)

    async def _captured(self) -> TunerSnapshot | None:
        assert self._session is not None
        assert self._description is not None
        try:
            return await self._saving.capture(self._session, self._description, told_through=self._told_through)
        except TunerCrashedError:
            await self._drop()
            raise

    async def _drop(self) -> None:
        session, self._session = self._session, None
        self._is_open, self._description = False, None
        if session is not None:
            with suppress(NascoreError):
                await session.close()
