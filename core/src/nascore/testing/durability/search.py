"""The search that dies: one deterministic search in one process, which says what was acknowledged and nothing else.

Run as a program, it works on a database until so many trials have ended; each line on standard output is a promise of
the log, written after the acknowledgement: ``lease REQUEST TRIAL EPOCH ARCHITECTURE``, ``report REQUEST TRIAL STEP``,
``finish REQUEST TRIAL ACCURACY``. Started again on the same database it repeats whatever was not answered, with the
same request ids, and goes on. One worker, counted seeds and counted request ids: two searches of the same length are
equal, whatever happened to them. Not here: what kills it (``sweep``, ``powercut``) and who judges it (``judge``).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import socket
import sqlite3
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from nascore.errors import NascoreError
from nascore.experiment import Engine, Experiments
from nascore.failpoints import VARIABLE, arm
from nascore.journal import Entry, Holder, SqliteJournal
from nascore.record import Asked, ExperimentSpec, LeaseStatus, Limits, Objective, Outcome, OutcomeStatus, Proposal, Told
from nascore.space import Architecture, Candidate, OneOf, SearchSpace
from nascore.tuner import TunerSession
from nascore.tuner.contract import Determinism, Settings, Setup, Tuner
from nascore.tuner.local import LocalSession

GAVE_UP = 3
"""Exit status if the log stayed closed to us: with an error of ours, after several tries."""
SPACE = SearchSpace(tuple(OneOf(label, tuple(Candidate(key) for key in "abcdefgh")) for label in ("x", "y", "z")))
PLANTS = ("normal", "off", "early")
"""Defects that can be planted, so that a test shows that it would find them: SQLite's ``synchronous`` at NORMAL or OFF,
and acknowledging before the log has it."""

_WORKER = "w"
_SLOW_COMMIT = "journal.before_commit=sleep:0.05"

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a refused word is said again.

    Attributes:
        tries: Times in all.
        pause_s: Seconds between them.
    """

    tries: int = 12
    pause_s: float = 0.0


AT_ONCE = Patience()


def specification(*, lease_s: float = 3600.0) -> ExperimentSpec:
    """Return what every search here is asked for."""
    limits = Limits(lease_s=lease_s)
    return ExperimentSpec("climber", seed=11, space=SPACE, objectives=(Objective("accuracy"),), limits=limits)


class Climber(Tuner[Settings]):
    """Mutates the best so far: what it proposes depends on every outcome and every question before."""

    name = "climber"
    determinism = Determinism.REPLAY

    def __init__(self, setup: Setup, settings: Settings) -> None:
        super().__init__(setup, settings)
        self._asked = 0
        self._best: tuple[float, Architecture] | None = None

    def ask(self, number: int, seed: int) -> Proposal:
        """Mutate the best architecture; the first is drawn."""
        rng = random.Random(seed)
        self._asked += 1
        chosen = self.space.sample(rng) if self._best is None else self.space.mutate(self._best[1], rng)
        return Proposal(number, chosen, notes={"asked": self._asked})

    def tell(self, proposal: Proposal, outcome: Outcome) -> None:
        """Keep the best; a later one wins a draw."""
        score = outcome.metrics.get("accuracy")
        if score is not None and proposal.architecture is not None and (self._best is None or score >= self._best[0]):
            self._best = (score, proposal.architecture)

    def snapshot(self) -> bytes:
        """Return all that it knows as JSON."""
        best = None if self._best is None else [self._best[0], dict(self._best[1])]
        return json.dumps({"asked": self._asked, "best": best}).encode()

    def restore(self, state: bytes) -> None:
        """Take a state of `snapshot`."""
        data = json.loads(state)
        self._asked = data["asked"]
        self._best = None if data["best"] is None else (data["best"][0], self.space.architecture(data["best"][1]))


def accuracy(architecture: Architecture | None) -> float:
    """Return what a trial measures: a number that hangs on the architecture alone."""
    assert architecture is not None
    return int(architecture.fingerprint[:8], 16) % 9973 / 9973


async def search(
    database: Path,
    trials: int,
    *,
    say: Callable[..., None],
    on_trial: Callable[[], None],
    patience: Patience = AT_ONCE,
) -> None:
    """Open the log, go on until so many trials have ended, and close it; the tuner's state is saved by that.

    Args:
        database: The log.
        trials: Trials in all, those of earlier searches included.
        say: Called with the words of each acknowledgement, and with ``refused WHAT ERROR`` for each refusal.
        on_trial: Called after each acknowledged end of a trial.
        patience: How often a refused word is said again.

    Raises:
        NascoreError: The log cannot be opened, or refuses the same word again and again.
    """
    holder = Holder(os.getpid(), socket.gethostname())
    experiments = await Experiments.open(database, holder=holder, connect=connect_climber)
    try:
        insistent = _Insistent(say, patience)
        engine = await insistent.get("create", lambda: experiments.create(specification(), request_id="create"))
        say("open")
        while (done := sum(trial.outcome is not None for trial in engine.trials())) < trials:
            await _trial(engine, done, insistent)
            on_trial()
    finally:
        await experiments.close()
    say("end")


