"""Durable trials a second after 100, 1 000, 10 000 and 100 000 finished trials, beside Optuna where it gets that far.

Each sample works on a copy of a filled log (filling.py), served anew; the time that the server and the tuner take to
read it is not counted here (recovery.py counts it). Goal: at 100 000 at most 10 % slower than at 100.

    python benchmarks/growth.py [--rounds 5] [--seconds 3] [--sizes 100,1000,10000,100000] [--workers 1,64] [--quick]
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import crowd
import filling
import load
import pairs
import peers
import scene

SIZES = (100, 1_000, 10_000, 100_000)
PEERS = {"sqlite": 10_000, "journal": 10_000, "proxy": 1_000}
"""Kinds, and the largest size that each is measured at: beyond it one trial takes seconds, or filling takes hours."""


def ours(filled: Path, workers: int, seconds: float) -> pairs.Values:
    """Sample our server on a copy of a filled log."""
    with scene.folder() as folder:
        home = folder / "home"
        shutil.copytree(filled, home)
        with scene.serving(home) as place:
            crowd.run(place, crowd.Plan(1, 0.0, warm_up_s=0.0, run="first"))  # The tuner is brought up to date.
            return load.flat(load.put_on(place, crowd.Plan(workers, seconds, run="then")))


def peer(kind: str, filled: Path, seconds: float) -> pairs.Values:
    """Sample a peer with one worker on a copy of a filled study."""
    with scene.folder() as folder:
        copy = folder / "study"
        shutil.copytree(filled, copy)
        return peers.sample(kind, copy, workers=1, seconds=seconds)


def prepared(folder: Path, sizes: Sequence[int], kinds: Sequence[str], tuner: str) -> None:
    """Fill a log of ours and a study of each peer for every size."""
    for size in sizes:
        print(f"growth: filling {size:,} trials", file=sys.stderr, flush=True)
        filling.fill(_made(folder / f"nascore-{size}"), size, tuner=tuner)
        for kind in kinds:
            if size <= PEERS[kind]:
                peers.fill(kind, _made(folder / f"{kind}-{size}"), size)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def contenders(
    folder: Path, sizes: Sequence[int], counts: Sequence[int], kinds: Sequence[str], seconds: float
) -> dict[str, Callable[[], pairs.Values]]:
    """Return who is measured: name, workers and size, and how."""
    found: dict[str, Callable[[], pairs.Values]] = {}
    for size in sizes:
        for count in counts:
            found[f"nascore | {count} | {size}"] = partial(ours, folder / f"nascore-{size}", count, seconds)
        for kind in kinds:
            if size <= PEERS[kind]:
                name = f"{peers.NAMES[kind]} | 1 | {size}"
                found[name] = partial(peer, kind, folder / f"{kind}-{size}", seconds)
    return found


def rows(samples: dict[str, list[pairs.Values]], sizes: Sequence[int]) -> list[list[str]]:
    """Return a line for each contender: trials a second at each size, and how much slower the largest is."""
    found = []
    for line in dict.fromkeys(name.rpartition(" | ")[0] for name in samples):
        rates = {size: samples[f"{line} | {size}"] for size in sizes if f"{line} | {size}" in samples}
        columns = {size: pairs.column(values, "trials_a_second") for size, values in rates.items()}
        cells = [pairs.number(pairs.median(columns[size]), 1) if size in columns else "–" for size in sizes]
        slower = pairs.ratio(columns[min(columns)], columns[max(columns)])
        key = "server_ms" if line.startswith("nascore") else "processor_ms"
        spent = [pairs.column(rates[size], key) for size in (max(rates), min(rates))]
        who, _, count = line.partition(" | ")
        found.append([who, count, *cells, f"{slower} at {max(columns):,}", str(pairs.ratio(*spent))])
    return found


def main() -> None:
    """Measure and print the table."""
    parser = pairs.options(__doc__, rounds=5, seconds=3.0)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--workers", default="1,64")
    parser.add_argument("--peers", default=",".join(PEERS), help="empty: none")
    parser.add_argument("--tuner", choices=tuple(filling.TUNERS), default="random")
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    counts = [int(count) for count in options.workers.split(",")]
    kinds = [kind for kind in options.peers.split(",") if kind]
    rounds, seconds = options.rounds, options.seconds
    if options.quick:
        sizes, counts, kinds, rounds, seconds = [10, 1_000], [1], [], 1, 0.3
    with scene.folder() as folder:
        prepared(folder, sizes, kinds, options.tuner)
        who = contenders(folder, sizes, counts, kinds, seconds)
        samples = pairs.collect("growth", who, rounds=rounds, record=options.record)
    print(pairs.machine("nascore", "grpcio", "optuna"))
    print("Trials a second after so many; how much slower at the largest, and how much more processor time there\n")
    header = ["who", "workers", *(f"{size:,}" for size in sizes), "slower", "processor time"]
    print(pairs.table(header, rows(samples, sizes)))


if __name__ == "__main__":
    main()
