"""The digits demo as it stands under every tuner: what is derived, and what it is held against.

Trials are retrained for a few epochs instead of the demo's 40, and searches are short, for which the published learning
rates of architecture parameters are too small: settings are those that the plugins' READMEs name for short searches,
and no test metric chose them; ``--published`` takes the defaults. ``random`` and ``regularized-evolution`` train so
many networks; the others derive one from a supernet, and print the trust report's figures, all on the test half.

    python benchmarks/digits_oneshot.py [--seeds 3] [--search-epochs 10] [--only darts,gdas] [--published]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from command_line import EXAMPLES, Contender, Searched, searched, table

TRIAL = EXAMPLES / "digits" / "trial.py"
FAST = ("--set", "learning_rate=0.05")
HEADS = (
    "tuner",
    "search epochs",
    "device-seconds",
    "derived accuracy (test)",
    "best of N random",
    "all-largest",
    "all-skip",
    "Kendall's tau",
)
ONE_SHOT = ("--mode", "one-shot")
MULTI_TRIAL = ("random", "regularized-evolution")


def contenders(*, trials: int, is_published: bool = False) -> list[Contender]:
    """Return all tuners, with the settings for short searches."""
    fast = {
        "enas": ("--set", "learning_rate=0.02", "--set", "samples=5", "--set", "updates=10"),
        "reinforce": ("--set", "learning_rate=0.1"),
        "ppo": ("--set", "learning_rate=0.01"),
        "gdas": (*FAST, "--set", "first_temperature=1"),
        "proxyless": (*FAST, "--set", "gradient_every=1", "--set", "frozen_share=0"),
    }
    count = ("--trials", str(trials))
    rates: dict[str, tuple[str, ...]] = {} if is_published else fast
    usual = () if is_published else FAST
    gradients = ("darts", "gdas", "snas", "proxyless", "directgrad", "pc-darts", "drnas")
    return [
        *(Contender(name, name, count) for name in MULTI_TRIAL),
        *(Contender(name, name, (*ONE_SHOT, *rates.get(name, ()))) for name in ("enas", "reinforce", "ppo")),
        *(Contender(name, name, rates.get(name, usual)) for name in gradients),
        Contender("darts, order 2", "darts", (*usual, "--set", "order=2")),
    ]


def experiment_file(folder: Path, arguments: argparse.Namespace) -> Path:
    """Write the plan of all one-shot searches; JSON is YAML."""
    random = arguments.random
    plan = {
        "trialFile": str(TRIAL),
        "search": {"epochs": arguments.search_epochs, "warmupEpochs": arguments.warmup_epochs},
        "retrain": {"epochs": arguments.retrain_epochs},
        "trust": {"random": random, "sampled": min(arguments.sampled, random)},
    }
    path = folder / "experiment.yaml"
    path.write_text(json.dumps(plan), encoding="utf-8")
    return path


def row(result: Searched, *, epochs: int) -> list[str]:
    """Return one line of the table."""
    if result.failure:
        return [result.name, "-", "-", result.failure, "-", "-", "-", "-"]
    if not result.trust:
        accuracies = [trial["metrics"].get("accuracy", 0.0) for trial in result.trials]
        seconds = sum(trial["duration_s"] or 0.0 for trial in result.trials)
        return [result.name, "-", f"{seconds:.0f}", f"{max(accuracies):.3f} (validation)", "-", "-", "-", "-"]
    trust = result.trust
    tau = trust["kendall_tau"]
    others = [_value(trust[name]) for name in ("derived", "random", "largest", "skip")]
    if trust["random"]:
        others[1] += f" of {trust['random']['networks']}"
    seconds = trust["device_seconds"]
    return [result.name, str(epochs), f"{seconds:.0f}", *others, "-" if tau is None else f"{tau:.2f}"]


def _value(baseline: Mapping[str, Any] | None) -> str:
    return "-" if baseline is None else f"{baseline['value']:.3f}"


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="The digits demo under every tuner.")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--search-epochs", type=int, default=10)
    parser.add_argument("--warmup-epochs", type=int, default=2)
    parser.add_argument("--retrain-epochs", type=int, default=10)
    parser.add_argument("--random", type=int, default=16, help="random networks of the trust report, at most")
    parser.add_argument("--sampled", type=int, default=6, help="of them, those that the supernet scores")
    parser.add_argument("--trials", type=int, default=16, help="networks that multi-trial tuners train")
    parser.add_argument("--only", default="", help="names of tuners, with commas")
    parser.add_argument("--published", action="store_true", help="the defaults of all tuners")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> None:
    """Run all searches one after the other, and print the table."""
    arguments = _arguments(given)
    wanted = arguments.only.split(",") if arguments.only else None
    chosen = [
        each
        for each in contenders(trials=arguments.trials, is_published=arguments.published)
        if wanted is None or each.tuner in wanted
    ]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        plan = experiment_file(Path(folder), arguments)
        for seed in range(1, arguments.seeds + 1):
            for contender in chosen:
                home = Path(folder) / f"{len(rows)}"
                experiment = TRIAL if contender.tuner in MULTI_TRIAL else plan
                result = searched(contender, experiment, seed=seed, home=home, environment={})
                rows.append(row(result, epochs=arguments.search_epochs))
                sys.stderr.write(f"{' | '.join(rows[-1])}  ({result.seconds:.0f} s)\n")
    sys.stdout.write(table(HEADS, rows))


if __name__ == "__main__":
    main()
