"""Cells of NAS-Bench-201 that one-shot tuners find on CIFAR-10, looked up in the benchmark's own table.

The search sees training images only; the table says what the derived cell reaches after 200 epochs, and its rank among
all 15,625. Nothing is retrained but for one epoch. Beside it stands what random search finds on average with the same
processor time: it trains so many cells by the same recipe as the time allows, and takes the one that the table's
accuracy after 12 epochs on the validation images prefers, which is more than it could know.

Rows are written as searches succeed, and what stands in the file of rows is not searched again; so a run may be
stopped. Small by default, for a CPU; OMP_NUM_THREADS=1 keeps it to one core.

    python benchmarks/nasbench201_oneshot.py ~/cifar-10-batches-bin nasbench201.csv.gz [--cells 5 --count 50000]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import runpy
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean

import nas_trial as nas
import torch
from bench201 import Bench201
from command_line import EXAMPLES, Contender, Searched, searched, table

TRIAL = EXAMPLES / "nasbench201" / "trial.py"
BATCH = 64
FAST = ("--set", "learning_rate=0.05")
TUNERS = {
    "darts": FAST,
    "gdas": FAST,
    "enas": ("--mode", "one-shot", "--set", "learning_rate=0.02", "--set", "samples=5", "--set", "updates=10"),
    "proxyless": (*FAST, "--set", "gradient_every=1", "--set", "frozen_share=0"),
}
HEADS = ("tuner", "seed", "accuracy (looked up)", "rank", "random", "CPU minutes", "peak GB", "cell")
MEASURED = 8
"""Random cells whose steps are timed."""


@dataclass(frozen=True, slots=True)
class Row:
    """What came of one search.

    Attributes:
        size: Images, cells, channels and epochs.
        tuner: The tuner.
        seed: Its seed.
        failure: Why there is no cell; empty if there is one.
        architecture: The derived cell.
        steps: Weight steps of the search.
        processor_s: Processor seconds of everything: search, one epoch of retraining, server and start.
        peak_gb: The largest process.
    """

    size: str
    tuner: str
    seed: int
    failure: str
    architecture: Mapping[str, str]
    steps: int
    processor_s: float
    peak_gb: float


def contenders(names: Sequence[str], *, epochs: int, warmup: int) -> list[Contender]:
    """Return tuners by name, with settings for short searches."""
    schedule = ("--search-epochs", str(epochs), "--warmup-epochs", str(warmup), "--retrain-epochs", "1", "--no-trust")
    return [Contender(name, name, (*TUNERS[name], *schedule)) for name in names]


def row_of(result: Searched, *, size: str, home: Path) -> Row:
    """Return what is kept of a search."""
    cells = [trial["architecture"] for trial in result.trials if trial["notes"].get("role") == "retrain"]
    failure = result.failure or ("" if cells else result.message)
    return Row(
        size,
        result.name,
        result.seed,
        failure,
        architecture={} if failure else cells[0],
        steps=0 if failure else _steps(home),
        processor_s=round(result.processor_s, 1),
        peak_gb=round(result.peak_gb, 2),
    )


def _steps(home: Path) -> int:
    """Weight steps of the search, as its log tells them."""
    (log,) = home.glob("experiments/*/logs/trial-0.log")
    told = re.search(r"(\d+) epochs of (\d+) batches", log.read_text(encoding="utf-8"))
    if told is None:
        raise SystemExit(f"{log} does not say how many steps the search takes.")
    return int(told[1]) * int(told[2])


def line(row: Row, cells: Bench201, *, random_s: float) -> list[str]:
    """Return one line of the table; ``random_s`` are the processor seconds in which random search trains a cell."""
    if row.failure:
        return [row.tuner, str(row.seed), row.failure, "-", "-", f"{row.processor_s / 60:.1f}", "-", "-"]
    found, count = cells.cell(row.architecture), _affordable(row, random_s)
    return [
        row.tuner,
        str(row.seed),
        f"{found.accuracy:.2f} %",
        f"{cells.rank(found):,}",
        f"{cells.random(count):.2f} % (best of {count})",
        f"{row.processor_s / 60:.1f}",
        f"{row.peak_gb:.2f}",
        f"`{found.name.replace('|', '/')}`",  # a bar would end a column
    ]


def summary(rows: Sequence[Row], cells: Bench201, *, random_s: float) -> str:
    """Return the means over seeds, and what to hold them against."""
    lines = []
    for tuner in dict.fromkeys(row.tuner for row in rows if not row.failure):
        own = [row for row in rows if row.tuner == tuner and not row.failure]
        found = mean(cells.cell(row.architecture).accuracy for row in own)
        rival = mean(cells.random(_affordable(row, random_s)) for row in own)
        lines.append(f"{tuner}: {found:.2f} % over {len(own)} seeds, random {rival:.2f} %")
    lines.append(", ".join(f"{name} {accuracy:.2f} %" for name, accuracy in cells.landmarks().items()))
    hours = sum(row.processor_s for row in rows) / 3600
    return "\n".join([*lines, f"{hours:.2f} processor hours; random search trains a cell in {random_s:.1f} s"]) + "\n"


def _affordable(row: Row, random_s: float) -> int:
    return max(1, int(row.processor_s / random_s))


def random_seconds(*, images: int, epochs: int) -> float:
    """Processor seconds of training a cell by the example's recipe: the mean step of some random cells, times steps."""
    trial = runpy.run_path(str(TRIAL))["Cifar"]()
    space, generator = nas.extract(trial.build), random.Random(0)
    batch = next(iter(trial.train_batches()))
    steps = [_step_seconds(trial, space.sample(generator), batch) for _ in range(MEASURED)]
    return mean(steps) * epochs * -(-images // BATCH)


def _step_seconds(trial: nas.Trial, architecture: Mapping[str, object], batch: object) -> float:
    model = nas.build(trial.build, architecture)
    optimizer = trial.optimizer(model.parameters())
    seconds = []
    for _ in range(3):
        started = time.process_time()
        optimizer.zero_grad()
        trial.training_step(model, batch).backward()
        optimizer.step()
        seconds.append(time.process_time() - started)
    return min(seconds)


def _kept(path: Path | None, size: str) -> list[Row]:
    if path is None or not path.exists():
        return []
    rows = [Row(**json.loads(text)) for text in path.read_text(encoding="utf-8").splitlines()]
    return [row for row in rows if row.size == size]


def _keep(path: Path | None, row: Row) -> None:
    if path is not None:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(row)) + "\n")


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="One-shot tuners on NAS-Bench-201.")
    parser.add_argument("images", type=Path, metavar="CIFAR10", help="folder of the images")
    parser.add_argument("table", type=Path, help="table of the benchmark, .csv.gz")
    parser.add_argument("--rows", type=Path, help="file where rows are kept as they finish")
    parser.add_argument("--tuners", default=",".join(TUNERS))
    parser.add_argument("--seeds", default="1,2,3", help="with commas")
    parser.add_argument("--search-epochs", type=int, default=5)
    parser.add_argument("--warmup-epochs", type=int, default=1)
    parser.add_argument("--count", type=int, default=4000, help="images for training")
    parser.add_argument("--cells", type=int, default=1, help="cells of each of three stages")
    parser.add_argument("--channels", type=int, default=16)
    return parser.parse_args(given)


