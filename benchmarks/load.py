"""A load of many workers on a running server: calls a second, their delays, and the processor time they cost.

One process drives all workers on one event loop, with messages built beforehand, so that it costs less than what it
measures. Two loads:

- closed: each worker goes on as soon as it is answered; ``fused`` finishes one trial and leases the next in one call,
  ``separate`` uses two.
- open (``--rate``): calls are due on a schedule (Poisson) whether or not those before were answered, leases and
  finishes in turn, each worker its own; a delay is counted from when the call was due, so a stall is seen in full.

Afterwards the log must hold exactly the trials that were acknowledged. Not here: starting a server
(``benchmarks/scene.py``), the calls on the wire (``benchmarks/crowd.py``).

    python benchmarks/load.py DATABASE --workers 64 --seconds 5 [--separate] [--rate 200] [--processes 2]

DATABASE is the log (or its folder) of a running ``nascore serve --space ...``. Prints one JSON line; times in ms.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import crowd
import processor
import scene


@dataclass(slots=True)
class Load:
    """What came of a load.

    Attributes:
        trials_a_second: Trials that were finished and acknowledged.
        calls_a_second: Calls that were answered.
        delays_ms: For each kind of call: how many, p50, p99 and the longest.
        processor_ms: Processor time for each trial: of the server, its children (the tuner's host) and this load.
        cores: Processor time for each second of the same three.
        acknowledged: Finished trials that were acknowledged in all, warm-up included.
        stored: Finished trials that the log gained.
    """

    trials_a_second: float
    calls_a_second: float
    delays_ms: dict[str, dict[str, float]]
    processor_ms: dict[str, float] = field(default_factory=dict)
    cores: dict[str, float] = field(default_factory=dict)
    acknowledged: int = 0
    stored: int = 0


def put_on(place: scene.Place, plan: crowd.Plan, *, processes: int = 1, keeps_log: bool = True) -> Load:
    """Put a load on a server and return what came of it.

    Args:
        place: The server.
        plan: What the workers do.
        processes: How many processes share the workers.
        keeps_log: Whether it stores what it acknowledges; the echo does not.

    Raises:
        SystemExit: The log does not hold what was acknowledged.
    """
    stored = place.finished() if keeps_log else 0
    spent: dict[str, float] = {}
    with _counted(place.pid, spent):
        tallies = _in_processes(place, plan, processes) if processes > 1 else [crowd.run(place, plan)]
    load = _summed(tallies, plan, spent)
    load.stored = place.finished() - stored if keeps_log else 0
    if keeps_log and load.stored != load.acknowledged:
        raise SystemExit(f"{load.acknowledged} trials were acknowledged, but the log gained {load.stored}.")
    return load


@contextmanager
def _counted(server: int, spent: dict[str, float]) -> Iterator[None]:
    """Fill in the processor seconds of server, children and load, from the first call to the last."""
    before = processor.seconds_of_family(server), processor.own_seconds()
    yield
    after = processor.seconds_of_family(server), processor.own_seconds()
    (spent["server"], spent["children"]) = (new - old for new, old in zip(after[0], before[0], strict=True))
    spent["load"] = after[1] - before[1]


def _summed(tallies: Sequence[crowd.Tally], plan: crowd.Plan, spent: Mapping[str, float]) -> Load:
    delays: dict[str, list[float]] = {}
    for tally in tallies:
        for kind, seconds in tally.delays.items():
            delays.setdefault(kind, []).extend(seconds)
    trials = sum(tally.trials for tally in tallies)
    calls = sum(map(len, delays.values()))
    acknowledged = sum(tally.acknowledged for tally in tallies)
    lasted = max(tally.lasted_s for tally in tallies)
    return Load(
        trials_a_second=trials / plan.seconds,
        calls_a_second=calls / plan.seconds,
        delays_ms={kind: quantiles(seconds) for kind, seconds in sorted(delays.items())},
        processor_ms={who: seconds / max(acknowledged, 1) * 1e3 for who, seconds in spent.items()},
        cores={who: seconds / lasted for who, seconds in spent.items()},
        acknowledged=acknowledged,
    )


def flat(load: Load) -> dict[str, float]:
    """Return the numbers of a load by one name each, as samples are kept: ``server_ms``, ``ask_p99``."""
    values = {"trials_a_second": load.trials_a_second, "calls_a_second": load.calls_a_second}
    values |= {f"{who}_ms": spent for who, spent in load.processor_ms.items()}
    values |= {f"{who}_cores": share for who, share in load.cores.items()}
    for kind, delays in load.delays_ms.items():
        values |= {f"{kind}_{name}": value for name, value in delays.items()}
    return values


def quantiles(seconds: Sequence[float]) -> dict[str, float]:
    """Return how many, p50, p99 and the longest, in ms."""
    ordered = sorted(seconds)
    if not ordered:
        return {"calls": 0}
    places = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    at = {name: ordered[min(len(ordered) - 1, int(len(ordered) * share))] for name, share in places.items()}
    return {"calls": len(ordered), **{name: value * 1e3 for name, value in at.items()}}


def _in_processes(place: scene.Place, plan: crowd.Plan, processes: int) -> list[crowd.Tally]:
    """Share the workers among processes; each sends its tally as JSON."""
    children = []
    for index in range(processes):
        part = plan.part(index, processes)
        command = [sys.executable, __file__, str(place.database), "--part", json.dumps(asdict(part))]
        children.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
    answers = [child.communicate()[0] for child in children]
    if any(child.returncode for child in children):
        raise SystemExit("A process of the load failed.")
    return [crowd.Tally(**json.loads(answer)) for answer in answers]


def main() -> None:
    """Put the load on, or be one process of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database", type=Path)
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--warm-up", type=float, default=0.5)
    parser.add_argument("--separate", action="store_true", help="lease and finish in two calls")
    parser.add_argument("--rate", type=float, default=0.0, help="calls a second on a schedule; 0: as fast as answered")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--grpc", action="store_true", help="make the calls with grpc.aio, not by hand")
    parser.add_argument("--calls", action="store_true", help="a call for each request instead of a worker's stream")
    parser.add_argument("--workers-a-connection", type=int, default=1)
    parser.add_argument("--part", help=argparse.SUPPRESS)
    options = parser.parse_args()
    place = scene.Place.find(options.database)
    if options.part:
        print(json.dumps(asdict(crowd.run(place, crowd.Plan(**json.loads(options.part))))))
        return
    plan = crowd.Plan(
        workers=options.workers,
        seconds=options.seconds,
        warm_up_s=options.warm_up,
        is_fused=not options.separate,
        rate=options.rate,
        run=f"{time.time_ns():x}",
        workers_a_line=options.workers_a_connection,
        is_grpc=options.grpc,
        is_unary=options.calls,
    )
    load = put_on(place, plan, processes=options.processes)
    print(json.dumps({"workers": plan.workers, "rate": plan.rate, "is_fused": plan.is_fused, **_rounded(asdict(load))}))


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    return round(value, 3) if isinstance(value, float) else value


if __name__ == "__main__":
    main()
