"""Epochs until evolution is as good with inherited weights as from scratch, on the digits demo as it stands.

Evolution from scratch trains each of 20 networks for 24 epochs; what its best one reaches is the aim. Evolution with
inheritance trains each of 60 for 4, beginning with its parent's weights, and may spend half of the epochs; the parent
is always the best of the last six. ``--control`` does the same without inheritance: as many proposals and as many
epochs, so what it does not reach is due to inheritance. ``--morphism`` searches with network morphism, also within half
of the epochs.
Epochs of all trials are counted, also of those that led nowhere. Accuracy is on the demo's validation images, which the
search sees. One core, whatever there is.

    python benchmarks/warm_start.py [--seeds 5] [--control] [--morphism]
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nascore.record import JsonValue

DEMO = Path(__file__).resolve().parent.parent / "examples" / "digits" / "trial.py"
POPULATION = {"population_size": 6, "sample_size": 6}


@dataclass(frozen=True, slots=True)
class Contender:
    """A way to search: epochs of each trial, how many trials, whether children inherit, and by which tuner."""

    name: str
    epochs: int
    trials: int
    inherits: bool = False
    tuner: str = "evolution"
    settings: Mapping[str, JsonValue] = field(default_factory=dict, hash=False)

    @property
    def total(self) -> int:
        """Epochs of all trials."""
        return self.epochs * self.trials


ENOUGH = 0.5
"""Share of the epochs from scratch that shall be enough."""

SCRATCH = Contender("scratch", 24, 20)
INHERITED = Contender("inherited", 4, 60, inherits=True)
SHORT = Contender("short", 4, 60)
MORPHED = Contender(
    "morphism",
    4,
    60,
    inherits=True,
    tuner="morphism",
    settings={"morphisms": 2, "starts": 6, "layers": ["convolution"]},
)


def accuracies(contender: Contender, *, seed: int, home: Path) -> list[float]:
    """Return the accuracy of every trial of a search, in order; a failed one has 0."""
    # Imported here: the number of cores has to be set before torch is.
    import nas_trial as nas  # noqa: PLC0415

    trial = _demo()
    trial.epochs, trial.keeps_weights = contender.epochs, contender.inherits
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        result = nas.search(
            trial,
            tuner=contender.tuner,
            trials=contender.trials,
            settings={**POPULATION, **contender.settings, "inherit_weights": contender.inherits},
            seed=seed,
            home=home,
        )
    return [0.0 if each.outcome is None else each.outcome.metrics.get("accuracy", 0.0) for each in result.trials]


def epochs_until(found: Sequence[float], aim: float, *, epochs: int) -> int | None:
    """Return the epochs that were spent when a trial first reached ``aim``; ``None`` if none did."""
    reached = next((place for place, accuracy in enumerate(found) if accuracy >= aim), None)
    return None if reached is None else (reached + 1) * epochs


def _demo():  # type: ignore[no-untyped-def]  # a class of the demo, which has no stubs
    spec = importlib.util.spec_from_file_location("digits_demo", DEMO)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Digits()


def row_of(seed: int, contenders: Sequence[Contender]) -> dict[str, float]:
    """Print the row of a seed, and return which share of the epochs from scratch each needed; infinity for never."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        runs = {each: accuracies(each, seed=seed, home=Path(folder)) for each in contenders}
    aim = max(runs[SCRATCH])
    spent = {each: epochs_until(found, aim, epochs=each.epochs) for each, found in runs.items()}
    cells = "".join(f"{spent[each] or 'never':>16}{max(found):>10.4f}" for each, found in runs.items())
    print(f"{seed:>4}{cells}{time.monotonic() - began:>7.0f}", flush=True)
    return {each.name: (needed or math.inf) / SCRATCH.total for each, needed in spent.items()}


def main() -> None:
    """Print one table; fail if half of the epochs is not enough for the median seed, or is for the control too."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=0, help="The first seed.")
    parser.add_argument("--control", action="store_true", help="Also short trials without inheritance.")
    parser.add_argument("--morphism", action="store_true", help="Also the tuner `morphism`, as many trials and epochs.")
    chosen = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-1:])
    others = [each for each, is_wanted in ((SHORT, chosen.control), (MORPHED, chosen.morphism)) if is_wanted]
    contenders = (SCRATCH, INHERITED, *others)
    print("seed" + "".join(f"{each.name + ' epochs':>16}{'best':>10}" for each in contenders) + "      s", flush=True)
    rows = [row_of(seed, contenders) for seed in range(chosen.first, chosen.first + chosen.seeds)]
    medians = {each.name: statistics.median(row[each.name] for row in rows) for each in contenders}
    for each in contenders[1:]:
        shares = [row[each.name] for row in rows]
        print(
            f"{each.name}: share of the {SCRATCH.total} epochs from scratch until its best accuracy is reached: "
            f"median {medians[each.name]:.2f}, from {min(shares):.2f} to {max(shares):.2f}, over {len(rows)} seeds."
        )
    is_shown = medians[INHERITED.name] <= ENOUGH < medians.get(SHORT.name, math.inf)
    sys.exit(0 if is_shown else 1)


if __name__ == "__main__":
    main()
