"""Durable trials a second through the real server with 1, 8, 64 and 500 workers, beside peers and limits.

All write to the same disk and answer only when the trial is stored: nascore through `nascore serve` over a Unix socket
with SQLite at synchronous=FULL, the peers as they come. A trial is 28 categorical decisions of five candidates, drawn
at random on all sides, and costs nothing. The workers of ours and of the echo are driven by one process (crowd.py),
those of the peers by their own clients in up to eight processes. Limits: the same calls on a server that only echoes,
and one durable commit. Prints a Markdown table; every sample is kept as a JSON line.

    python benchmarks/durable.py [--rounds 5] [--seconds 3] [--workers 1,8,64,500] [--peers ...] [--quick]
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import crowd
import limits
import load
import pairs
import peers
import scene

WORKERS = (1, 8, 64, 500)
MOST_OF_PEERS = 64
OURS, SEPARATE, UNARY = "nascore", "nascore, ask and tell apart", "nascore, a call each instead of a stream"
ECHO, COMMIT = "limit: echo over gRPC calls", "limit: durable commit"


def ours(workers: int, seconds: float, *, is_fused: bool = True, is_unary: bool = False) -> pairs.Values:
    """Sample our server."""
    plan = crowd.Plan(workers, seconds, is_fused=is_fused, is_unary=is_unary)
    with scene.folder() as home, scene.serving(home) as place:
        return load.flat(load.put_on(place, plan))


def echo(workers: int, seconds: float) -> pairs.Values:
    """Sample the echo under the same load."""
    with scene.folder() as folder, limits.echo(folder) as place:
        return load.flat(load.put_on(place, crowd.Plan(workers, seconds, is_unary=True), keeps_log=False))


def commit(seconds: float) -> pairs.Values:
    """Sample one insert and durable commit."""
    with scene.folder() as folder:
        return {"trials_a_second": 1 / limits.commit_s(folder, seconds)}


def peer(kind: str, workers: int, seconds: float) -> pairs.Values:
    """Sample a peer on a fresh study."""
    with scene.folder() as folder:
        peers.fill(kind, folder, 0)
        return peers.sample(kind, folder, workers=workers, seconds=seconds)


def contenders(counts: list[int], kinds: list[str], seconds: float) -> dict[str, Callable[[], pairs.Values]]:
    """Return who is measured: name (with the number of workers) and how."""
    found: dict[str, Callable[[], pairs.Values]] = {COMMIT: partial(commit, min(seconds, 1.0))}
    for count in counts:
        found[f"{OURS} | {count}"] = partial(ours, count, seconds)
        found[f"{SEPARATE} | {count}"] = partial(ours, count, seconds, is_fused=False)
        found[f"{UNARY} | {count}"] = partial(ours, count, seconds, is_unary=True)
        found[f"{ECHO} | {count}"] = partial(echo, count, seconds)
        for kind in kinds if count <= MOST_OF_PEERS else ():
            found[f"{peers.NAMES[kind]} | {count}"] = partial(peer, kind, count, seconds)
    return found


def row(name: str, samples: dict[str, list[pairs.Values]]) -> list[str]:
    """Return a line of the table; the ratio says how many times more trials a second ours does."""
    who, _, count = name.partition(" | ")
    mine = samples[name]
    keys = ("tell+ask", "ask", "tell") if who in (OURS, UNARY, ECHO) else ("ask", "tell")
    delays = [f"{_delay(mine, key, 'p50')} / {_delay(mine, key, 'p99')}" for key in keys if _is_there(mine, key)]
    servers = "server_ms" in mine[0] if mine else False
    spent = ("server_ms", "children_ms", "load_ms") if servers else ("processor_ms",)
    processor = " + ".join(pairs.number(pairs.median(pairs.column(mine, key))) for key in spent)
    rate = pairs.column(mine, "trials_a_second")
    base = samples.get(f"{OURS} | {count}")
    against = "" if base is None or who == OURS else str(pairs.ratio(pairs.column(base, "trials_a_second"), rate))
    errors = pairs.median(pairs.column(mine, "errors"))
    said = f" ({errors:.0f} errors)" if errors > 0 else ""
    return [f"{who}{said}", count, pairs.number(pairs.median(rate), 1), "; ".join(delays), processor, against]


def _delay(samples: list[pairs.Values], kind: str, quantile: str) -> str:
    return pairs.number(pairs.median(pairs.column(samples, f"{kind}_{quantile}")), 1)


def _is_there(samples: list[pairs.Values], kind: str) -> bool:
    return any(sample.get(f"{kind}_calls", 0) for sample in samples)


def main() -> None:
    """Measure and print the table."""
    parser = pairs.options(__doc__, rounds=5, seconds=3.0)
    parser.add_argument("--workers", default=",".join(map(str, WORKERS)))
    parser.add_argument("--peers", default=",".join(peers.available()), help="empty: none")
    options = parser.parse_args()
    counts = [int(count) for count in options.workers.split(",")]
    kinds = [kind for kind in options.peers.split(",") if kind]
    rounds, seconds = options.rounds, options.seconds
    if options.quick:
        counts, kinds, rounds, seconds = [1, 8], [kind for kind in kinds if kind == "journal"], 1, 0.3
    samples = pairs.collect("durable", contenders(counts, kinds, seconds), rounds=rounds, record=options.record)
    print(pairs.machine("nascore", "grpcio", "optuna"))
    header = [
        "who",
        "workers",
        "trials a second",
        "p50 / p99, ms",
        "processor ms a trial",
        "nascore beside it",
    ]
    print(pairs.table(header, [row(name, samples) for name in samples]))
    print(
        "\np50 / p99 of: tell+ask in one message; or ask; tell. "
        "Processor: server + tuner's host + load; a peer's in all."
    )


if __name__ == "__main__":
    main()
