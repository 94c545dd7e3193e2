"""A search of the kit: questions and outcomes in an order that is always the same, noted so that it can be repeated."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nascore.record import Asked, Proposal, Told
from nascore.testing.conformance.breach import BreachError, assert_same_answer
from nascore.testing.conformance.stage import Stage
from nascore.testing.conformance.talk import Talk
from nascore.tuner.session import Answer, AskStatus

_SAMPLES_A_TURN = 4
_SEQ_STEP = 3


@dataclass(frozen=True, slots=True)
class Turn:
    """One question with the outcomes that went before it, and its answer."""

    first_number: int
    seeds: tuple[int, ...]
    outcomes: tuple[Told, ...]
    after_seq: int
    answer: Answer

    @property
    def told_through(self) -> int:
        """Seq of the last outcome told with it or before it."""
        return self.outcomes[-1].seq if self.outcomes else self.after_seq

    @property
    def events(self) -> list[Asked | Told]:
        """The log of this turn."""
        asked = (Asked(proposal, seed) for proposal, seed in zip(self.answer.proposals, self.seeds, strict=False))
        return [*self.outcomes, *asked]

    def again(self, talk: Talk) -> Answer:
        """Put the same question."""
        return talk.ask(self.first_number, self.seeds, outcomes=self.outcomes, told_through=self.told_through)


class Search:
    """A search by workers whose trials end out of order.

    Args:
        talk: An open session.
        stage: What the proposals come to.
    """

    def __init__(self, talk: Talk, stage: Stage) -> None:
        self.turns: list[Turn] = []
        self.is_over = False
        self._talk = talk
        self._stage = stage
        self._running: list[Proposal] = []
        self._waiting: list[Told] = []
        self._seq = 0
        self._told_through = 0
        self._number = 0

    @property
    def proposals(self) -> list[Proposal]:
        """All proposals, in order."""
        return [proposal for turn in self.turns for proposal in turn.answer.proposals]

    def run(self, turns: int) -> list[Turn]:
        """Take so many turns more, fewer if the tuner is exhausted; returns all turns."""
        for _ in range(turns):
            if self.is_over:
                break
            self.turn()
        return self.turns

    def turn(self, want: int | None = None) -> Turn:
        """Ask once, then let some trials end.

        Raises:
            BreachError: It waits although nothing is under way.
        """
        count = want or (_SAMPLES_A_TURN if self._stage.is_one_shot else 1 + len(self.turns) % 3)
        seeds = tuple(self._stage.seed_of(self._number + place) for place in range(count))
        outcomes, after_seq = tuple(self._waiting), self._told_through
        through = outcomes[-1].seq if outcomes else after_seq
        answer = self._talk.ask(self._number, seeds, outcomes=outcomes, told_through=through)
        turn = Turn(self._number, seeds, outcomes, after_seq, answer)
        self.turns.append(turn)
        self._told_through, self._waiting = through, []
        self._number += len(answer.proposals)
        self._running.extend(answer.proposals)
        self._end_of_turn(answer)
        return turn

    def put_in(self, proposal: Proposal) -> None:
        """Let a trial end that the tuner never proposed; it takes the next number."""
        self._number = max(self._number, proposal.number + 1)
        self._finish(proposal)

    @property
    def next_number(self) -> int:
        """Number of the next proposal."""
        return self._number

    def _end_of_turn(self, answer: Answer) -> None:
        if answer.status is AskStatus.EXHAUSTED:
            self.is_over = True
        elif answer.status is AskStatus.WAIT and not self._running:
            raise BreachError(f"It waits before proposal {self._number} although every outcome is told.")
        # One trial is always left behind, so that outcomes come late and out of order.
        is_held = not self._stage.is_one_shot and answer.status is AskStatus.OK
        while len(self._running) > is_held:
            place = 0 if self._stage.is_one_shot else (len(self.turns) + len(self._running)) % len(self._running)
            self._finish(self._running.pop(place))

    def _finish(self, proposal: Proposal) -> None:
        self._seq += _SEQ_STEP
        self._waiting.append(Told(self._seq, proposal, self._stage.outcome_of(proposal)))


def assert_repeats(talk: Talk, turns: Iterable[Turn], *, when: str) -> None:
    """Put questions again to another session; raises `BreachError` at the first answer that differs."""
    for turn in turns:
        assert_same_answer(turn.answer, turn.again(talk), when=when)


def events_of(turns: Sequence[Turn]) -> list[Asked | Told]:
    """Return the log of some turns."""
    return [event for turn in turns for event in turn.events]
