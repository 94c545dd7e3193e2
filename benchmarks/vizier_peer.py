"""The peer google-vizier: its own gRPC server over SQLite, and workers that ask it; runs in .venv-vizier (peers.sh).

The same jobs and the same answers as ``benchmarks/optuna_peer.py``. It must not import nascore, which is not there.

    .venv-vizier/bin/python benchmarks/vizier_peer.py {serve,fill,work,first} vizier FOLDER [--threads N --seconds S]
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import threading
import time
from pathlib import Path

from vizier.service import clients, servers  # type: ignore[import-not-found]  # in an environment of its own
from vizier.service import pyvizier as vz  # type: ignore[import-not-found]

LABELS = [f"choice{index:02}" for index in range(28)]
KEYS = ["a", "b", "c", "d", "e"]


def serve(folder: Path) -> None:
    """Serve until killed."""
    server = servers.DefaultVizierServer(
        host="localhost", port=int((folder / "port").read_text()), database_url=f"sqlite:///{folder}/vizier.db"
    )
    print(server.endpoint, flush=True)
    threading.Event().wait()


def study(folder: Path) -> clients.Study:
    """Return the study, made if it is not there."""
    clients.environment_variables.server_endpoint = f"localhost:{(folder / 'port').read_text()}"
    config = vz.StudyConfig(algorithm="RANDOM_SEARCH")
    for label in LABELS:
        config.search_space.root.add_categorical_param(label, KEYS)
    config.metric_information.append(vz.MetricInformation("accuracy", goal=vz.ObjectiveMetricGoal.MAXIMIZE))
    return clients.Study.from_study_config(config, owner="bench", study_id="bench")


class Crew:
    """Threads of one process that ask and complete for a while."""

    def __init__(self, folder: Path) -> None:
        self.study = study(folder)
        self.delays: dict[str, list[float]] = {"ask": [], "tell": []}
        self.done = 0
        self.errors: dict[str, int] = {}
        self._lock = threading.Lock()

    def work(self, name: str, until: float) -> None:
        """Run trials that cost nothing."""
        while time.monotonic() < until:
            try:
                self._trial(name)
            except Exception as error:
                with self._lock:
                    self.errors[type(error).__name__] = self.errors.get(type(error).__name__, 0) + 1

    def warm_up(self) -> None:
        """Run one trial that is not counted: the first one reads the whole study."""
        self._trial("first")
        self.done = 0
        for delays in self.delays.values():
            delays.clear()

    def _trial(self, name: str) -> None:
        begun = time.perf_counter()
        (trial,) = self.study.suggest(count=1, client_id=name)
        _ = trial.parameters
        asked = time.perf_counter()
        trial.complete(vz.Measurement({"accuracy": 0.5}))
        told = time.perf_counter()
        with self._lock:
            self.done += 1
            self.delays["ask"].append(asked - begun)
            self.delays["tell"].append(told - asked)


def work(folder: Path, *, threads: int, seconds: float) -> dict[str, object]:
    """Return what the threads of this process did."""
    crew = Crew(folder)
    crew.warm_up()
    print("ready", flush=True)
    process = sys.stdin.readline().strip()
    begun = time.monotonic()
    each = [
        threading.Thread(target=crew.work, args=(f"{process}-{index}", begun + seconds)) for index in range(threads)
    ]
    for thread in each:
        thread.start()
    for thread in each:
        thread.join()
    return {"done": crew.done, "lasted_s": time.monotonic() - begun, "delays": crew.delays, "errors": crew.errors}


def main() -> None:
    """Do one of the jobs."""
    logging.disable(logging.CRITICAL)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", choices=("work", "fill", "serve"))
    parser.add_argument("kind", choices=("vizier",))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--trials", type=int, default=0, help="it begins empty; anything else is refused")
    options = parser.parse_args()
    if options.trials:
        raise SystemExit("Vizier's study is not filled beforehand.")
    if options.job == "serve":
        serve(options.folder)
    elif options.job == "fill":
        print(json.dumps(study(options.folder).resource_name))
    else:
        print(json.dumps(work(options.folder, threads=options.threads, seconds=options.seconds)))


if __name__ == "__main__":
    main()
