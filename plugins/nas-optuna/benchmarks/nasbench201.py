"""Regret on NAS-Bench-201, CIFAR-10, by trials: Optuna's samplers beside random search and regularised evolution.

Searches see the accuracy on the validation images after 12 epochs. Reported are its regret, and the accuracy on the
test images after 200 epochs of the cell that was best on validation; that column no tuner sees. The table is a gzipped
CSV file with the columns ``ops`` (six digits), ``c10_val_e12`` and ``c10_test_e200``.

    python plugins/nas-optuna/benchmarks/nasbench201.py nasbench201.csv.gz --seeds 24
"""

from __future__ import annotations

import argparse
import csv
import gzip
import time
from pathlib import Path
from statistics import mean, stdev

import click
from nascore.record import JsonValue, Objective, Outcome, OutcomeStatus, Proposal, proposal_seed
from nascore.testing.spaces import KNOWN_SPACES
from nascore.tuner import Setup, load_tuner

SPACE = KNOWN_SPACES["nasbench201"]
OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
METRIC = "validation"
CHECKPOINTS = (50, 100, 200)
CONTENDERS: dict[str, tuple[str, dict[str, JsonValue]]] = {
    "random": ("random", {}),
    "regularized-evolution, P = 20, S = 5": ("regularized-evolution", {"population_size": 20, "sample_size": 5}),
    "tpe": ("tpe", {}),
    "tpe, without repetition": ("tpe", {"without_repetition": True}),
    "tpe, each decision by itself": ("tpe", {"multivariate": False}),
    "nsgaii, population 20": ("nsgaii", {"population_size": 20}),
}
Table = dict[str, tuple[float, float]]


def read(path: Path) -> Table:
    """Return validation and test accuracy by the six digits of a cell."""
    with gzip.open(path, "rt", newline="") as file:
        return {row["ops"]: (float(row["c10_val_e12"]), float(row["c10_test_e200"])) for row in csv.DictReader(file)}


def searched(name: str, settings: dict[str, JsonValue], table: Table, seed: int) -> list[str]:
    """Return the digits of the cells that a tuner proposes, in order."""
    tuner_type, _ = load_tuner(name)
    tuner = tuner_type(Setup(SPACE, (Objective(METRIC),), seed), tuner_type.settings_type.model_validate(settings))
    cells = []
    for number in range(CHECKPOINTS[-1]):
        proposal = tuner.ask(number, proposal_seed(seed, number))
        assert isinstance(proposal, Proposal)
        assert proposal.architecture is not None
        cells.append("".join(str(OPERATIONS.index(str(value))) for value in proposal.architecture.values()))
        tuner.tell(proposal, Outcome(OutcomeStatus.COMPLETED, {METRIC: table[cells[-1]][0]}))
    return cells


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--seeds", type=int, default=24)
    parser.add_argument("--only", action="append", choices=CONTENDERS, help="A contender; may be repeated.")
    arguments = parser.parse_args()
    table = read(arguments.table)
    best = max(validation for validation, _ in table.values())
    heads = " | ".join(f"regret at {count}" for count in CHECKPOINTS)
    click.echo(f"| {arguments.seeds} seeds | {heads} | test accuracy | distinct cells | processor ms a trial |")
    click.echo("|---|" + "---|" * (len(CHECKPOINTS) + 3))
    for label in arguments.only or CONTENDERS:
        name, settings = CONTENDERS[label]
        begun = time.process_time()
        runs = [searched(name, settings, table, seed) for seed in range(arguments.seeds)]
        spent = (time.process_time() - begun) / arguments.seeds / CHECKPOINTS[-1] * 1000
        regrets = [[best - max(table[cell][0] for cell in cells[:count]) for cells in runs] for count in CHECKPOINTS]
        tests = [table[max(cells, key=lambda cell: table[cell][0])][1] for cells in runs]
        columns = [*(f"{mean(each):.2f} ± {stdev(each):.2f}" for each in regrets)]
        columns += [f"{mean(tests):.2f} ± {stdev(tests):.2f}", f"{mean(len(set(cells)) for cells in runs):.0f}"]
        click.echo(f"| {label} | {' | '.join(columns)} | {spent:.2f} |")


if __name__ == "__main__":
    main()