async def _trial(engine: Engine, done: int, insistent: _Insistent) -> None:
    insistent.read = lambda: (engine.record(), engine.trials(), engine.best())
    say, request = insistent.say, f"lease-{done}"
    answer = await insistent.get("lease", lambda: engine.lease(_WORKER, request, max_wait_s=10))
    assert answer.status is LeaseStatus.GRANTED, answer
    assert answer.lease is not None
    lease, architecture = answer.lease, answer.lease.proposal.architecture
    assert architecture is not None
    say("lease", request, lease.trial, lease.epoch, architecture.fingerprint)
    metrics = {"accuracy": accuracy(architecture)}
    word = (_WORKER, lease.trial, lease.epoch)
    await insistent.get("report", lambda: engine.report(*word, f"report-{done}", step=1, metrics=metrics))
    say("report", f"report-{done}", lease.trial, 1)
    outcome = Outcome(OutcomeStatus.COMPLETED, metrics)
    await insistent.get("finish", lambda: engine.finish(*word, f"finish-{done}", outcome=outcome))
    say("finish", f"finish-{done}", lease.trial, metrics["accuracy"])


class _Insistent:
    """Does what a worker does: says the same word again while trying again helps.

    Attributes:
        say: Called with each refusal.
        read: Called after each refusal: what must go on while the log refuses to grow.
    """

    def __init__(self, say: Callable[..., None], patience: Patience) -> None:
        self.say = say
        self.read: Callable[[], object] = tuple
        self._patience = patience

    async def get(self, what: str, call: Callable[[], Awaitable[ResultT]]) -> ResultT:
        for _ in range(self._patience.tries - 1):
            try:
                return await call()
            except NascoreError as error:
                self.say("refused", what, type(error).__name__, error.message)
                if not error.is_retryable:
                    raise
                self.read()
                await asyncio.sleep(self._patience.pause_s)
        return await call()


async def connect_climber(
    name: str, history: Callable[[], Iterable[Asked | Told]], on_trouble: Callable[[str], None]
) -> TunerSession:
    """Return a session with the climber, whatever the name."""
    return LocalSession(Climber)


def say_aloud(*words: object) -> None:
    """Write one line to standard output at once, in one piece."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def plant(defect: str) -> None:
    """Build a defect into this process."""
    if defect == "early":
        _acknowledge_early()
        return
    connect = sqlite3.connect

    def careless(*arguments: object, **options: object) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*arguments, factory=_Careless, **options)  # type: ignore[call-overload]
        return connection

    _Careless.level = defect.upper()
    sqlite3.connect = careless  # type: ignore[assignment]


class _Careless(sqlite3.Connection):
    """Syncs less than it was told to."""

    level = "FULL"

    def execute(self, sql: str, *parameters: object) -> sqlite3.Cursor:
        return super().execute(sql.replace("synchronous=FULL", f"synchronous={self.level}"), *parameters)  # type: ignore[arg-type]


def _acknowledge_early() -> None:
    append = SqliteJournal.append

    def early(self: SqliteJournal, experiment: str, entries: Sequence[Entry]) -> asyncio.Future[None]:
        append(self, experiment, entries).add_done_callback(lambda done: done.exception())
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        stored.set_result(None)
        return stored

    SqliteJournal.append = early  # type: ignore[method-assign, assignment]  # inherited from StoredJournal
    # The word must come before the write, or a kill at the write would find nothing that was said too early.
    arm(_SLOW_COMMIT)


def main() -> None:
    """Search in this process, and die as told."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("database", type=Path)
    parser.add_argument("trials", type=int)
    parser.add_argument("--die-at-bytes", type=int, help="kill -9 itself once the write-ahead log is so long")
    parser.add_argument("--patience-s", type=float, default=0.0, help="seconds between tries")
    parser.add_argument("--plant", choices=PLANTS)
    options = parser.parse_args()
    arm(os.environ.get(VARIABLE, ""))
    if options.plant:
        plant(options.plant)
    wal = Path(f"{options.database}-wal")

    def on_trial() -> None:
        if options.die_at_bytes and wal.stat().st_size >= options.die_at_bytes:
            os.kill(os.getpid(), signal.SIGKILL)

    patience = Patience(tries=1000, pause_s=options.patience_s) if options.patience_s else AT_ONCE
    try:
        asyncio.run(search(options.database, options.trials, say=say_aloud, on_trial=on_trial, patience=patience))
    except NascoreError as error:
        say_aloud("gave-up", type(error).__name__, error.message)
        sys.exit(GAVE_UP)


if __name__ == "__main__":
    main()
