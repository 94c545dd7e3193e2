"""A tuner in process keeps the promises of every session."""

from __future__ import annotations

from random import Random

import pytest
from nascore.errors import StateError, TunerCrashedError
from nascore.record import Objective, Outcome, OutcomeStatus, Proposal, Told, proposal_seed
from nascore.testing.spaces import KNOWN_SPACES
from nascore.tuner.contract import Determinism, Settings, Setup, Tuner
from nascore.tuner.local import LocalSession
from nascore.tuner.session import Description

SETUP = Setup(KNOWN_SPACES["nested"], (Objective("accuracy"),), 7)


class Moody(Tuner[Settings]):
    """Raises at its third ask, half way through a change of state; once only."""

    name = "moody"
    determinism = Determinism.REPLAY
    has_raised = False

    def __init__(self, setup: Setup, settings: Settings) -> None:
        super().__init__(setup, settings)
        self.steps = 0

    def ask(self, number: int, seed: int) -> Proposal:
        self.steps += 1
        if number == 3 and not Moody.has_raised:
            Moody.has_raised = True
            raise ValueError("not today")
        return Proposal(number, self.space.sample(Random(seed + self.steps)), notes={"steps": self.steps})

    def tell(self, proposal: Proposal, outcome: Outcome) -> None:
        self.steps += 100


async def search(session: LocalSession, count: int = 8) -> list[Proposal]:
    found: list[Proposal] = []
    waiting: list[Told] = []
    while len(found) < count:
        number = len(found)
        through = waiting[-1].seq if waiting else max(number - 1, 0)
        try:
            answer = await session.ask(number, [proposal_seed(7, number)], outcomes=waiting, told_through=through)
        except TunerCrashedError:
            continue
        found.extend(answer.proposals)
        waiting = [Told(number + 1, found[-1], Outcome(OutcomeStatus.COMPLETED, {"accuracy": 0.5}))]
    return found


async def test_one_exception_fails_one_ask_and_changes_nothing() -> None:
    Moody.has_raised = True
    calm = LocalSession(Moody)
    await calm.open(SETUP, {})
    expected = await search(calm)
    Moody.has_raised = False
    moody = LocalSession(Moody)
    await moody.open(SETUP, {})
    assert await search(moody) == expected
    assert Moody.has_raised


async def test_session_must_be_open() -> None:
    session = LocalSession(Moody)
    with pytest.raises(StateError, match="not open"):
        await session.ask(0, [1])
    await session.open(SETUP, {})
    await session.close()
    await session.close()
    with pytest.raises(StateError, match="not open"):
        await session.tell([], after_seq=0)


async def test_description_is_that_of_the_class() -> None:
    description = await LocalSession(Moody, version="2.0").describe()
    assert description == Description("moody", "2.0", node_kinds=Moody.node_kinds, determinism=Determinism.REPLAY)
