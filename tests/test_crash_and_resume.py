"""A search whose server, tuner host and workers are killed at random ends with nothing lost or counted twice."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

TRIAL = """
import time
import nas_trial as nas
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        width = nas.ValueChoice([4, 8, 16], label="width")
        self.hidden = nas.Linear(2, width)
        self.act = nas.LayerChoice({"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU}, label="act")
        self.blocks = nas.Repeat(lambda i: nas.Linear(width, width), (1, 4), label="depth")
        self.head = nas.Linear(width, 1)

    def forward(self, x):
        return self.head(self.blocks(self.act(self.hidden(x))))


class Slope(nas.Trial):
    epochs = 2

    def build(self):
        return Net()

    def train_batches(self):
        x = torch.randn(64, 2)
        time.sleep(0.05)
        return [(x, x.sum(dim=1, keepdim=True))]

    def validation_batches(self):
        x = torch.linspace(-1, 1, 64).reshape(32, 2)
        return [(x, x.sum(dim=1, keepdim=True))]

    def training_step(self, model, batch):
        return nn.functional.mse_loss(model(batch[0]), batch[1])

    def validation_step(self, model, batch):
        return {"accuracy": -nn.functional.mse_loss(model(batch[0]), batch[1])}


if __name__ == "__main__":
    nas.run(Slope())
"""


# As many trials as no search ends before it has been killed, however long that takes.
ENDLESS = 100_000
FINAL = ("succeeded", "failed", "pruned", "infeasible")


class Search:
    """`nascore run` on a small trial, in a process that can be killed and resumed."""

    def __init__(self, folder: Path, trials: int, *, trial: str = TRIAL, parallel: int = 2) -> None:
        self.folder, self.trials = folder, trials
        (folder / "trial.py").write_text(trial)
        self.environment = {**os.environ, "NASCORE_HOME": str(folder / "home"), "PYTHONWARNINGS": ""}
        self.process = self._start(
            *("run", "trial.py", "--tuner", "evolution", "--set", "population_size=8", "--set", "sample_size=3"),
            *("--trials", str(trials), "--parallel", str(parallel), "--seed", "7"),
        )

    def _start(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "nascore", *arguments]
        with (self.folder / "output.txt").open("ab") as log:
            return subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=log, stderr=log)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()

    def resume(self, *words: str) -> None:
        self.process = self._start("resume", "last", *words)

    def resume_to_end(self, trials: int) -> None:
        """Resume it, to end after so many trials, or a few more than it has begun."""
        self.trials = max(trials, len(self.rows()) + 4)
        self.resume("--trials", str(self.trials))

    def victims(self, kind: str) -> list[psutil.Process]:
        """Living processes of a kind below the server: tuner hosts, or workers with everything they forked."""
        mark = {"tuner": "nascore.tuner.host", "worker": "trial.py"}[kind]
        try:
            family = psutil.Process(self.process.pid).children(recursive=True)
            return [process for process in family if mark in " ".join(process.cmdline())]
        except psutil.Error:
            return []

    def kill(self, kind: str, rng: random.Random) -> bool:
        """Kill one process of a kind with SIGKILL; returns whether there was one."""
        if kind == "server":
            self.process.kill()
            self.process.wait(60)
            return True
        victims = self.victims(kind)
        try:
            rng.choice(victims).kill()
        except (IndexError, psutil.NoSuchProcess):
            return False
        return True

    def finished(self) -> dict[int, str]:
        """Metrics (or the kind of failure) of every ended trial, as `nascore trials` tells it."""
        rows = self.rows()
        told = {row["number"]: row["failure"]["kind"] if row["failure"] else row["metrics"] for row in rows}
        ended = {row["number"]: json.dumps(told[row["number"]]) for row in rows if row["state"] in FINAL}
        assert len({row["number"] for row in rows}) == len(rows)
        return ended

    def rows(self) -> list[dict[str, Any]]:
        """Its trials, as `nascore trials` lists them."""
        listed: list[dict[str, Any]] = json.loads(self.call("trials", "last", "--json"))
        return listed

    def call(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "nascore", *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def log_rows(self, kind: str = "finished") -> Counter[tuple[str, int]]:
        """How often each trial was finished, from the database itself; or how often another event tells of it."""
        database = next((self.folder / "home").glob("experiments/*/log.db"))
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
            rows = connection.execute("SELECT kind, payload FROM events WHERE kind = ?", (kind,)).fetchall()
        return Counter((kind, json.loads(payload)["trial"]) for kind, payload in rows)


def _begun(search: Search, trials: int) -> None:
    """Wait until the terminal tells of ended trials: the log file is there before its first entry."""
    deadline = time.monotonic() + 60
    while (search.folder / "output.txt").read_text().count(" succeeded") < trials:
        assert time.monotonic() < deadline, (search.folder / "output.txt").read_text()
        time.sleep(0.1)


def _torment(search: Search, kills: int, rng: random.Random, *, trials: int) -> None:
    """Kill in turns, the server first and last; then have it end after a number of trials."""
    acknowledged: dict[int, str] = {}
    for index in range(kills):
        kind = ("server", "tuner", "worker")[index % 3]
        time.sleep(rng.uniform(0.5, 2.0))
        assert search.process.poll() is None, (search.folder / "output.txt").read_text()[-4000:]
        deadline = time.monotonic() + 60
        while not search.kill(kind, rng):
            assert time.monotonic() < deadline, f"no {kind} to kill"
            time.sleep(0.1)
        now = search.finished()
        assert acknowledged.items() <= now.items()
        acknowledged = now
        if index == kills - 1:
            search.resume_to_end(trials)
        elif search.process.poll() is not None:
            search.resume()


def _check(search: Search, *, shots: int = 0) -> None:
    assert search.process.wait(240) == 0, (search.folder / "output.txt").read_text()[-4000:]
    ended = search.finished()
    assert sorted(ended) == list(range(search.trials))
    # Of all that a shot at a worker can hit, only the trial's own process takes its trial with it.
    failed = [told for told in ended.values() if told == '"signal"']
    assert len(failed) <= shots
    assert sum("accuracy" in told for told in ended.values()) == search.trials - len(failed)
    assert set(search.log_rows().values()) == {1}
    assert len(search.log_rows()) == search.trials


@pytest.mark.timeout(300)
def test_a_killed_server_is_resumed_and_nothing_is_lost(tmp_path: Path) -> None:
    with closing(Search(tmp_path, ENDLESS)) as search:
        _begun(search, 4)
        _torment(search, 1, random.Random(1), trials=30)
        _check(search)


@pytest.mark.timeout(300)
def test_what_killed_workers_had_finished_and_not_told_is_trained_once(tmp_path: Path) -> None:
    # Each worker is killed once it has kept its second result (noting that the first was told is a write, too).
    dying = TRIAL.replace(
        "    nas.run(", '    os.environ["NASCORE_FAILPOINTS"] = "spool.after_write=kill@3"\n    nas.run('
    )
    with closing(Search(tmp_path, 6, trial=f"import os\n{dying}", parallel=1)) as search:
        _check(search)
    printed = (tmp_path / "output.txt").read_text()
    assert printed.count("worker-0 ended by signal 9") >= 2, printed
    assert search.log_rows("retried") == search.log_rows("returned") == search.log_rows("lost") == Counter()
    assert set(search.log_rows("leased").values()) == {1}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_ten_kills_of_server_tuner_and_workers_lose_nothing(tmp_path: Path) -> None:
    with closing(Search(tmp_path, ENDLESS)) as search:
        _begun(search, 4)
        _torment(search, 10, random.Random(2), trials=250)
        _check(search, shots=3)