def _environment(arguments: argparse.Namespace) -> dict[str, str]:
    return {
        "CIFAR10": str(arguments.images.resolve()),
        "IMAGES": str(arguments.count),
        "CELLS": str(arguments.cells),
        "CHANNELS": str(arguments.channels),
        "BATCH": str(BATCH),
        "EPOCHS": str(arguments.search_epochs + arguments.warmup_epochs),  # of the cosine schedule
    }


def main(given: Sequence[str] | None = None) -> None:
    """Run all searches one after the other, and print the table."""
    arguments = _arguments(given)
    os.environ.update(_environment(arguments))
    epochs, warmup = arguments.search_epochs, arguments.warmup_epochs
    size = f"{arguments.count} images, {arguments.cells} x {arguments.channels}, {warmup} + {epochs} epochs"
    cells, rows = Bench201(arguments.table), _kept(arguments.rows, size)
    torch.set_num_threads(1)
    random_s = random_seconds(images=arguments.count, epochs=epochs + warmup)
    for seed in map(int, arguments.seeds.split(",")):
        for contender in contenders(arguments.tuners.split(","), epochs=epochs, warmup=warmup):
            if any((row.tuner, row.seed) == (contender.tuner, seed) for row in rows):
                continue
            with tempfile.TemporaryDirectory() as home:
                result = searched(contender, TRIAL, seed=seed, home=Path(home), environment={})
                rows.append(row_of(result, size=size, home=Path(home)))
            if not rows[-1].failure:
                _keep(arguments.rows, rows[-1])
            sys.stderr.write(f"{' | '.join(line(rows[-1], cells, random_s=random_s))}  ({result.seconds:.0f} s)\n")
    sys.stdout.write(f"{size}\n\n{table(HEADS, [line(row, cells, random_s=random_s) for row in rows])}\n")
    sys.stdout.write(summary(rows, cells, random_s=random_s))


if __name__ == "__main__":
    main()
