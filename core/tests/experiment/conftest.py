"""Real parts for the engine's tests: SQLite files, a small tuner in process, and a clock that is turned by hand."""

from __future__ import annotations

import asyncio
import os
import random
import resource
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from nascore.experiment import Engine, Experiments
from nascore.journal import Holder
from nascore.record import (
    Direction,
    ExperimentSpec,
    Lease,
    LeaseStatus,
    Limits,
    Objective,
    Outcome,
    OutcomeStatus,
    Proposal,
)
from nascore.space import Architecture, Candidate, OneOf, SearchSpace
from nascore.tuner.contract import Determinism, NoProposal, Setup, Tuner
from nascore.tuner.contract import Settings as TunerSettings
from nascore.tuner.local import LocalSession
from nascore.tuner.session import TunerSession

SPACE = SearchSpace(tuple(OneOf(label, tuple(Candidate(key) for key in "abcdefgh")) for label in ("x", "y", "z")))


class ClimberSettings(TunerSettings):
    """How the climber behaves."""

    most: int = 10**9
    waits: bool = False


class Climber(Tuner[ClimberSettings]):
    """Mutates the best so far: what it proposes depends on the order of outcomes and questions."""

    name = "climber"
    settings_type = ClimberSettings
    determinism = Determinism.REPLAY
    max_objectives = 0

    def __init__(self, setup: Setup, settings: ClimberSettings) -> None:
        super().__init__(setup, settings)
        self.best: tuple[float, Architecture] | None = None
        self.asked = 0
        self.open = 0

    def ask(self, number: int, seed: int) -> Proposal | NoProposal:
        if self.asked >= self.settings.most:
            return NoProposal.EXHAUSTED
        if self.settings.waits and self.open:
            return NoProposal.WAIT
        rng = random.Random(seed)
        self.asked += 1
        self.open += 1
        chosen = self.space.sample(rng) if self.best is None else self.space.mutate(self.best[1], rng)
        return Proposal(number, chosen, notes={"asked": self.asked})

    def tell(self, proposal: Proposal, outcome: Outcome) -> None:
        self.open -= 1
        if outcome.status is OutcomeStatus.COMPLETED and proposal.architecture is not None:
            score = self.objectives[0].score(outcome.metrics)
            if self.best is None or score > self.best[0]:
                self.best = (score, proposal.architecture)


class FakeClock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.calls: list[tuple[float, int, Callable[[], None]]] = []
        self.count = 0

    def time(self) -> float:
        return 1.7e9 + self.now

    def monotonic(self) -> float:
        return self.now

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> FakeHandle:
        self.count += 1
        entry = (self.now + delay_s, self.count, callback)
        self.calls.append(entry)
        return FakeHandle(self, entry)

    async def advance(self, seconds: float) -> None:
        end = self.now + seconds
        while due := sorted(call for call in self.calls if call[0] <= end):
            self.now = max(self.now, due[0][0])
            self.calls.remove(due[0])
            due[0][2]()
            await asyncio.sleep(0)
        self.now = end


@dataclass(frozen=True)
class FakeHandle:
    clock: FakeClock
    entry: tuple[float, int, Callable[[], None]]

    def cancel(self) -> None:
        if self.entry in self.clock.calls:
            self.clock.calls.remove(self.entry)


@dataclass
class World:
    """A database and a way to open it again, as after a restart."""

    database: Path
    clock: FakeClock = field(default_factory=FakeClock)
    tuner: type[Tuner[ClimberSettings]] = Climber
    sessions: list[TunerSession] = field(default_factory=list)
    wrap: Callable[[TunerSession], TunerSession] = lambda session: session
    opened: list[Experiments] = field(default_factory=list)
    requests: int = 0

    async def connect(
        self, name: str, history: Callable[[], Iterable[object]], on_trouble: Callable[[str], None]
    ) -> TunerSession:
        session = self.wrap(LocalSession(self.tuner))
        self.sessions.append(session)
        return session

    async def open(self) -> Experiments:
        holder = Holder(os.getpid(), socket.gethostname(), started_at=1.0)
        experiments = await Experiments.open(self.database, holder=holder, connect=self.connect, clock=self.clock)
        self.opened.append(experiments)
        return experiments

    async def begin(self, **changes: object) -> Engine:
        spec = ExperimentSpec(tuner="climber", seed=7, space=SPACE, objectives=(Objective("accuracy"),))
        spec = replace(spec, **changes)  # type: ignore[arg-type]
        return await (await self.open()).create(spec, request_id=self.request("create"))

    async def again(self) -> Engine:
        await self.opened[-1].close()
        return (await self.open()).get("last")

    def request(self, word: str = "request") -> str:
        self.requests += 1
        return f"{word}-{self.requests}"

    async def take(self, engine: Engine, worker: str = "w", *, max_wait_s: float = 0.0) -> Lease:
        answer = await engine.lease(worker, self.request("lease"), max_wait_s=max_wait_s)
        assert answer.status is LeaseStatus.GRANTED, answer
        assert answer.lease is not None
        return answer.lease

    async def done(self, engine: Engine, lease: Lease, accuracy: float = 0.5, worker: str = "w") -> None:
        await engine.finish(
            worker, lease.trial, lease.epoch, self.request("finish"), outcome=completed(accuracy=accuracy)
        )


def completed(**metrics: float) -> Outcome:
    return Outcome(OutcomeStatus.COMPLETED, metrics)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path / "log.db")
    yield made
    for experiments in made.opened:
        await experiments.close()


@contextmanager
def _full_disk() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def full_disk() -> Callable[[], AbstractContextManager[None]]:
    """Lets no file of this process grow: writes fail as on a full disk."""
    return _full_disk


@pytest.fixture
def space() -> SearchSpace:
    return SPACE


@pytest.fixture(scope="session")
def two_objectives() -> tuple[Objective, ...]:
    return (Objective("accuracy"), Objective("latency", Direction.MINIMIZE))


@pytest.fixture
def few() -> Limits:
    return Limits(max_trials=3)


@pytest.fixture(scope="session")
def world_type() -> type[World]:
    return World
