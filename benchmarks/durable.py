"""Durable ask+tell round trips a second through the real server, with 1 and 8 workers, beside Optuna on SQLite.

Both write to the same disk and answer only when the trial is stored: nascore through `nascore serve` over a Unix socket
with SQLite at synchronous=FULL, Optuna through RDBStorage on SQLite at its defaults. Space: 28 categorical decisions of
five candidates; the tuner is random search on both sides. A floor stands beside them: one insert and durable commit.

    python benchmarks/durable.py [--rounds 5] [--seconds 4]
"""

from __future__ import annotations

import argparse
import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
from nascore.client import Client
from nascore.journal import read_holder
from nascore.record import LeaseStatus, Outcome, OutcomeStatus
from nascore.space import Candidate, OneOf, SearchSpace

sys.path.insert(0, str(Path(__file__).parent))
import pairs

LABELS = tuple(f"choice{index:02}" for index in range(28))
KEYS = ("a", "b", "c", "d", "e")
SPACE = SearchSpace(tuple(OneOf(label, tuple(Candidate(key) for key in KEYS)) for label in LABELS))
WORKERS = (1, 8)


def nascore_worker(address: str, token_file: str, name: str, seconds: float) -> int:
    """Run trials that cost nothing for a while; return how many were acknowledged."""
    done = 0
    with Client(address, token_file=token_file) as client:
        experiment = client.list()[0].id
        client.register_space(experiment, name, SPACE)
        answer = client.lease(experiment, name, max_wait_s=5.0)
        end = time.monotonic() + seconds
        while answer is not None and answer.status is LeaseStatus.GRANTED and answer.lease is not None:
            lease, more = answer.lease, time.monotonic() < end
            outcome = Outcome(OutcomeStatus.COMPLETED, {"accuracy": (lease.trial * 7919 % 1000) / 1000})
            answer = client.finish(
                experiment, name, lease.trial, lease.epoch, outcome=outcome, wants_next=more, next_wait_s=5.0
            )
            done += 1
    return done


def optuna_worker(url: str, seconds: float) -> int:
    """Run trials that cost nothing for a while; return how many were told."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.load_study(study_name="bench", storage=url, sampler=optuna.samplers.RandomSampler())
    done, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        trial = study.ask()
        for label in LABELS:
            trial.suggest_categorical(label, list(KEYS))
        study.tell(trial, (trial.number * 7919 % 1000) / 1000)
        done += 1
    return done


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, str]]:
    """Run `nascore serve` on a fresh database; yield address and token file."""
    (folder / "space.json").write_text(SPACE.to_json())
    environment = {**os.environ, "NASCORE_HOME": str(folder)}
    command = [sys.executable, "-m", "nascore", "serve", "--tuner", "random", "--space", "space.json", "-q"]
    quiet = subprocess.DEVNULL
    server = subprocess.Popen(command, cwd=folder, env=environment, stdout=quiet, stderr=quiet)
    try:
        yield found(folder)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(15)


def found(folder: Path) -> tuple[str, str]:
    """Wait for the server's holder file; return address and token file."""
    for _ in range(400):
        for database in folder.glob("experiments/*/log.db"):
            holder = read_holder(database)
            if holder is not None and holder.address:
                return holder.address, str(holder.token_file)
        time.sleep(0.05)
    raise SystemExit("the server did not start")


def crowd(count: int, arguments: Callable[[int], list[str]], seconds: float) -> float:
    """Run worker processes side by side; return seconds a trial."""
    command = [sys.executable, __file__, "--seconds", str(seconds)]
    workers = [
        subprocess.Popen([*command, *arguments(index)], stdout=subprocess.PIPE, text=True) for index in range(count)
    ]
    done = sum(int(worker.communicate()[0]) for worker in workers)
    return seconds / max(done, 1)


def nascore_sample(count: int, seconds: float) -> float:
    """Return seconds a durable ask+tell of ours."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder, serving(Path(folder)) as (address, token_file):
        return crowd(count, lambda index: ["--nascore", address, token_file, f"worker-{index}"], seconds)


def optuna_sample(count: int, seconds: float) -> float:
    """Return seconds a trial of Optuna on SQLite."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        url = f"sqlite:///{folder}/optuna.db"
        optuna.create_study(study_name="bench", storage=url)
        return crowd(count, lambda _: ["--optuna", url], seconds)


def floor_sample(seconds: float) -> float:
    """Return seconds of one SQLite insert and durable commit: what the disk and the library cost alone."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        database = sqlite3.connect(f"{folder}/floor.db", isolation_level=None)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("CREATE TABLE log (seq INTEGER PRIMARY KEY, payload TEXT)")
        done, begun = 0, time.monotonic()
        while time.monotonic() < begun + seconds:
            database.execute("INSERT INTO log (payload) VALUES (?)", ("x" * 1200,))
            done += 1
        return (time.monotonic() - begun) / done


def main() -> None:
    """Measure and print the table, or be one worker of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--nascore", nargs=3, metavar=("ADDRESS", "TOKEN_FILE", "NAME"))
    parser.add_argument("--optuna", metavar="URL")
    options = parser.parse_args()
    if options.nascore:
        sys.stdout.write(str(nascore_worker(*options.nascore, options.seconds)))
        return
    if options.optuna:
        sys.stdout.write(str(optuna_worker(options.optuna, options.seconds)))
        return
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    contenders: dict[str, Callable[[], float]] = {"floor": lambda: floor_sample(1.0)}
    for count in WORKERS:
        contenders[f"nascore {count}"] = lambda count=count: nascore_sample(count, options.seconds)
        contenders[f"optuna {count}"] = lambda count=count: optuna_sample(count, options.seconds)
    samples = pairs.measure(contenders, rounds=options.rounds)
    print(pairs.machine("nascore", "grpcio", "optuna"))
    rows = []
    for name, values in samples.items():
        count = name.split()[-1]
        against = str(pairs.ratio(samples[f"optuna {count}"], values)) if name.startswith("nascore") else ""
        rows.append([name, f"{1 / statistics.median(values):,.1f}", f"{statistics.median(values) * 1e3:.2f}", against])
    print(pairs.table(["who, workers", "trials a second", "ms a trial", "faster than Optuna"], rows))


if __name__ == "__main__":
    main()
