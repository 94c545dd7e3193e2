"""One torture from its beginning to its judgement: serve, work, kill, let it end, and look at what is there.

Not here: what the parts do (``served``, ``crew``, ``worker``), and how the result is shown (``table``).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from nascore.errors import DeadlineError, NascoreError
from nascore.testing.checker import (
    Judgement,
    Rule,
    Violation,
    entries_of_database,
    judged_folder,
    keep_judgement,
    keep_log,
    log_of,
)
from nascore.testing.checker.evidence import HISTORY, LOG
from nascore.testing.checker.logbook import read_entries
from nascore.testing.history import Recorder
from nascore.testing.killing import KillLoop, Role, Tally
from nascore.testing.torture.crew import Crew
from nascore.testing.torture.observer import Observer
from nascore.testing.torture.plan import Plan
from nascore.testing.torture.proposals import replay_differences, uninterrupted_differences
from nascore.testing.torture.served import ServedSearch
from nascore.tuner.plugins import load_tuner

_POLL_S = 0.05
_SHARE_OF_PROGRESS = 0.8
_HOSTS_GONE_S = 10.0
SERVER, HOST, WORKER = "server", "tuner host", "worker"


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a torture.

    Attributes:
        plan: What was asked for.
        tally: Kills and recoveries.
        judgement: What was found.
        seconds: How long it took.
        folder: Where the evidence is.
    """

    plan: Plan
    tally: Tally
    judgement: Judgement
    seconds: float
    folder: Path


def tortured(plan: Plan, folder: Path) -> Result:
    """Torture a search in a folder, and return what came of it; the evidence stays there.

    Raises:
        NascoreError: The search did not even begin.
    """
    begun = time.monotonic()
    troubles: list[Violation] = []
    tally = _run(plan, folder, troubles)
    judgement = _judged(plan, folder, troubles)
    keep_judgement(folder, judgement.violations)
    return Result(plan, tally, judgement, time.monotonic() - begun, folder)


def _run(plan: Plan, folder: Path, troubles: list[Violation]) -> Tally:
    rng = random.Random(plan.seed)
    with (
        ServedSearch(folder, plan) as search,
        Recorder(folder / HISTORY, "observer") as recorder,
        Crew(plan, folder, search.variables) as crew,
    ):
        observer = Observer(search, recorder, rng)
        loop = KillLoop(_roles(plan, search, crew, observer), rng=rng, pause_s=plan.pause_s, patience_s=plan.patience_s)
        try:
            _torment(plan, search, crew, observer, loop, rng=rng)
        except NascoreError as error:
            troubles.append(Violation(Rule.PROCESS, f"{error} The server said: {search.output()}"))
        troubles.extend(Violation(Rule.PROCESS, trouble) for trouble in crew.troubles)
        troubles.extend(_stopped(search))
        keep_log(folder, entries_of_database(search.database, search.experiment))
    return loop.tally


def _roles(plan: Plan, search: ServedSearch, crew: Crew, observer: Observer) -> list[Role]:
    before: list[int] = []

    def note(pid: int) -> None:
        before.append(observer.proposed())

    # A tuner that is killed again before it has answered would be quarantined in the end, as it should.
    return [
        Role(SERVER, search.pids, revive=search.revive, is_back=search.is_serving, weight=2, stops=0.1),
        Role(HOST, search.host_pids, revive=note, is_back=lambda pid: observer.proposed() > before[-1], stops=0.1),
        Role(WORKER, crew.pids, revive=crew.replace, stops=0.3, stop_s=(0.1, 2 * plan.lease_s)),
    ]


def _torment(
    plan: Plan, search: ServedSearch, crew: Crew, observer: Observer, loop: KillLoop, *, rng: random.Random
) -> None:
    def look(done: int) -> None:
        before = observer.position()
        observer.look()
        # Else a busy machine might kill each server before a worker has found it, and nothing would come of it at all.
        if rng.random() < _SHARE_OF_PROGRESS:
            await_more(observer.position, before + 1, plan.patience_s)

    def await_more(measure: Callable[[], int], wanted: int, patience_s: float) -> None:
        deadline = time.monotonic() + patience_s
        while (found := measure()) < wanted:
            if time.monotonic() > deadline:
                raise DeadlineError(f"After {patience_s:g} s there are {found} {measure.__name__} instead of {wanted}.")
            crew.mend()
            time.sleep(_POLL_S)

    await_more(observer.ended, min(plan.trials, plan.workers), plan.patience_s)
    loop.run(plan.kills, on_kill=look)
    await_more(observer.ended, plan.trials, plan.patience_s + plan.trials * plan.habits.work_s)
    search.let_end(observer.ended() + 2 * plan.workers)
    crew.wait(plan.patience_s)
    observer.look_at_all()


def _stopped(search: ServedSearch) -> Iterator[Violation]:
    """End the server, and yield what of it does not end as it should."""
    search.host_pids()
    code = search.stop() if search.pids() else "none, for it was dead"
    if code != 0:
        yield Violation(Rule.PROCESS, f"The server ended with exit code {code}: {search.output()}")
    _, alive = psutil.wait_procs(_living(search.hosts), timeout=_HOSTS_GONE_S)
    for process in alive:
        yield Violation(Rule.PROCESS, f"Tuner host {process.pid} lives on without its server.")


def _living(pids: set[int]) -> list[psutil.Process]:
    living = []
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            living.append(psutil.Process(pid))
    return living


def _judged(plan: Plan, folder: Path, troubles: list[Violation]) -> Judgement:
    judgement = judged_folder(folder)
    log = log_of(read_entries(folder / LOG))
    tuner_type, _ = load_tuner(plan.tuner)
    found = list(replay_differences(log, tuner_type))
    if plan.workers == 1:
        found.extend(uninterrupted_differences(log, folder, tuner_type=tuner_type))
    return replace(judgement, violations=(*judgement.violations, *found, *troubles))
