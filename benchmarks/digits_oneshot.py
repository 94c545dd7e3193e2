"""The digits demo as it stands under every tuner, at its defaults: what is derived, and what it is held against.

The one-shot tuners derive one network from a supernet and retrain it, and the trust report trains random networks for
as many device-seconds; all figures are of the test half. ``random`` and ``regularized-evolution`` train networks for as
many seconds as the one-shot searches before them took device-seconds in the median; of them the best is shown by its
validation accuracy, by which it is the best, for such trials report no other.

    python benchmarks/digits_oneshot.py [--seeds 1] [--search-epochs 45] [--only darts,gdas]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from command_line import EXAMPLES, Contender, Searched, searched, table

TRIAL = EXAMPLES / "digits" / "trial.py"
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


ONE_SHOT_TUNERS = (
    *(Contender(name, name, ONE_SHOT) for name in ("reinforce", "enas", "ppo", "gdas", "proxyless", "directgrad")),
    *(Contender(name, name, ONE_SHOT) for name in ("darts", "snas", "drnas", "pc-darts")),
    Contender("darts, order 2", "darts", (*ONE_SHOT, "--set", "order=2")),
)
LIKELY_S = 120.0
"""Device-seconds of a multi-trial search where no one-shot search ran before it."""


def multi_trial(seconds: float) -> tuple[Contender, ...]:
    """Return the tuners that train networks, to be ended after so many seconds."""
    limits = ("--duration", f"{seconds:.0f}s", "--trials", "1000")
    return tuple(Contender(name, name, limits) for name in ("random", "regularized-evolution"))


def experiment_file(folder: Path, arguments: argparse.Namespace) -> Path:
    """Write the plan of all one-shot searches; JSON is YAML."""
    random = arguments.random
    plan = {
        "trialFile": str(TRIAL),
        "search": {"epochs": arguments.search_epochs, "warmupEpochs": arguments.warmup_epochs},
        **({} if arguments.retrain_epochs is None else {"retrain": {"epochs": arguments.retrain_epochs}}),
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
    parser.add_argument("--search-epochs", type=int, default=45)
    parser.add_argument("--warmup-epochs", type=int, default=5)
    parser.add_argument("--retrain-epochs", type=int, help="by default the demo's own 40")
    parser.add_argument("--random", type=int, default=16, help="random networks of the trust report, at most")
    parser.add_argument("--sampled", type=int, default=6, help="of them, those that the supernet scores")
    parser.add_argument("--only", default="", help="names of tuners, with commas")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> None:
    """Run all searches one after the other, and print the table."""
    arguments = _arguments(given)
    wanted = arguments.only.split(",") if arguments.only else None

    def is_wanted(contender: Contender) -> bool:
        return wanted is None or contender.tuner in wanted

    rows: list[list[str]] = []
    with tempfile.TemporaryDirectory() as folder:
        plan = experiment_file(Path(folder), arguments)
        for seed in range(1, arguments.seeds + 1):
            spent: list[float] = []
            for contender in filter(is_wanted, ONE_SHOT_TUNERS):
                result = searched(contender, plan, seed=seed, home=Path(folder) / f"{len(rows)}", environment={})
                spent += [result.trust["device_seconds"]] if result.trust else []
                _note(rows, result, epochs=arguments.search_epochs)
            for contender in filter(is_wanted, multi_trial(median(spent) if spent else LIKELY_S)):
                result = searched(contender, TRIAL, seed=seed, home=Path(folder) / f"{len(rows)}", environment={})
                _note(rows, result, epochs=arguments.search_epochs)
    sys.stdout.write(table(HEADS, rows))


def _note(rows: list[list[str]], result: Searched, *, epochs: int) -> None:
    rows.append(row(result, epochs=epochs))
    sys.stderr.write(f"{' | '.join(rows[-1])}  ({result.seconds:.0f} s)\n")


if __name__ == "__main__":
    main()
