"""Evolution behind the host, killed at random moments, continues bit for bit."""

from __future__ import annotations

import asyncio
from random import Random

from nascore.record import Asked, JsonValue, Objective, Outcome, OutcomeStatus, Proposal, Told, proposal_seed
from nascore.testing.spaces import KNOWN_SPACES
from nascore.tuner import HostLimits, LocalSession, Setup, TunerSession, connect, load_tuner

SETUP = Setup(KNOWN_SPACES["nested"], (Objective("accuracy"),), 7)
TRIALS = 40


def outcome(proposal: Proposal) -> Outcome:
    if proposal.number % 5 == 4:
        return Outcome(OutcomeStatus.FAILED)
    return Outcome(OutcomeStatus.COMPLETED, {"accuracy": len(proposal.architecture or ()) / 10})


async def search(session: TunerSession, log: list[Asked | Told], kills: set[int]) -> list[Proposal]:
    untold: list[Told] = []
    for number in range(TRIALS):
        if number in kills:
            session._connection.process.kill()  # type: ignore[attr-defined]  # a supervised session
        seed = proposal_seed(7, number)
        answer = await session.ask(number, [seed], outcomes=untold, told_through=number)
        log += [*untold, Asked(answer.proposals[0], seed)]
        untold = [Told(number + 1, answer.proposals[0], outcome(answer.proposals[0]))]
    return [event.proposal for event in log if isinstance(event, Asked)]


SETTINGS: dict[str, JsonValue] = {"population_size": 6, "sample_size": 3}


async def test_killed_search_equals_an_uninterrupted_one() -> None:
    tuner, _ = load_tuner("evolution")
    whole = LocalSession(tuner)
    await whole.open(SETUP, SETTINGS)
    log: list[Asked | Told] = []
    troubles: list[str] = []
    kills = set(Random(1).sample(range(1, TRIALS), 2))
    limits = HostLimits(backoff_s=0.01)
    session = await connect("evolution", history=lambda: list(log), limits=limits, on_trouble=troubles.append)
    try:
        await session.open(SETUP, SETTINGS)
        found = await asyncio.wait_for(search(session, log, kills), 60)
    finally:
        await session.close()
    assert found == await search(whole, [], set())
    assert len(troubles) == len(kills)
