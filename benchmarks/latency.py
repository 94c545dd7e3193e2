"""Delays of 500 workers at 200 calls a second: an open load, where each delay counts from when the call was due.

Calls are due at random moments (Poisson), leases and finishes in turn, each worker with a connection of its own. Beside
it the same load on a server that only echoes. Goals: p99 of an ask at most 50 ms, of a tell at most 75 ms.

    python benchmarks/latency.py [--rounds 5] [--seconds 10] [--workers 500] [--rate 200] [--tuner random] [--quick]
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import crowd
import limits
import load
import pairs
import scene

GOALS_MS = {"ask": 50.0, "tell": 75.0}
_WARM_UP_S = 2.0  # at least; every worker makes its first call before delays count


def ours(plan: crowd.Plan, tuner: str) -> pairs.Values:
    """Sample our server."""
    with scene.folder() as home, scene.serving(home, tuner=tuner) as place:
        return load.flat(load.put_on(place, plan))


def echo(plan: crowd.Plan) -> pairs.Values:
    """Sample the echo."""
    with scene.folder() as folder, limits.echo(folder) as place:
        return load.flat(load.put_on(place, replace(plan, is_unary=True), keeps_log=False))


def rows(name: str, samples: list[pairs.Values]) -> list[list[str]]:
    """Return a line for each kind of call."""
    found = []
    for kind, goal in GOALS_MS.items():
        delays = [pairs.column(samples, f"{kind}_{quantile}") for quantile in ("p50", "p99", "max")]
        cells = [pairs.number(pairs.median(values), 1) for values in delays]
        worst = max(delays[1], default=pairs.LEFT_OUT)
        found.append([name, kind, *cells, pairs.number(worst, 1), f"{goal:.0f}"])
    return found


def main() -> None:
    """Measure and print the table."""
    parser = pairs.options(__doc__, rounds=5, seconds=10.0)
    parser.add_argument("--workers", type=int, default=500)
    parser.add_argument("--rate", type=float, default=200.0)
    parser.add_argument("--tuner", default="random")
    options = parser.parse_args()
    seconds, rounds = (1.0, 1) if options.quick else (options.seconds, options.rounds)
    warm_up = max(_WARM_UP_S, 1.3 * options.workers / options.rate)
    plan = crowd.Plan(options.workers, seconds, warm_up_s=warm_up, rate=options.rate)
    contenders = {"nascore": lambda: ours(plan, options.tuner), "limit: echo over gRPC": lambda: echo(plan)}
    samples = pairs.collect("latency", contenders, rounds=rounds, record=options.record)
    print(pairs.machine("nascore", "grpcio"))
    print(f"{options.workers} workers, {options.rate:g} calls a second, {rounds} rounds of {seconds:g} s; ms\n")
    header = ["who", "call", "p50", "p99", "longest", "p99 of the worst round", "goal for p99"]
    print(pairs.table(header, [line for name in contenders for line in rows(name, samples[name])]))


if __name__ == "__main__":
    main()
