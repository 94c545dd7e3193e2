"""Processor time of a trial through the adapter beside plain Optuna: the same samplers, seeds and proposals, in turns.

First Optuna's TPE as a tuner of nascore; then random search of nascore as a sampler of Optuna, beside Optuna's own.

    python plugins/nas-optuna/benchmarks/overhead.py --trials 1000 --reseeded
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from random import Random
from statistics import median

import click
import optuna
from nas_optuna import NascoreSampler, Tpe, TpeSettings
from nascore.record import Objective, Outcome, OutcomeStatus, Proposal, proposal_seed
from nascore.testing.spaces import KNOWN_SPACES
from nascore.tuner import Setup
from optuna.samplers import BaseSampler, RandomSampler, TPESampler

SPACE = KNOWN_SPACES["flat28"]
KEYS = ("conv3", "conv5", "dw3", "pool", "skip")
PATHS = tuple(row.path for row in SPACE.decisions)
WINDOW = 50
Trial = Callable[[int], dict[str, str]]


def skips(params: dict[str, str]) -> float:
    """Return what is maximised."""
    return float(list(params.values()).count("skip"))


def plain(sampler: BaseSampler | None) -> Trial:
    """Return a trial of plain Optuna; without a sampler by TPE, seeded for each trial as the adapter seeds it."""
    study = optuna.create_study(direction="maximize", sampler=sampler)

    def trial(number: int) -> dict[str, str]:
        if sampler is None:
            seed = int(Random(proposal_seed(1, number)).random() * 2**32)
            study.sampler = TPESampler(seed=seed, multivariate=True)
        asked = study.ask()
        params = {path: str(asked.suggest_categorical(path, KEYS)) for path in PATHS}
        study.tell(asked, skips(params))
        return params

    return trial


def adapted() -> Trial:
    """Return a trial of the tuner ``tpe``."""
    tuner = Tpe(Setup(SPACE, (Objective("skips"),), 1), TpeSettings())

    def trial(number: int) -> dict[str, str]:
        proposal = tuner.ask(number, proposal_seed(1, number))
        assert isinstance(proposal, Proposal)
        params = {path: str(value) for path, value in (proposal.architecture or {}).items()}
        tuner.tell(proposal, Outcome(OutcomeStatus.COMPLETED, {"skips": skips(params)}))
        return params

    return trial


def compared(contenders: dict[str, Trial], trials: int) -> dict[str, list[float]]:
    """Return milliseconds of processor time of every trial, contenders taking turns."""
    spent: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(trials):
        for name, trial in contenders.items():
            begun = time.process_time()
            trial(number)
            spent[name].append((time.process_time() - begun) * 1000)
    return spent


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--reseeded", action="store_true", help="Also plain Optuna with a sampler for each trial.")
    arguments = parser.parse_args()
    trials = arguments.trials
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.simplefilter("ignore")
    same = plain(None), adapted()
    assert all(same[0](number) == same[1](number) for number in range(40)), "the proposals differ"
    ends = [end for end in (100, 300, 1000, 3000, 10_000) if end <= trials]
    click.echo("| ms of processor time a trial | " + " | ".join(f"at {end}" for end in ends) + " |")
    click.echo("|---|" + "---|" * len(ends))
    by_tpe: dict[str, Trial] = {
        "Optuna, TPE": plain(TPESampler(seed=1, multivariate=True)),
        "nascore, tpe": adapted(),
    }
    if arguments.reseeded:
        by_tpe["Optuna, TPE, a sampler for each trial"] = plain(None)
    at_random: dict[str, Trial] = {
        "Optuna, random": plain(RandomSampler(seed=1)),
        "Optuna, NascoreSampler('random')": plain(NascoreSampler("random", SPACE, seed=1)),
    }
    for contenders in (by_tpe, at_random):
        for name, spent in compared(contenders, trials).items():
            columns = [f"{median(spent[max(0, end - WINDOW) : end]):.2f}" for end in ends]
            click.echo(f"| {name} | {' | '.join(columns)} |")


if __name__ == "__main__":
    main()
