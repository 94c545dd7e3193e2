"""A tuner for a caller that keeps trials but no log: with each question it brings all its trials, and a `Chronicle`.

Katib's controller and a Vizier study are such callers. The answer is a function of what they bring: the same question
after a restart, or a second time because the answer was lost, is answered as before (by tuners that repeat themselves,
levels L0 and L1), an outcome is told once, and trials that are still running are neither forgotten nor proposed again.
As long as the caller comes back with the chronicle of the last answer, nothing is replayed.

Not here: who the callers are and how their trials read (``nas-katib``, ``nas-vizier``), and several of them at once
(``retellings``).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence

from nascore.errors import StateError, UnsupportedError
from nascore.record import Asked, AskStatus, JsonValue, Proposal, Told, proposal_seed
from nascore.tuner.chronicle import Chronicle, Turn, continued
from nascore.tuner.contract import Determinism, Setup
from nascore.tuner.retold import KnownTrial, Retold
from nascore.tuner.session import TunerSession

MAX_ASKED = 256
"""Proposals asked for in one call."""

_LOG = logging.getLogger(__name__)


class Retelling:
    """One experiment of such a caller. Questions come one at a time; others wait.

    Args:
        setup: What the tuner is opened with.
        settings: Its settings.
    """

    def __init__(self, setup: Setup, settings: Mapping[str, JsonValue]) -> None:
        self.setup = setup
        self.settings = dict(settings)
        self._session: TunerSession | None = None
        self._lock = asyncio.Lock()
        self._is_absorbing = False
        self._is_fresh = False
        self._text: str | None = None  # The chronicle that says where the tuner is; None if nobody knows.
        self._events: list[Asked | Told] = []
        self._proposals: dict[int, Proposal] = {}
        self._told: set[int] = set()
        self._strangers: set[str] = set()
        self._seq = 0
        self._next = 0
        self._is_missing_some = False

    def history(self) -> Iterator[Asked | Told]:
        """Yield all that the tuner took since it was opened; a supervised session replays it after a crash."""
        return iter(self._events)

    async def open(self, session: TunerSession) -> None:
        """Open the tuner's session; errors as in `TunerSession.open`.

        Raises:
            UnsupportedError: Also if it cannot be rebuilt from outcomes, or sets budgets.
        """
        description = await session.describe()
        if description.determinism is Determinism.SNAPSHOT:
            level = Determinism.SNAPSHOT
            raise UnsupportedError(
                f"{description.name} is of level {level.value} ({level.meaning}), and only trials are kept here, so it "
                "could not go on after a restart.",
                hint="Take another tuner, or run it with `nascore run`, which saves its state.",
            )
        if description.uses_fidelity:
            raise UnsupportedError(
                f"{description.name} sets budgets, and there is no place for them here.",
                hint="Take another tuner, or run it with `nascore run`.",
            )
        self._is_absorbing = description.determinism is Determinism.NONE
        await session.open(self.setup, self.settings)
        self._session, self._is_fresh = session, True

    async def propose(self, count: int, *, trials: Sequence[KnownTrial], chronicle: str, given_out: int = 0) -> Retold:
        """Tell the tuner what ended, and ask for proposals.

        Args:
            count: How many.
            trials: All trials of the experiment, in any order.
            chronicle: That of the last answer which was kept; empty if there was none, or if it was lost.
            given_out: How many proposals the caller has had, where there is no chronicle to say so.

        Raises:
            DataLossError: The chronicle cannot be read.
            StateError: The tuner does not repeat what it proposed before.
            TunerCrashedError: It crashed; asking again may help.
        """
        async with self._lock:
            try:
                return await self._proposed(count, trials, chronicle, given_out)
            except BaseException:
                self._text = None  # Nobody knows how far the tuner got.
                raise

    async def close(self) -> None:
        """End the session."""
        if self._session is not None:
            await self._session.close()

    async def _proposed(self, count: int, trials: Sequence[KnownTrial], chronicle: str, given_out: int) -> Retold:
        if self._text != chronicle:
            await self._rebuild(chronicle, trials)
        skipped_to = self._skip(trials, given_out=0 if chronicle else given_out)
        told, strangers = self._news(trials)
        proposals, status = await self._ask(count, told)
        numbers = tuple(event.proposal.number for event in told)
        text = self._text = continued(chronicle, Turn(numbers, len(proposals), strangers, skipped_to))
        return Retold(proposals, status, text)

    def _skip(self, trials: Sequence[KnownTrial], *, given_out: int) -> int:
        """Pass over numbers that were given out without the chronicle; returns where it goes on, 0 if there are none.

        That happens where a caller kept the trials of an answer and lost its chronicle.
        """
        first = max([given_out, *(trial.number + 1 for trial in trials if trial.number is not None)])
        if first <= self._next:
            return 0
        self._next = first
        return first

    async def _rebuild(self, chronicle: str, trials: Sequence[KnownTrial]) -> None:
        """Open the tuner anew, and retell it everything that the chronicle says."""
        past = Chronicle.read(chronicle)
        assert self._session is not None
        if not self._is_fresh:
            await self._session.open(self.setup, self.settings)
        self._is_fresh = False
        self._forget()
        known = {trial.key if trial.number is None else trial.number: trial for trial in trials}
        for turn in past.turns:
            self._next = max(self._next, turn.skipped_to) + len(turn.strangers)
            told = self._retold(turn, known)
            if self._is_absorbing:
                await self._absorb(turn.asked, told, known)
                continue
            goes_on_at = self._next + turn.asked
            for proposal in (await self._ask(turn.asked, told))[0]:
                self._compare(proposal, known.get(proposal.number))
            self._next = goes_on_at  # Should it wait now for an outcome that is gone.

    def _compare(self, proposal: Proposal, trial: KnownTrial | None) -> None:
        """Make sure that the tuner repeats itself; where it cannot, what was tried counts."""
        if trial is None or trial.architecture is None or trial.architecture == proposal.architecture:
            return
        if not self._is_missing_some:
            raise StateError(
                f"The tuner proposes otherwise than before now that it was started again, trial {trial.key} for one.",
                hint="Was it upgraded, or the space or a setting changed? Put back what the experiment began with.",
            )
        self._proposals[proposal.number] = Proposal(proposal.number, trial.architecture)

    def _retold(self, turn: Turn, known: Mapping[int | str, KnownTrial]) -> list[Told]:
        told = []
        for number in turn.told:
            trial = known.get(turn.strangers.get(number, number))
            self._told.add(number)
            if trial is None or trial.outcome is None or trial.architecture is None:
                _LOG.warning("Trial %d was told to the tuner, and is gone now; the tuner goes on without it.", number)
                self._is_missing_some = True
                continue
            told.append(self._event(number, trial))
        self._strangers.update(turn.strangers.values())
        return told

    async def _absorb(self, count: int, told: Sequence[Told], known: Mapping[int | str, KnownTrial]) -> None:
        """Give a tuner that does not repeat itself what it proposed, as far as it is known."""
        assert self._session is not None
        events: list[Asked | Told] = list(told)
        for number in range(self._next, self._next + count):
            trial = known.get(number)
            if trial is not None and trial.architecture is not None:
                proposal = self._proposals[number] = Proposal(number, trial.architecture)
                events.append(Asked(proposal, proposal_seed(self.setup.seed, number)))
        self._next += count
        await self._session.replay(events)
        self._events.extend(events)

    async def _ask(self, count: int, told: Sequence[Told]) -> tuple[tuple[Proposal, ...], AskStatus]:
        """Tell outcomes, then ask for proposals."""
        assert self._session is not None
        proposals: list[Proposal] = []
        status = AskStatus.OK
        if not count and told:
            await self._session.tell(told, after_seq=told[0].seq - 1)
            self._events.extend(told)
        while len(proposals) < count and status is AskStatus.OK:
            numbers = range(self._next, self._next + min(count - len(proposals), MAX_ASKED))
            seeds = [proposal_seed(self.setup.seed, number) for number in numbers]
            answer = await self._session.ask(self._next, seeds, outcomes=told, told_through=self._seq)
            self._events.extend(told)
            self._events.extend(map(Asked, answer.proposals, seeds))
            self._proposals.update((proposal.number, proposal) for proposal in answer.proposals)
            self._next += len(answer.proposals)
            proposals, status, told = [*proposals, *answer.proposals], answer.status, ()
        return tuple(proposals), status

    def _news(self, trials: Sequence[KnownTrial]) -> tuple[list[Told], dict[int, str]]:
        """Return what the tuner has not been told, in order, and the trials among it that it did not propose."""
        told: list[Told] = []
        strangers: dict[int, str] = {}
        for trial in sorted(filter(self._is_news, trials), key=_in_order):
            number = trial.number
            if number in self._told or trial.key in strangers.values():
                continue  # Somebody has two trials of one proposal.
            if number is None:
                number, self._next = self._next, self._next + 1
                strangers[number] = trial.key
                self._strangers.add(trial.key)
            self._told.add(number)
            told.append(self._event(number, trial))
        return told, strangers

    def _is_news(self, trial: KnownTrial) -> bool:
        is_told = trial.key in self._strangers if trial.number is None else trial.number in self._told
        return not is_told and trial.outcome is not None and trial.architecture is not None

    def _event(self, number: int, trial: KnownTrial) -> Told:
        """Return what the tuner is told of a trial that has ended, with its proposal as the tuner made it."""
        assert trial.architecture is not None
        assert trial.outcome is not None
        self._seq += 1
        proposal = self._proposals.setdefault(number, Proposal(number, trial.architecture))
        return Told(self._seq, proposal, trial.outcome)

    def _forget(self) -> None:
        self._events = []
        self._proposals = {}
        self._told, self._strangers = set(), set()
        self._seq = self._next = 0
        self._is_missing_some = False


def _in_order(trial: KnownTrial) -> tuple[float, float, str]:
    return trial.ended_at, float("inf") if trial.number is None else trial.number, trial.key
