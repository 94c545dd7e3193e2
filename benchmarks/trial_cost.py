"""Milliseconds of a trial that does nothing, end to end: `nascore run` with two workers, with and without isolation.

The trial builds a network of one choice, trains no epoch and reports a number; torch is imported once by each worker.
Counted is the time between the ends of trials in the log, after the first fifth of them, so starting up is left out.
Beside it: Optuna with two threads and a function that does nothing, and what a fork of a process with torch costs.

    python benchmarks/trial_cost.py [--rounds 5] [--trials 300] [--quick]
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import pairs
import peers
import scene

TRIAL = """
import nas_trial as nas
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nas.Linear(4, nas.ValueChoice([2, 4], label="width"))

    def forward(self, x):
        return self.layer(x)


class Nothing(nas.Trial):
    epochs = 0
    keeps_weights = False

    def build(self):
        return Net()

    def train_batches(self):
        return []

    def validation_batches(self):
        return [torch.zeros(1, 4)]

    def validation_step(self, model, batch):
        return {"accuracy": 0.5}


if __name__ == "__main__":
    nas.run(Nothing())
"""
FORKS = """
import os, time, torch
begun = time.perf_counter()
for _ in range(50):
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
print((time.perf_counter() - begun) / 50)
"""
THREADS = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
WORKERS = 2


def ours(isolation: str, trials: int) -> pairs.Values:
    """Sample a search of ours."""
    with scene.folder() as folder:
        (folder / "trial.py").write_text(TRIAL)
        command = [sys.executable, "-m", "nascore", "run", "trial.py", "--tuner", "random", "--trials", str(trials)]
        options = ["--parallel", str(WORKERS), "--isolation", isolation, "--gpus", "none", "-q"]
        environment = {**os.environ, **THREADS, "NASCORE_HOME": str(folder / "home")}
        begun = time.perf_counter()
        done = subprocess.run(
            [*command, *options], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"nascore run failed: {done.stderr[-1000:]}")
        took = time.perf_counter() - begun
        return {"trial_ms": _between_ends_ms(folder / "home", trials), "whole_s": took}


def _between_ends_ms(home: Path, trials: int) -> float:
    (database,) = home.glob("experiments/*/log.db")
    with closing(sqlite3.connect(database)) as log:
        rows = log.execute("SELECT time, payload FROM events WHERE kind = 'finished' ORDER BY seq").fetchall()
    if len(rows) != trials or any('"completed"' not in payload for _, payload in rows):
        raise SystemExit(f"{len(rows)} of {trials} trials ended, or some of them failed.")
    first = trials // 5
    return float(rows[-1][0] - rows[first][0]) / (trials - 1 - first) * 1e3


def optuna(kind: str, seconds: float) -> pairs.Values:
    """Sample Optuna with as many threads."""
    with scene.folder() as folder:
        peers.fill(kind, folder, 0)
        values = peers.sample(kind, folder, workers=WORKERS, seconds=seconds)
        return {"trial_ms": 1e3 / values["trials_a_second"] if values["trials_a_second"] else pairs.LEFT_OUT}


def fork() -> pairs.Values:
    """Sample a fork, and the wait for its end, of a process that has imported torch."""
    done = subprocess.run(
        [sys.executable, "-c", FORKS], env={**os.environ, **THREADS}, capture_output=True, text=True, check=True
    )
    return {"trial_ms": float(done.stdout) * 1e3}


def main() -> None:
    """Measure and print the table."""
    parser = pairs.options(__doc__, rounds=5, seconds=3.0)
    parser.add_argument("--trials", type=int, default=300)
    options = parser.parse_args()
    trials, rounds = (20, 1) if options.quick else (options.trials, options.rounds)
    contenders: dict[str, Callable[[], pairs.Values]] = {
        "nascore, no isolation": partial(ours, "none", trials),
        "nascore, a forked process each": partial(ours, "fork", trials),
        "limit: fork of a process with torch": fork,
    }
    if not options.quick:
        for kind in ("sqlite", "journal"):
            contenders[f"{peers.NAMES[kind]}, no isolation"] = partial(optuna, kind, options.seconds)
    samples = pairs.collect("trial_cost", contenders, rounds=rounds, record=options.record)
    print(pairs.machine("nascore", "nas-trial", "torch", "optuna"))
    ours_ms = pairs.column(samples["nascore, no isolation"], "trial_ms")
    rows = []
    for name, values in samples.items():
        each = pairs.column(values, "trial_ms")
        whole = pairs.number(pairs.median(pairs.column(values, "whole_s")), 1)
        rows.append([name, pairs.number(pairs.median(each)), str(pairs.ratio(each, ours_ms)), whole])
    header = [f"{WORKERS} workers", "ms a trial", "beside ours without isolation", f"whole search of {trials}, s"]
    print(pairs.table(header, rows))


if __name__ == "__main__":
    main()
