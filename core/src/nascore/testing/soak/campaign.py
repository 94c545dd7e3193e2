"""One soak from its beginning to its figures: serve, work, watch, let some go and others come, and note what grows.

Not here: what the parts do (``nascore.testing.torture``, ``watchers``), and what the figures mean (``trend``).
"""

from __future__ import annotations

import os
import random
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

from nascore.errors import DeadlineError, InvalidInputError
from nascore.record import TrialState
from nascore.testing.soak.gauge import Gauge, Sample
from nascore.testing.soak.trend import Trend, trend
from nascore.testing.soak.watchers import Watchers
from nascore.testing.torture.crew import Crew
from nascore.testing.torture.plan import Habits, Plant
from nascore.testing.torture.plan import Plan as Search
from nascore.testing.torture.served import ServedSearch

SERVER, HOST, WORKER = "server", "tuner host", "worker"
ROLES = (SERVER, HOST, WORKER)
MOST_MIB = 1.0
"""MiB that a process may grow in an hour's worth of trials."""
MOST_DESCRIPTORS = 2.0
"""Descriptors that it may have more in the end: those of a caller who has just come."""
_LOOK_S = 0.1
_PATIENCE_S = 60.0
_LOOKS = 300
_HABITS = Habits(work_s=0.002, naps=0.0, gives_back=0.01, retries=0.01, reports=0.2, repeats=0.02)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do.

    Attributes:
        trials: Trials that must end.
        workers: Workers at a time; the first stays, the others are replaced in turn.
        watchers: Watchers at a time.
        leaves: How often a worker goes and another comes, over the whole soak.
        restarts: How often the tuner's process is killed, over the whole soak.
        seed: Of everything random.
        tuner: Name of an installed tuner.
        plant: A defect to put in.

    Raises:
        InvalidInputError: If a number is out of range.
    """

    trials: int
    workers: int = 4
    watchers: int = 3
    leaves: int = 20
    restarts: int = 3
    seed: int = 1
    tuner: str = "regularized-evolution"
    plant: Plant = Plant.NONE

    def __post_init__(self) -> None:
        for name, value, least in (("trials", self.trials, 100), ("workers", self.workers, 2)):
            if value < least:
                raise InvalidInputError(f"{name}: {value} is below {least}.")


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a soak.

    Attributes:
        plan: What was asked for.
        ended: Trials that have ended.
        visits: How often a watcher came.
        seconds: How long it took.
        samples: What was noted.
        troubles: What went wrong beside growth: a process that ended by itself.
    """

    plan: Plan
    ended: int
    visits: int
    seconds: float
    samples: tuple[Sample, ...] = field(repr=False)
    troubles: tuple[str, ...] = ()

    @property
    def trends(self) -> tuple[Trend, ...]:
        """The trend of each role that was looked at long enough."""
        return tuple(found for role in ROLES if (found := trend(self.samples, role)) is not None)

    @property
    def findings(self) -> tuple[str, ...]:
        """What broke a promise, as sentences; empty if none is broken."""
        found = list(self.troubles)
        for each in self.trends:
            if each.memory_mib > MOST_MIB:
                found.append(
                    f"The {each.role} grows by {each.memory_mib:.2f} MiB in an hour's worth of trials; "
                    f"{MOST_MIB:g} is the most."
                )
            if each.descriptors > MOST_DESCRIPTORS:
                found.append(f"The {each.role} has {each.descriptors:.1f} descriptors more in the end.")
        if missing := set(ROLES) - {each.role for each in self.trends}:
            found.append(
                f"Not looked at long enough to say anything: {', '.join(sorted(missing))}; let it go on longer."
            )
        return tuple(found)


def soaked(plan: Plan, folder: Path) -> Result:
    """Let a search go on for very long, and return how its processes stood.

    Raises:
        NascoreError: It did not begin, or stopped getting on.
    """
    begun = time.monotonic()
    rng = random.Random(plan.seed)
    asked = Search(
        kills=0,
        trials=plan.trials,
        workers=plan.workers,
        seed=plan.seed,
        tuner=plan.tuner,
        plant=plan.plant,
        lease_s=10.0,
        habits=_HABITS,
    )
    with ServedSearch(folder, asked) as search, Crew(asked, folder, search.variables) as crew:
        with Watchers(search, plan.watchers, rng=rng) as watchers:
            soak = _Soak(plan, search, crew, rng=rng)
            soak.run()
        troubles = [*crew.troubles]
        if (code := search.stop()) != 0:
            troubles.append(f"The server ended with exit code {code}: {search.output()}")
        return Result(
            plan, soak.ended, watchers.visits, time.monotonic() - begun, tuple(soak.gauge.samples), tuple(troubles)
        )


class _Soak:
    """The loop of a soak: look, let go, go on."""

    def __init__(self, plan: Plan, search: ServedSearch, crew: Crew, *, rng: random.Random) -> None:
        self.gauge = Gauge()
        self.ended = 0
        self._plan, self._search, self._crew, self._rng = plan, search, crew, rng
        self._client = search.admin()
        self._looks = self._left = self._restarted = 0

    def run(self) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        with self._client:
            while self.ended < self._plan.trials:
                time.sleep(_LOOK_S)
                before, self.ended = self.ended, self._count()
                if self.ended > before:
                    deadline = time.monotonic() + _PATIENCE_S
                elif time.monotonic() > deadline:
                    raise DeadlineError(f"No trial has ended for {_PATIENCE_S:g} s; {self.ended} had before.")
                self._crew.mend()
                self._look()
                self._let_go()

    def _count(self) -> int:
        counts = self._client.get(self._search.experiment).counts
        return sum(count for state, count in counts.items() if TrialState(state).is_final)

    def _is_due(self, done: int, of: int) -> bool:
        """Whether the next of so many events, spread over the soak, is due."""
        return self.ended * (of + 1) >= self._plan.trials * (done + 1) and done < of

    def _look(self) -> None:
        if not self._is_due(self._looks, _LOOKS):
            return
        self._looks = self.ended * (_LOOKS + 1) // self._plan.trials
        pids = {SERVER: self._search.pids(), HOST: self._search.host_pids(), WORKER: self._crew.pids()}
        self.gauge.look(self.ended, pids)

    def _let_go(self) -> None:
        if self._is_due(self._left, self._plan.leaves):
            self._left += 1
            _, *others = self._crew.pids()
            pid = self._rng.choice(others)
            os.kill(pid, signal.SIGKILL)
            self._crew.replace(pid)
        if self._is_due(self._restarted, self._plan.restarts) and (hosts := self._search.host_pids()):
            self._restarted += 1
            os.kill(hosts[0], signal.SIGKILL)
