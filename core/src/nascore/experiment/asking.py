"""The conversation with the tuner: what it is told, what it is asked, and how it is brought up to date.

A tuner's proposals depend on the order in which it met questions and outcomes. That order is logged: each `Asked`
says which outcomes the tuner knew, and `nascore.experiment.state.history` tells a restarted tuner the same story.
Nothing here is on the way of a worker that finishes a trial.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice

from nascore.errors import NascoreError, SettingsError, TunerCrashedError, UnavailableError, UnsupportedError
from nascore.experiment import events
from nascore.experiment.ledger import Ledger
from nascore.experiment.state import history
from nascore.journal.contract import Journal, TunerSnapshot
from nascore.record import Asked, ExperimentSpec, Proposal, Report, Told, Verdict, proposal_seed
from nascore.tuner.answers import check_proposal
from nascore.tuner.contract import Setup
from nascore.tuner.session import AskStatus, Description, TunerSession

MAX_ASKED = 256
"""Proposals asked for in one call."""

_OUTCOMES_A_CALL = 512
_EVENTS_A_CALL = 1_024
_ASKS_A_SNAPSHOT = 256

_NOTHING = TunerSnapshot(0, 0, b"")

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
        self._asked_at_snapshot = 0
        self._restored_from = _NOTHING  # What the open session began with; its history is what came after.
        self._generation = ledger.generation

    async def prepare(self, spec: ExperimentSpec) -> None:
        """Find the tuner, and open the session if the space is known already.

        Raises:
            NotFoundError: There is no such tuner.
            SettingsError: Its settings are wrong.
            UnsupportedError: It cannot tune this space.
        """
        async with self.turn:
            try:
                session = await self._connected(spec)
                if spec.space is not None:
                    await session.open(_setup(spec, batches_per_epoch=0), spec.settings)
                    self._is_open = True
            except BaseException:
                await self._drop()
                raise

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
            generation = self._ledger.generation
            session = await self._opened()
            outcomes = await self._outcomes(session)
            state = self._ledger.state
            told_through = outcomes[-1].seq if outcomes else self._told_through
            first = len(state.trials)
            seeds = tuple(proposal_seed(state.seed, first + place) for place in range(min(count, MAX_ASKED)))
            answer = await session.ask(first, seeds, outcomes=outcomes, told_through=told_through)
            if generation != self._ledger.generation:
                return None
            await self._take(answer.proposals, seeds, first=first, told_through=told_through)
            self._told += len(outcomes)
            await self._save_sometimes()
            return answer.status if generation == self._ledger.generation else None

    async def review(self, report: Report) -> Verdict:
        """Ask the tuner whether a trial shall go on; it does if the tuner does not judge."""
        if self._description is not None and not self._description.can_review:
            return Verdict.CONTINUE
        async with self.turn:
            session = await self._opened()
            if self._description is None or not self._description.can_review:
                return Verdict.CONTINUE
            return (await session.review([report]))[0]

    def forget(self) -> None:
        """Let the next question go to a tuner that is started anew."""
        self._generation = -1

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
        await self._let_go(is_quiet=is_quiet)

    async def _let_go(self, *, is_quiet: bool) -> None:
        if is_quiet and self._is_current:
            with suppress(NascoreError):  # A cache: without it the log is replayed.
                await self._save()
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
        begun = self._restored_from
        return history(
            self._ledger.state,
            told_through=self._told_through,
            after_asked=begun.asked,
            after_seq=begun.told_through,
        )

    async def _connected(self, spec: ExperimentSpec) -> TunerSession:
        if self._is_closed:  # Whoever was late would start a tuner that nobody ends.
            raise UnavailableError("The server is stopping.", hint="Try again when it is back.")
        if self._session is None:
            session = await self._connect(spec.tuner, self._history, self.on_trouble)
            self._session, self._is_open = session, False
            self._description = await session.describe()
        return self._session

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
        state = self._ledger.state
        setup = _setup(state.known_spec, batches_per_epoch=state.batches_per_epoch)
        told_through = state.asked[-1].told_through if state.asked else 0
        self._told = 0
        self._restored_from = _NOTHING
        self._restored_from = saved = await self._restored(session, setup)
        tail = history(state, told_through=told_through, after_asked=saved.asked, after_seq=saved.told_through)
        diverged: list[int] = []
        while batch := list(islice(tail, _EVENTS_A_CALL)):
            diverged.extend(await session.replay(batch))
        if diverged:
            shown = ", ".join(map(str, diverged[:5]))
            raise TunerCrashedError(
                f"Tuner {state.known_spec.tuner}: {len(diverged)} proposals came out otherwise than logged when it was "
                f"replayed, the first ones {shown}.",
                hint="Was it upgraded meanwhile? Install the version that began the experiment.",
            )
        told_through = max(told_through, saved.told_through)
        self._told = sum(1 for seq, _ in state.outcomes if seq <= told_through)
        self._asked_at_snapshot = saved.asked

    async def _restored(self, session: TunerSession, setup: Setup) -> TunerSnapshot:
        """Open the session from the newest state that works, and return it; an empty one if none does."""
        state = self._ledger.state
        for saved in await self._journal.snapshots(state.id):
            if saved.asked > len(state.asked):
                continue
            try:
                await session.open(setup, state.known_spec.settings, state=saved.state, state_seq=saved.told_through)
                return saved
            except SettingsError:
                raise
            except (UnsupportedError, TunerCrashedError) as error:
                _LOG.warning("Experiment %s: a saved state of its tuner is not used: %s", state.id, error)
        await session.open(setup, state.known_spec.settings)
        return _NOTHING

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
                check_proposal(proposal, number, space=spec.space, label=spec.tuner)
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

    async def _save_sometimes(self) -> None:
        if len(self._ledger.state.asked) - self._asked_at_snapshot >= _ASKS_A_SNAPSHOT:
            with suppress(NascoreError):
                await self._save()

    async def _save(self) -> None:
        state, description = self._ledger.state, self._description
        if self._session is None or description is None or not description.can_snapshot:
            return
        if len(state.asked) == self._asked_at_snapshot:
            return
        generation = self._ledger.generation
        asked, told_through = len(state.asked), self._told_through
        await self._ledger.settled()  # A saved state must never be ahead of the log.
        saved = await self._session.snapshot()
        if saved is not None and saved[1] == told_through and generation == self._ledger.generation:
            await self._journal.save_snapshot(state.id, TunerSnapshot(asked, told_through, saved[0]))
            self._asked_at_snapshot = asked

    async def _drop(self) -> None:
        session, self._session = self._session, None
        self._is_open, self._description = False, None
        if session is not None:
            with suppress(NascoreError):
                await session.close()


def _setup(spec: ExperimentSpec, *, batches_per_epoch: int) -> Setup:
    assert spec.space is not None
    return Setup(spec.space, spec.objectives, spec.seed or 0, batches_per_epoch=batches_per_epoch)
