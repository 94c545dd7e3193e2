"""The peer Optuna behind three storages, each as durable as it comes: SQLite, journal file, gRPC proxy over SQLite.

A program of its own for each process of workers; its answers are JSON lines on stdout.

    python benchmarks/optuna_peer.py work KIND FOLDER --threads 8 --seconds 3
    python benchmarks/optuna_peer.py fill KIND FOLDER --trials 1000
    python benchmarks/optuna_peer.py serve FOLDER PORT
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import threading
import time
import warnings
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.storages import BaseStorage, GrpcStorageProxy, JournalStorage, RDBStorage, run_grpc_proxy_server
from optuna.storages.journal import JournalFileBackend

sys.path.insert(0, str(Path(__file__).parent))
import scene

STUDY = "bench"
_ID_TABLES = {"trials": "trial_id", "trial_params": "param_id", "trial_values": "trial_value_id"}


def storage(kind: str, folder: Path) -> BaseStorage:
    """Return a storage in a folder; the proxy's port stands in a file beside it."""
    if kind == "journal":
        return JournalStorage(JournalFileBackend(str(folder / "journal.log")))
    if kind == "proxy":
        proxy = GrpcStorageProxy(host="localhost", port=int((folder / "port").read_text()))
        proxy.wait_server_ready(timeout=60)
        return proxy
    return RDBStorage(f"sqlite:///{folder}/optuna.db")


def fill(kind: str, folder: Path, trials: int) -> None:
    """Make a study with so many finished trials."""
    study = optuna.create_study(study_name=STUDY, storage=storage(kind, folder))
    if not trials:
        return
    distributions = {label: CategoricalDistribution(list(scene.KEYS)) for label in scene.LABELS}
    trial = optuna.trial.create_trial(
        params={label: scene.KEYS[place % 5] for place, label in enumerate(scene.LABELS)},
        distributions=distributions,  # type: ignore[arg-type]  # a mapping of the narrower type
        value=0.5,
    )
    for _ in range(trials if kind == "journal" else 1):
        study.add_trial(trial)
    if kind != "journal":
        _copy_rows(folder / "optuna.db", trials)


def _copy_rows(database: Path, trials: int) -> None:
    """Copy the one trial's rows: through Optuna itself 10,000 trials would take many minutes."""
    with closing(sqlite3.connect(database)) as connection, connection:
        for table, key in _ID_TABLES.items():
            cursor = connection.execute(f"SELECT * FROM {table}")
            columns = [column[0] for column in cursor.description]
            rows = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
            marks = ", ".join("?" for _ in columns)
            copies = (
                tuple(_moved(row, key, number, place, len(rows))[column] for column in columns)
                for number in range(1, trials)
                for place, row in enumerate(rows)
            )
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", copies)


def _moved(row: dict[str, object], key: str, number: int, place: int, rows: int) -> dict[str, object]:
    moved = {**row, "trial_id": number + 1, key: number * rows + place + 1}
    return {**moved, "number": number} if "number" in row else moved


class Crew:
    """Threads of one process that ask, suggest and tell for a while."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.study = optuna.load_study(
            study_name=STUDY, storage=storage(kind, folder), sampler=optuna.samplers.RandomSampler()
        )
        self.delays: dict[str, list[float]] = {"ask": [], "tell": []}
        self.done = 0
        self.errors: dict[str, int] = {}
        self._lock = threading.Lock()

    def work(self, until: float) -> None:
        """Run trials that cost nothing; errors of the storage are counted, and the next trial begun."""
        while time.monotonic() < until:
            try:
                self._trial()
            except Exception as error:
                with self._lock:
                    self.errors[type(error).__name__] = self.errors.get(type(error).__name__, 0) + 1

    def warm_up(self) -> None:
        """Run one trial that is not counted: the first one reads the whole study."""
        self._trial()
        self.done = 0
        for delays in self.delays.values():
            delays.clear()

    def _trial(self) -> None:
        begun = time.perf_counter()
        trial = self.study.ask()
        for label in scene.LABELS:
            trial.suggest_categorical(label, list(scene.KEYS))
        asked = time.perf_counter()
        self.study.tell(trial, 0.5)
        told = time.perf_counter()
        with self._lock:
            self.done += 1
            self.delays["ask"].append(asked - begun)
            self.delays["tell"].append(told - asked)


def work(kind: str, folder: Path, *, threads: int, seconds: float) -> dict[str, object]:
    """Return what the threads of this process did, from the moment that all processes begin at."""
    crew = Crew(kind, folder)
    crew.warm_up()
    print("ready", flush=True)
    sys.stdin.readline()
    begun = time.monotonic()
    each = [threading.Thread(target=crew.work, args=(begun + seconds,)) for _ in range(threads)]
    for thread in each:
        thread.start()
    for thread in each:
        thread.join()
    return {"done": crew.done, "lasted_s": time.monotonic() - begun, "delays": crew.delays, "errors": crew.errors}


def first(kind: str, folder: Path) -> dict[str, object]:
    """Take up a study and ask for one trial."""
    study = optuna.load_study(study_name=STUDY, storage=storage(kind, folder), sampler=optuna.samplers.RandomSampler())
    trial = study.ask()
    for label in scene.LABELS:
        trial.suggest_categorical(label, list(scene.KEYS))
    return {"trial": trial.number}


def main() -> None:
    """Do one of the jobs."""
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", choices=("work", "fill", "first", "serve"))
    parser.add_argument("kind", choices=("sqlite", "journal", "proxy"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--trials", type=int, default=0)
    options = parser.parse_args()
    jobs: dict[str, Callable[[], object]] = {
        "work": lambda: work(options.kind, options.folder, threads=options.threads, seconds=options.seconds),
        "fill": lambda: fill(options.kind, options.folder, options.trials),
        "first": lambda: first(options.kind, options.folder),
        "serve": lambda: run_grpc_proxy_server(
            storage("sqlite", options.folder), port=int((options.folder / "port").read_text())
        ),
    }
    print(json.dumps(jobs[options.job]()))


if __name__ == "__main__":
    main()
