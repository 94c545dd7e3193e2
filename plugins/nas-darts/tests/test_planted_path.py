"""Every tuner of the package finds the planted path, and one the cheapest filters."""

from __future__ import annotations

import pytest
from nas_darts import Darts, DirectGrad, DrNas, Gdas, PcDarts, Proxyless, Snas
from nas_darts.mixture_tuner import MixtureTuner
from nascore.record import JsonValue
from nascore.testing.judging import Lags, PlantedPath, judge
from nascore.tuner import Schedule

# A larger rate than the schedule asks for, with which these were judged.
FAST: dict[str, JsonValue] = {"learning_rate": 0.05}
CASES: dict[str, tuple[type[MixtureTuner], dict[str, JsonValue]]] = {
    "darts": (Darts, {}),
    "darts, second order": (Darts, {"order": 2}),
    "darts, perturbation": (Darts, {**FAST, "selection": "perturbation", "perturbation_tuning_epochs": 0}),
    "directgrad": (DirectGrad, {}),
    "directgrad, bi-level": (DirectGrad, {"is_bilevel": True}),
    "drnas": (DrNas, {}),
    "drnas, two stages": (DrNas, {"is_progressive": True, "second_stage_candidates": 3}),
    "gdas": (Gdas, {}),
    "pc-darts": (PcDarts, {}),
    "proxyless": (Proxyless, {}),
    "proxyless, two paths": (Proxyless, {"paths": "two-path", "gradient_every": 1}),
    "snas": (Snas, {}),
}


def distances(case: str, seeds: range, **changes: int) -> list[int]:
    tuner_type, settings = CASES[case]
    return [judge(tuner_type, PlantedPath(seed), seed=seed, settings=settings, **changes).distance for seed in seeds]


@pytest.mark.parametrize("case", sorted(CASES))
def test_two_of_two_seeds_are_exact(case: str) -> None:
    assert distances(case, range(100, 102)) == [0, 0]


@pytest.mark.slow
@pytest.mark.parametrize("case", sorted(CASES))
def test_twenty_of_twenty_seeds_are_exact(case: str) -> None:
    assert distances(case, range(20)) == [0] * 20


@pytest.mark.parametrize("case", ["darts", "gdas", "snas"])
def test_several_workers_find_it_together(case: str) -> None:
    assert distances(case, range(1), workers=4) == [0]


@pytest.mark.parametrize("case", ["darts", "directgrad"])
def test_what_cannot_be_mixed_is_learnt_beside_it(case: str) -> None:
    tuner_type, settings = CASES[case]
    found = judge(
        tuner_type,
        PlantedPath(1, unmixable=(1, 4)),
        settings=settings,
        schedule=Schedule(60),
    )
    assert found.is_exact


def test_published_settings_find_it_too_if_they_may_take_their_time() -> None:
    assert judge(
        Darts, PlantedPath(0, layers=3, maps=3), schedule=Schedule(40), settings={"learning_rate": 3e-4}
    ).is_exact


@pytest.mark.slow
def test_dirichlet_weights_find_the_cheapest_filters_that_hear_everything() -> None:
    price: dict[str, JsonValue] = {"penalty_measure": "taps", "penalty_reference": 1.0, "penalty_weight": 0.0035}
    schedule = Schedule(60, warmup_epochs=20)
    verdicts = [judge(DrNas, Lags(), seed=seed, settings={**FAST, **price}, schedule=schedule) for seed in (10, 11)]
    assert [verdict.distance for verdict in verdicts] == [0, 0]
