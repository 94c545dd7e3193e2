"""Killing a tuner's real process with SIGKILL, between calls and in the middle of one: the search must not notice.

Each process has its own hash seed, so a tuner that depends on the order of a set is found out here. Not here: the many
orders of events (``rehearsal``).
"""

from __future__ import annotations

import os
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager, suppress

import psutil

from nascore import failpoints
from nascore.record import Asked, JsonValue, Proposal, Told, proposal_seed
from nascore.testing.survival.rehearsal import assert_same
from nascore.testing.survival.script import outcome_of
from nascore.tuner import HostLimits, LocalSession, Setup, TunerSession, connect, load_tuner

_LIMITS = HostLimits(backoff_s=0.01, max_backoff_s=0.1)
_ASKS_A_LIFE = 5
_SAVE_EVERY = 4


async def check_host_survival(
    name: str, setup: Setup, *, settings: Mapping[str, JsonValue] | None = None, proposals: int = 12
) -> None:
    """Make sure that an installed tuner's process can be killed at any moment of a search by two workers.

    Args:
        name: The name under which it is installed.
        setup: What it is opened with.
        settings: Its settings.
        proposals: How many to compare.

    Raises:
        AssertionError: Proposals differ from those of a search in this process, where nothing is killed.
    """
    chosen = dict(settings or {})
    tuner_type, _ = load_tuner(name)
    calm = LocalSession(tuner_type)
    await calm.open(setup, chosen)
    expected = await _Search(setup).run(calm, proposals)
    moments = {proposals // 3, 2 * proposals // 3}
    between, troubles = await _killed(name, setup, chosen, proposals=proposals, kill_before=moments)
    assert_same(expected, between, when="killed between calls")
    assert len(troubles) == len(moments & set(range(len(expected)))), troubles
    # It dies when the proposal is computed and nobody knows it yet: no third case is left between this and the above.
    with _armed(f"tuner.after_ask=kill@{_ASKS_A_LIFE}"):
        within, troubles = await _killed(name, setup, chosen, proposals=proposals)
    assert_same(expected, within, when="killed within a call")
    assert len(troubles) >= len(expected) // _ASKS_A_LIFE, troubles


async def _killed(
    name: str,
    setup: Setup,
    settings: dict[str, JsonValue],
    *,
    proposals: int,
    kill_before: Container[int] = (),
) -> tuple[list[Proposal], list[str]]:
    search, troubles = _Search(setup), list[str]()
    session = await connect(name, history=search.history, limits=_LIMITS, on_trouble=troubles.append)
    try:
        await session.open(setup, settings)
        found = await search.run(session, proposals, kill_before=kill_before)
    finally:
        await session.close()
    return found, troubles


class _Search:
    """A search by two workers whose trials end out of order, in an order that is always the same."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._tail: list[Asked | Told] = []
        self._found: list[Proposal] = []
        self._waiting: list[Told] = []
        self._told_through = 0
        self._seq = 0

    def history(self) -> list[Asked | Told]:
        """What the tuner has taken since its state was saved."""
        return list(self._tail)

    async def run(self, session: TunerSession, proposals: int, *, kill_before: Container[int] = ()) -> list[Proposal]:
        running: list[Proposal] = []
        for number in range(proposals):
            if number in kill_before:
                _kill_hosts()
            if not await self._ask(session, number):
                break
            running.append(self._found[-1])
            if len(running) > 1:
                self._finish(running.pop(number % 3 % 2))
            if number % _SAVE_EVERY == 2 and await session.snapshot() is not None:
                self._tail.clear()
        return self._found

    async def _ask(self, session: TunerSession, number: int) -> bool:
        through = self._waiting[-1].seq if self._waiting else self._told_through
        seed = proposal_seed(self._setup.seed, number)
        answer = await session.ask(number, [seed], outcomes=self._waiting, told_through=through)
        self._tail += [*self._waiting, *(Asked(proposal, seed) for proposal in answer.proposals)]
        self._found += answer.proposals
        self._told_through, self._waiting = through, []
        return bool(answer.proposals)

    def _finish(self, proposal: Proposal) -> None:
        self._seq += 2
        metrics = [objective.metric for objective in self._setup.objectives]
        self._waiting.append(Told(self._seq, proposal, outcome_of(proposal.number * 5, metrics=metrics)))


def _kill_hosts() -> None:
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if "nascore.tuner.host" in child.cmdline():
                child.kill()


@contextmanager
def _armed(rules: str) -> Iterator[None]:
    """Arm failpoints in the processes that are started meanwhile."""
    before = os.environ.get(failpoints.VARIABLE)
    os.environ[failpoints.VARIABLE] = rules
    try:
        yield
    finally:
        if before is None:
            del os.environ[failpoints.VARIABLE]
        else:
            os.environ[failpoints.VARIABLE] = before
