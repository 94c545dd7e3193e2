"""In-process ask+tell of our strategies at 100 and 10 000 trials, beside plain Python, Rustuna and Optuna.

Space: 28 categorical decisions of five candidates, as in research on peers. Prints one Markdown table.

    python benchmarks/ask_tell.py [--rounds 7]
"""

from __future__ import annotations

import argparse
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import optuna
import rustuna
from nas_evolution import RegularizedEvolution
from nas_random import RandomSearch
from nascore.record import Objective, Outcome, OutcomeStatus, Proposal, proposal_seed
from nascore.space import Candidate, OneOf, SearchSpace
from nascore.tuner import Setup, Tuner

sys.path.insert(0, str(Path(__file__).parent))
import pairs

LABELS = tuple(f"choice{index:02}" for index in range(28))
KEYS = ("a", "b", "c", "d", "e")
SPACE = SearchSpace(tuple(OneOf(label, tuple(Candidate(key) for key in KEYS)) for label in LABELS))
SIZES = (100, 10_000)
PEERS = ("rustuna", "optuna")
OURS = {"nas-random": RandomSearch, "nas-evolution": RegularizedEvolution}


def ours(kind: type[Tuner]) -> Callable[[], None]:
    """Return one ask+tell of a strategy of ours, its seed derived as in production."""
    tuner = kind(Setup(SPACE, (Objective("accuracy"),), seed=1), kind.settings_type())
    count = 0

    def step() -> None:
        nonlocal count
        proposal = tuner.ask(count, proposal_seed(1, count))
        assert isinstance(proposal, Proposal)
        tuner.tell(proposal, Outcome(OutcomeStatus.COMPLETED, {"accuracy": (count * 7919 % 1000) / 1000}))
        count += 1

    return step


def plain() -> Callable[[], None]:
    """Return the floor: a dictionary of random picks and a list of results."""
    rng, told = random.Random(1), []

    def step() -> None:
        architecture = {label: KEYS[int(rng.random() * 5)] for label in LABELS}
        told.append((architecture, 0.5))

    return step


def peer(study: optuna.Study | rustuna.Study) -> Callable[[], None]:
    """Return one ask+tell of an Optuna-like study."""

    def step() -> None:
        trial = study.ask()
        for label in LABELS:
            trial.suggest_categorical(label, list(KEYS))
        study.tell(trial.number, 0.5)

    return step


def contenders() -> dict[str, Callable[[], Callable[[], None]]]:
    """Return who is measured: name and maker of a step."""
    return {
        "plain Python": plain,
        **{name: (lambda kind=kind: ours(kind)) for name, kind in OURS.items()},
        "rustuna random": lambda: peer(rustuna.create_study(sampler=rustuna.samplers.RandomSampler())),
        "optuna random": lambda: peer(optuna.create_study(sampler=optuna.samplers.RandomSampler())),
    }


def timed(step: Callable[[], None], cycles: int) -> float:
    """Return seconds a step over ``cycles`` steps."""
    begun = time.perf_counter()
    for _ in range(cycles):
        step()
    return (time.perf_counter() - begun) / cycles


def in_fresh_process(name: str, size: int) -> float:
    """Return seconds a step at ``size`` trials, measured where no other contender's objects burden the collector."""
    command = [sys.executable, __file__, "--one", name, str(size)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def one(name: str, size: int) -> float:
    """Return seconds a step of one contender after ``size`` trials."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    step = contenders()[name]()
    timed(step, size)
    return timed(step, 100 if name.startswith("optuna") else 1000)


def main() -> None:
    """Measure and print the table, or one cell of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--one", nargs=2, metavar=("NAME", "SIZE"))
    options = parser.parse_args()
    if options.one:
        print(one(options.one[0], int(options.one[1])))
        return
    names = list(contenders())
    results = {}
    for size in SIZES:
        samples = {name: partial(in_fresh_process, name, size) for name in names}
        results[size] = pairs.measure(samples, rounds=options.rounds)
    print(pairs.machine("nascore", "optuna", "rustuna"))
    header = ["", *(f"µs at {size:,}" for size in SIZES), "growth", *(f"{p} / ours at 10,000" for p in PEERS)]
    small, large = results[SIZES[0]], results[SIZES[1]]
    rows = []
    for name in small:
        cells = [f"{statistics.median(results[size][name]) * 1e6:.1f}" for size in SIZES]
        against = [str(pairs.ratio(large[f"{p} random"], large[name])) if name in OURS else "" for p in PEERS]
        rows.append([name, *cells, f"{statistics.median(large[name]) / statistics.median(small[name]):.2f}x", *against])
    print(pairs.table(header, rows))


if __name__ == "__main__":
    main()
