"""The kit catches every tuner that forgets, counts twice or begins anew; and lets pass the ones that do not."""

from __future__ import annotations

import json
from itertools import count
from random import Random

import pytest
from nascore.record import Asked, Objective, Outcome, Proposal, proposal_seed
from nascore.testing.spaces import KNOWN_SPACES
from nascore.testing.survival import check_survival
from nascore.testing.survival.rehearsal import check_script
from nascore.testing.survival.script import Act, Step
from nascore.tuner import Determinism, NoProposal, Settings, Setup, Tuner

SETUP = Setup(KNOWN_SPACES["nested"], (Objective("accuracy"),), 7)


class Counting(Tuner[Settings]):
    """Proposals depend on every ask and every tell before them."""

    name = "counting"
    determinism = Determinism.REPLAY

    def __init__(self, setup: Setup, settings: Settings) -> None:
        super().__init__(setup, settings)
        self.asked = self.told = 0

    def ask(self, number: int, seed: int) -> Proposal | NoProposal:
        self.asked += 1
        return Proposal(number, self.space.sample(Random(seed + self.told)), notes={"asked": self.asked})

    def tell(self, proposal: Proposal, outcome: Outcome) -> None:
        self.told += 1

    def snapshot(self) -> bytes:
        return json.dumps([self.asked, self.told]).encode()

    def restore(self, state: bytes) -> None:
        self.asked, self.told = json.loads(state)


class Pure(Counting):
    determinism = Determinism.HISTORY

    def ask(self, number: int, seed: int) -> Proposal:
        return Proposal(number, self.space.sample(Random(seed + self.told)))


class Irreplaceable(Counting):
    """Every instance is another one, so that only its saved state brings it back."""

    determinism = Determinism.SNAPSHOT
    born = count()

    def __init__(self, setup: Setup, settings: Settings) -> None:
        super().__init__(setup, settings)
        self.asked = 1000 * next(self.born)


class Moody(Counting):
    determinism = Determinism.NONE

    def ask(self, number: int, seed: int) -> Proposal:
        return Proposal(number, self.space.sample(Random()))


class Ending(Counting):
    """Waits while trials run, and ends after eight."""

    def ask(self, number: int, seed: int) -> Proposal | NoProposal:
        if self.asked >= 8:
            return NoProposal.EXHAUSTED
        if self.asked > self.told + 2:
            return NoProposal.WAIT
        return super().ask(number, seed)


@pytest.mark.parametrize("sound", [Counting, Pure, Moody, Ending])
def test_sound_tuners_pass(sound: type[Tuner[Settings]]) -> None:
    check_survival(sound, SETUP, examples=25)


def test_tuner_that_needs_its_state_is_brought_back_by_it() -> None:
    Irreplaceable.born = iter([0] * 10**6)  # type: ignore[assignment]  # the reference begins like the one that is killed
    check_survival(Irreplaceable, SETUP, examples=20)


class OwnGenerator(Counting):
    """Draws from a generator of its own, which nobody saves."""

    def __init__(self, setup: Setup, settings: Settings) -> None:
        super().__init__(setup, settings)
        self.generator = Random()

    def ask(self, number: int, seed: int) -> Proposal:
        return Proposal(number, self.space.sample(self.generator))


class Forgetful(Counting):
    """Its saved state lacks what it was told."""

    def snapshot(self) -> bytes:
        return json.dumps([self.asked, 0]).encode()


class Resetting(Counting):
    """Begins anew in silence."""

    def restore(self, state: bytes) -> None:
        pass


class CountingTwice(Counting):
    """Takes back more than it gave."""

    def restore(self, state: bytes) -> None:
        super().restore(state)
        self.asked += 1


class Tracing(Counting):
    """Says that asks leave no trace, and counts them."""

    determinism = Determinism.HISTORY


class TracingWait(Counting):
    """A question without a proposal changes it, though nobody writes that down."""

    def ask(self, number: int, seed: int) -> Proposal | NoProposal:
        if self.asked > self.told + 2:
            self.asked += 1
            return NoProposal.WAIT
        return super().ask(number, seed)


class Impure(Counting):
    """Shares state between sessions."""

    tells = count()

    def tell(self, proposal: Proposal, outcome: Outcome) -> None:
        self.told = next(self.tells)


@pytest.mark.parametrize(
    "mutant",
    [OwnGenerator, Forgetful, Resetting, CountingTwice, Tracing, TracingWait, Impure],
    ids=lambda m: m.__name__,
)
def test_every_mutant_is_caught(mutant: type[Tuner[Settings]]) -> None:
    with pytest.raises(AssertionError):
        check_survival(mutant, SETUP)


def test_failure_names_the_shortest_script() -> None:
    with pytest.raises(AssertionError, match=r"after step 1 \(save\) of ask\d+ save\d+ kill0 .*by replay and by saved"):
        check_survival(Resetting, SETUP)


def test_kill_at_every_place_of_a_long_script_changes_nothing() -> None:
    script = [Step(act, place * 37) for place in range(6) for act in (Act.ASK, Act.FINISH, Act.FOREIGN, Act.SAVE)]
    for place in range(len(script) + 1):
        for how in (0, 1):
            check_script(Counting, SETUP, settings={}, script=[*script[:place], Step(Act.KILL, how), *script[place:]])


def test_seeds_of_the_rehearsal_are_those_of_the_engine() -> None:
    seen = []

    class Noting(Counting):
        def ask(self, number: int, seed: int) -> Proposal | NoProposal:
            seen.append(Asked(proposal := Proposal(number, self.space.default()), seed))
            return proposal

    check_script(Noting, SETUP, settings={}, script=[Step(Act.ASK, 2)])
    assert {event.seed for event in seen} == {proposal_seed(7, number) for number in range(3)}
