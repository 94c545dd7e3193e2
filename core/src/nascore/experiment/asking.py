"""The conversation with the tuner: what it is told, what it is asked, and when its state is saved.

A tuner's proposals depend on the order in which it met questions and outcomes. That order is logged: each `Asked`
says which outcomes the tuner knew, and `nascore.experiment.state.history` tells a restarted tuner the same story.
Nothing here is on the way of a worker that finishes a trial, and saving the tuner's state is not on the way of one that
wants a trial. Not here: its session (``counterpart``), how a tuner is brought back (``restoring``) and how its state is
saved (``saving``).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from nascore.errors import NascoreError, TunerCrashedError
from nascore.experiment import events
from nascore.experiment.counterpart import Connect, Counterpart
from nascore.experiment.ledger import Ledger
from nascore.experiment.saving import Saving
from nascore.failpoints import failpoint
from nascore.journal.contract import Journal, TunerSnapshot
from nascore.record import ExperimentSpec, Mode, Proposal, Report, Told, Verdict, proposal_seed
from nascore.tuner.answers import check_proposal
from nascore.tuner.session import AskStatus, TunerSession

MAX_ASKED = 256  # Proposals asked for in one call.
_OUTCOMES_A_CALL = 512
_SAVING_S = 4.0  # Longest wait for a tuner's state when the server stops, which has ten seconds in all.

_LOG = logging.getLogger(__name__)


class Conversation:
    """What one experiment has with its tuner.

    Attributes:
        turn: Held while numbers are given out: by an ask, and by whoever enqueues.
    """

    def __init__(self, ledger: Ledger, journal: Journal, *, connect: Connect) -> None:
        self.turn = asyncio.Lock()
        self._ledger = ledger
        self._saving = Saving(ledger, journal)
        self._tuner = Counterpart(ledger, journal, connect=connect, saving=self._saving)
        self._saver: asyncio.Task[None] | None = None

    @property
    def on_trouble(self) -> Callable[[str], None]:
        """Called on the event loop with a sentence on what the tuner's session suffers."""
        return self._tuner.on_trouble

    @on_trouble.setter
    def on_trouble(self, call: Callable[[str], None]) -> None:
        self._tuner.on_trouble = call

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
            return await self._tuner.prepare(spec)

    async def open(self) -> None:
        """Open the session if it is not; the tuner is then up to date with the log.

        Raises:
            SettingsError: The settings are wrong.
            UnsupportedError: The tuner cannot tune this space.
            TunerCrashedError: It crashed, or does not repeat what it proposed before.
        """
        async with self.turn:
            await self._tuner.opened()

    async def ask(self, count: int) -> AskStatus | None:
        """Tell the tuner what came in, ask for up to ``count`` proposals, and write them down.

        Returns:
            Why there are fewer than wanted; ``None`` if memory was thrown away meanwhile and nothing was written.
        """
        async with self.turn:
            await self._ledger.ready()
            status = await self._tuner.in_step(lambda session: self._ask(session, count))
        self._save_if_due()
        return status

    async def review(self, report: Report) -> Verdict:
        """Ask the tuner whether a trial shall go on; it does if the tuner does not judge."""
        if self._tuner.description is not None and not self._tuner.description.can_review:
            return Verdict.CONTINUE
        async with self.turn:
            return (await self._tuner.in_step(lambda session: self._review(session, report)))[0]

    def forget(self) -> None:
        """Let the next question go to a tuner that is started anew."""
        self._tuner.generation = -1

    @property
    def may_ask_ahead(self) -> bool:
        """Whether proposals may be asked for before they are wanted: the tuner's are the same whatever it is told."""
        return self._tuner.description is not None and self._tuner.description.ignores_outcomes

    @property
    def is_connected(self) -> bool:
        """Whether a tuner is kept running for this experiment."""
        return self._tuner.session is not None

    async def rest(self) -> None:
        """Let go of the tuner of an experiment that has ended; it is started anew if the experiment is resumed."""
        async with self.turn:
            if self._ledger.state.is_ended:
                await self._let_go(is_quiet=True)

    async def close(self, *, is_quiet: bool) -> None:
        """Save the tuner's state unless a call was broken off (then not ``is_quiet``), and let go of it for good."""
        self._tuner.close()
        if (saver := self._saver) is not None:
            await asyncio.wait([saver], timeout=_SAVING_S)
            saver.cancel()
        await self._let_go(is_quiet=is_quiet)

    async def _let_go(self, *, is_quiet: bool) -> None:
        if is_quiet and self._tuner.is_current and self._saving.is_due(self._tuner.description, at_once=True):
            with suppress(NascoreError, OSError, TimeoutError):  # A cache: without it the log is replayed.
                await asyncio.wait_for(self._save(), _SAVING_S)
        await self._tuner.drop()

    async def _ask(self, session: TunerSession, count: int) -> AskStatus | None:
        generation = self._ledger.generation
        if self._saving.is_indispensable(self._tuner.description):
            await self._save()
        outcomes = await self._outcomes(session)
        state = self._ledger.state
        told_through = outcomes[-1].seq if outcomes else self._tuner.told_through
        first = len(state.trials)
        seeds = tuple(proposal_seed(state.seed, first + place) for place in range(min(count, MAX_ASKED)))
        answer = await session.ask(first, seeds, outcomes=outcomes, told_through=told_through)
        if generation != self._ledger.generation:
            return None
        failpoint("ask.before_commit")
        await self._take(answer.proposals, seeds, first=first, told_through=told_through)
        self._tuner.told += len(outcomes)
        return answer.status

    async def _review(self, session: TunerSession, report: Report) -> tuple[Verdict, ...]:
        if self._tuner.description is None or not self._tuner.description.can_review:
            return (Verdict.CONTINUE,)
        return await session.review([report])

    async def _outcomes(self, session: TunerSession) -> list[Told]:
        """Return what the tuner does not know yet; if it is very much, tell it beforehand but for the last part."""
        state = self._ledger.state
        while True:
            part = state.outcomes[self._tuner.told : self._tuner.told + _OUTCOMES_A_CALL]
            told = [state.told(number, seq) for seq, number in part]
            if self._tuner.told + len(part) >= len(state.outcomes):
                return told
            await session.tell(told, after_seq=self._tuner.told_through)
            self._tuner.told += len(told)

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
            await self._tuner.drop()
            raise TunerCrashedError(
                f"Tuner {spec.tuner}: its proposal cannot be stored as JSON: {error}.",
                hint="Notes hold texts, finite numbers, lists and dictionaries only.",
            ) from error
        except TunerCrashedError:
            await self._tuner.drop()  # It is ahead of the log now: it is opened anew and replayed.
            raise

    def _save_if_due(self) -> None:
        """Save the tuner's state after this question, without holding up who asked it."""
        tuner = self._tuner
        if self._saver is not None or tuner.is_closed or not tuner.is_current:
            return
        if self._saving.is_due(tuner.description):
            self._saver = asyncio.create_task(self._save_quietly())

    async def _save_quietly(self) -> None:
        try:
            async with self.turn:
                saved = await self._captured() if self._tuner.is_current else None
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
        tuner = self._tuner
        assert tuner.session is not None
        assert tuner.description is not None
        try:
            return await self._saving.capture(tuner.session, tuner.description, told_through=tuner.told_through)
        except TunerCrashedError:
            await tuner.drop()
            raise
