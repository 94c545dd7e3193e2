"""Processor time and memory of what one-shot tuners ask for on NAS-Bench-201, at the published size, step by step.

Each tuner is in the process of the supernet and asks as it does in a search: DARTS and ProxylessNAS for TRAIN and
GRADIENT of mixtures, GDAS of paths that it draws anew, ENAS for TRAIN of paths, and SCORE of some after that. Images
are random numbers, neither read nor cropped. Every row is a process of its own with one thread: the median of its
processor milliseconds, and the peak of its memory less what it held before its first sample.

    python benchmarks/nasbench201_steps.py [--cells 5] [--width 16] [--batch 64] [--steps 3]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median

import nas_trial as nas
import torch
from command_line import table
from nas_darts import Darts, Gdas, Proxyless
from nas_enas import Enas
from nas_trial.oneshot.executor import Executor
from nascore.record import JsonValue, Objective, Outcome, Proposal, Task
from nascore.tuner import Schedule, Settings, Setup, Tuner
from nascore.tuner.samples import LocalExchange
from oneshot import Search
from torch import Tensor

TUNERS: Mapping[str, tuple[type[Tuner[Settings]], dict[str, JsonValue]]] = {
    "darts": (Darts, {}),
    "gdas": (Gdas, {}),
    "enas": (Enas, {"samples": 3, "updates": 1}),
    "proxyless": (Proxyless, {"gradient_every": 1, "frozen_share": 0}),
}
HEADS = ("tuner", "TRAIN, ms", "GRADIENT, ms", "SCORE, ms", "peak MB")
Batch = tuple[Tensor, Tensor]


def samples(exchange: LocalExchange, told: list[tuple[int, Outcome]]) -> Iterator[Proposal]:
    """What the tuner asks for, until it has enough or compares networks on the whole search split."""
    while True:
        answer = exchange.exchange(told, 1)
        told.clear()
        for sample in answer.samples:
            if sample.budget is not None:
                return
            yield sample
        if not answer.samples:
            return


def measured(name: str, options: argparse.Namespace) -> dict[str, float]:
    """Milliseconds of each task, and megabytes."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    trial = Search("nasbench201", width=options.width, depth=options.cells, layers=0)
    executor = Executor(trial, nas.build(trial.build, None))
    batch = torch.randn(options.batch, 3, 32, 32), torch.randint(0, 10, (options.batch,))
    tuner, settings = TUNERS[name]
    setup = Setup(nas.extract(trial.build), (Objective("accuracy"),), 1, schedule=Schedule(1))
    exchange = LocalExchange(tuner, setup, settings, 1)
    exchange.begin(batches_per_epoch=options.steps)
    before = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() // 2**20
    spent, told = defaultdict(list), []
    for sample in samples(exchange, told):
        started = time.process_time()
        outcome = _carried_out(executor, sample, batch)
        spent[sample.task].append(time.process_time() - started)
        told.append((sample.number, outcome))
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {**{task.name: 1000 * median(each) for task, each in spent.items()}, "megabytes": most - before}


def _carried_out(executor: Executor, sample: Proposal, batch: Batch) -> Outcome:
    match sample.task:
        case Task.TRAIN:
            return executor.train(sample, [batch])
        case Task.GRADIENT:
            return executor.gradient(sample, [batch])
        case _:
            return executor.score(sample, [batch])


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("cells", 5), ("width", 16), ("batch", 64), ("steps", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--tuners", default=",".join(TUNERS))
    parser.add_argument("--row", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.row:
        print(json.dumps(measured(options.row, options)))
        return
    rows = []
    for name in options.tuners.split(","):
        command = [sys.executable, *sys.argv, "--row", name]
        found = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
        tasks = [f"{found[task]:.0f}" if task in found else "-" for task in ("TRAIN", "GRADIENT", "SCORE")]
        rows.append([name, *tasks, f"{found['megabytes']:.0f}"])
        sys.stderr.write(f"{' | '.join(rows[-1])}\n")
    print(f"{options.cells} cells a stage of {options.width} channels, batch {options.batch}\n\n{table(HEADS, rows)}")


if __name__ == "__main__":
    main()
