"""Seconds from the start of a killed server to its first answered lease, at 10 000 and 100 000 events.

A log is filled (filling.py), served, worked on for a moment and its server killed with SIGKILL; then the server is
started again and asked for a trial until it gives one. ``serving``: it answers calls. ``first lease``: the tuner has
its knowledge back as well. With and without the tuner's saved state. Beside it what any start costs: the interpreter,
our imports, and a server with an empty log. Goal: serving within one second.

    python benchmarks/recovery.py [--rounds 5] [--events 10000,100000] [--tuner random] [--quick]
"""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import crowd
import filling
import pairs
import peers
import processor
import scene

EVENTS = (10_000, 100_000)
_INTERPRETER = "pass"
_IMPORTS = "import nascore.cli.resume, nascore.cli.search, nascore.service"
PEERS = ("sqlite", "journal")


def bare(code: str) -> pairs.Values:
    """Sample a Python process that does nothing else."""
    begun, spent = time.perf_counter(), processor.own_seconds()
    subprocess.run([sys.executable, "-c", code], check=True)
    return {"serving_s": time.perf_counter() - begun, "server_cpu_s": processor.own_seconds() - spent}


def killed(filled: Path) -> None:
    """Let a server work on a filled log for a moment, end it so that it saves all, work on, and kill it."""
    with scene.serving(filled) as place:
        crowd.run(place, crowd.Plan(1, 0.2, warm_up_s=0.0, run="before"))
    server = scene.started(filled)
    place = scene.wait(filled, server)
    crowd.run(place, crowd.Plan(1, 0.2, warm_up_s=0.0, run="last"))
    server.send_signal(signal.SIGKILL)
    server.wait()


def recovered(filled: Path, *, has_state: bool) -> pairs.Values:
    """Sample the start of a server on a copy of what the killed one left."""
    with scene.folder() as folder:
        home = folder / "home"
        shutil.copytree(filled, home, ignore=shutil.ignore_patterns("*.sock"))
        if not has_state:
            _forget_states(home)
        begun = time.perf_counter()
        server = scene.started(home)
        try:
            place = scene.wait(home, server)
            serving = time.perf_counter()
            crowd.run(place, crowd.Plan(1, 0.0, warm_up_s=0.0, run="after"))
            ready = time.perf_counter()
            own, children = processor.seconds_of_family(place.pid)
            return {
                "serving_s": serving - begun,
                "first_lease_s": ready - begun,
                "server_cpu_s": own,
                "host_cpu_s": children,
                "memory_mb": processor.memory_mb(place.pid),
            }
        finally:
            server.kill()
            server.wait()


def _forget_states(home: Path) -> None:
    for database in home.glob("experiments/*/log.db"):
        with closing(sqlite3.connect(database)) as log, log:
            log.execute("DELETE FROM snapshots")


def peer(kind: str, filled: Path) -> pairs.Values:
    """Sample a peer's process from its start to its first trial."""
    return {"first_lease_s": peers.first_answer_s(kind, filled)}


def prepared(folder: Path, events: Sequence[int], kinds: Sequence[str], tuner: str) -> None:
    """Fill the logs and studies, and kill the servers."""
    for count in (0, *events):
        print(f"recovery: filling {count:,} events", file=sys.stderr, flush=True)
        home = folder / f"nascore-{count}"
        home.mkdir()
        filling.fill(home, count // filling.EVENTS_A_TRIAL, tuner=tuner)
        killed(home)
    for count in events:
        for kind in kinds:
            (folder / f"{kind}-{count}").mkdir()
            peers.fill(kind, folder / f"{kind}-{count}", count // filling.EVENTS_A_TRIAL)


def contenders(folder: Path, events: Sequence[int], kinds: Sequence[str]) -> dict[str, Callable[[], pairs.Values]]:
    """Return who is measured and how."""
    found: dict[str, Callable[[], pairs.Values]] = {
        "bare interpreter": partial(bare, _INTERPRETER),
        "our imports": partial(bare, _IMPORTS),
        "nascore, empty log": partial(recovered, folder / "nascore-0", has_state=True),
    }
    for count in events:
        for has_state, name in ((True, "with the tuner's state"), (False, "without")):
            sample = partial(recovered, folder / f"nascore-{count}", has_state=has_state)
            found[f"nascore, {count:,} events, {name}"] = sample
        for kind in kinds:
            found[f"{peers.NAMES[kind]}, {count // 3:,} trials"] = partial(peer, kind, folder / f"{kind}-{count}")
    return found


def main() -> None:
    """Measure and print the table."""
    parser = pairs.options(__doc__, rounds=5, seconds=0.0)
    parser.add_argument("--events", default=",".join(map(str, EVENTS)))
    parser.add_argument("--tuner", choices=tuple(filling.TUNERS), default="random")
    parser.add_argument("--peers", default=",".join(PEERS), help="empty: none")
    options = parser.parse_args()
    events = [int(count) for count in options.events.split(",")]
    kinds, rounds = [kind for kind in options.peers.split(",") if kind], options.rounds
    if options.quick:
        events, kinds, rounds = [300], [], 1
    with scene.folder() as folder:
        prepared(folder, events, kinds, options.tuner)
        samples = pairs.collect("recovery", contenders(folder, events, kinds), rounds=rounds, record=options.record)
    print(pairs.machine("nascore", "optuna"))
    empty = pairs.column(samples["nascore, empty log"], "first_lease_s")
    keys = ("serving_s", "first_lease_s", "server_cpu_s", "host_cpu_s", "memory_mb")
    rows = []
    for name, values in samples.items():
        cells = [pairs.number(pairs.median(pairs.column(values, key))) for key in keys]
        beyond = [one - other for one, other in zip(pairs.column(values, "first_lease_s"), empty, strict=True)]
        rows.append([name, *cells, pairs.number(pairs.median(beyond)) if "events" in name else ""])
    header = ["start", "serving, s", "first lease, s", "server processor, s", "host processor, s", "server MB"]
    print(pairs.table([*header, "first lease beyond an empty log, s"], rows))


if __name__ == "__main__":
    main()
