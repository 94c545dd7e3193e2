"""Cells of NAS-Bench-201 that one-shot tuners find on CIFAR-10, looked up in the benchmark's own table.

The search sees training images only; the table says what the derived cell reaches after 200 epochs, and its rank among
all 15,625. Nothing is retrained but for one epoch, and there are no baselines: the table has them. Milliseconds are the
time of the whole search per weight step, with all that the tuner asks for beside it. Small by default, for a CPU.

    python benchmarks/nasbench201_oneshot.py ~/cifar-10-batches-bin nasbench201.csv.gz [--cells 5 --images 50000]
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from command_line import EXAMPLES, Contender, Searched, searched, table

EXAMPLE = EXAMPLES / "nasbench201"
BATCH = 64
FAST = ("--set", "learning_rate=0.05")
TUNERS = {
    "darts": FAST,
    "gdas": FAST,
    "enas": ("--mode", "one-shot", "--set", "learning_rate=0.02", "--set", "samples=5", "--set", "updates=10"),
    "proxyless": (*FAST, "--set", "gradient_every=1", "--set", "frozen_share=0"),
}
HEADS = ("tuner", "seed", "accuracy (looked up)", "rank", "ms per step", "peak GB", "cell")


def contenders(names: Sequence[str], *, epochs: int, warmup: int) -> list[Contender]:
    """Return tuners by name, with settings for short searches."""
    schedule = ("--search-epochs", str(epochs), "--warmup-epochs", str(warmup), "--retrain-epochs", "1", "--no-trust")
    return [Contender(name, name, (*TUNERS[name], *schedule)) for name in names]


def row(result: Searched, *, home: Path, csv: Path) -> list[str]:
    """Return one line of the table."""
    if result.failure:
        return [result.name, str(result.seed), result.failure, "-", "-", "-", "-"]
    search = next(trial for trial in result.trials if trial["notes"]["role"] == "search")
    cell = next(trial["architecture"] for trial in result.trials if trial["notes"]["role"] == "retrain")
    benchmark = _benchmark()
    accuracy, rank, count = benchmark.look_up(csv, cell)
    return [
        result.name,
        str(result.seed),
        f"{accuracy:.2f} %",
        f"{rank:,} of {count:,}",
        f"{1000 * search['duration_s'] / _steps(home):.0f}",
        f"{result.peak_gb:.2f}",
        f"`{benchmark.name_of(cell).replace('|', '/')}`",  # a bar would end a column
    ]


def _steps(home: Path) -> int:
    """Weight steps of the search, as its log tells them."""
    (log,) = home.glob("experiments/*/logs/trial-0.log")
    told = re.search(r"(\d+) epochs of (\d+) batches", log.read_text(encoding="utf-8"))
    if told is None:
        raise SystemExit(f"{log} does not say how many steps the search takes.")
    return int(told[1]) * int(told[2])


def _benchmark() -> ModuleType:
    """The example's program that reads the table."""
    spec = importlib.util.spec_from_file_location("look_up", EXAMPLE / "look_up.py")
    if spec is None or spec.loader is None:
        raise SystemExit(f"There is no {EXAMPLE / 'look_up.py'}.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="One-shot tuners on NAS-Bench-201.")
    parser.add_argument("images", type=Path, metavar="CIFAR10", help="folder of the images")
    parser.add_argument("table", type=Path, help="table of the benchmark, .csv.gz")
    parser.add_argument("--tuners", default=",".join(TUNERS))
    parser.add_argument("--seeds", default="1,2,3", help="with commas")
    parser.add_argument("--search-epochs", type=int, default=5)
    parser.add_argument("--warmup-epochs", type=int, default=1)
    parser.add_argument("--count", type=int, default=4000, help="images for training")
    parser.add_argument("--cells", type=int, default=1, help="cells of each of three stages")
    parser.add_argument("--channels", type=int, default=16)
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> None:
    """Run all searches one after the other, and print the table."""
    arguments = _arguments(given)
    environment = {
        "CIFAR10": str(arguments.images.resolve()),
        "IMAGES": str(arguments.count),
        "CELLS": str(arguments.cells),
        "CHANNELS": str(arguments.channels),
        "BATCH": str(BATCH),
        "EPOCHS": str(arguments.search_epochs + arguments.warmup_epochs),  # of the cosine schedule
    }
    chosen = contenders(arguments.tuners.split(","), epochs=arguments.search_epochs, warmup=arguments.warmup_epochs)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in map(int, arguments.seeds.split(",")):
            for contender in chosen:
                home = Path(folder) / f"{len(rows)}"
                result = searched(contender, EXAMPLE / "trial.py", seed=seed, home=home, environment=environment)
                rows.append(row(result, home=home, csv=arguments.table))
                sys.stderr.write(f"{' | '.join(rows[-1])}\n")
    sys.stdout.write(table(HEADS, rows))


if __name__ == "__main__":
    main()
