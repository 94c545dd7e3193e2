"""Prints how often each tuner finds the known answers: ``known_answers.py SEEDS_PLANTED SEEDS_LAGS [TUNER ...]``.

Planted path: how many of the seeds are exact. Lags with cost: how many are exact, and how many of the four filters are
right on average.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Collection

from nas_darts import Darts, DirectGrad, DrNas, Gdas, PcDarts, Proxyless, Snas
from nas_darts.mixture_tuner import MixtureTuner
from nascore.record import JsonValue
from nascore.testing.judging import Lags, PlantedPath, judge
from nascore.tuner import Schedule

FAST: dict[str, JsonValue] = {"learning_rate": 0.05}
PRICED: dict[str, JsonValue] = {**FAST, "penalty_measure": "taps", "penalty_reference": 1.0}
PRICES = {"snas": 0.006, "drnas": 0.0035}
PRICE = 0.002
LONG = Schedule(60, warmup_epochs=20)
CASES: tuple[tuple[type[MixtureTuner], dict[str, JsonValue]], ...] = (
    (Darts, {}),
    (Darts, {"order": 2}),
    (DirectGrad, {}),
    (DirectGrad, {"is_bilevel": True}),
    (DrNas, {}),
    (Gdas, {}),
    (PcDarts, {}),
    (Proxyless, {}),
    (Proxyless, {"gradient_every": 1, "paths": "two-path"}),
    (Snas, {}),
)


def main(planted_seeds: int, lags_seeds: int, names: Collection[str]) -> None:
    """Print one row of the table for each tuner."""
    sys.stdout.write(
        "| tuner | planted path, exact | s a run | lags with cost, exact | filters right of 4 | s a run |\n"
    )
    sys.stdout.write("|---|---|---|---|---|---|\n")
    for tuner_type, settings in CASES:
        if names and tuner_type.name not in names:
            continue
        begun = time.perf_counter()
        planted = [judge(tuner_type, PlantedPath(seed), seed=seed, settings=settings) for seed in range(planted_seeds)]
        middle = time.perf_counter()
        price = {"penalty_weight": PRICES.get(tuner_type.name, PRICE)}
        lags = [
            judge(tuner_type, Lags(), seed=seed, settings={**PRICED, **settings, **price}, schedule=LONG)
            for seed in range(lags_seeds)
        ]
        ended = time.perf_counter()
        changes = ", ".join(f"{name} {value}" for name, value in settings.items())
        right = sum(4 - verdict.distance for verdict in lags) / max(1, len(lags))
        cells = (
            f"`{tuner_type.name}` {changes}".strip(),
            f"{sum(each.is_exact for each in planted)} of {planted_seeds}",
            f"{(middle - begun) / max(1, planted_seeds):.1f}",
            f"{sum(each.is_exact for each in lags)} of {lags_seeds}",
            f"{right:.1f}",
            f"{(ended - middle) / max(1, lags_seeds):.1f}",
        )
        sys.stdout.write(f"| {' | '.join(cells)} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*(map(int, sys.argv[1:3]) if len(sys.argv) > 2 else (20, 5)), names=sys.argv[3:])
