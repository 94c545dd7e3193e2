"""Through a real supernet and the worker's own loop tuners find what is known to be the best."""

from __future__ import annotations

import pytest
import torch
from nas_darts import Darts, Gdas, Proxyless
from nas_darts.mixture_tuner import MixtureTuner
from nas_trial.judging import NoiseTrap, PlantedTrial, judge_trial
from nascore.record import JsonValue
from nascore.tuner import Schedule

SHORT: dict[str, JsonValue] = {"learning_rate": 0.05}
CASES: dict[str, tuple[type[MixtureTuner], dict[str, JsonValue]]] = {
    "darts": (Darts, {}),
    "darts, second order": (Darts, {"order": 2}),
    "gdas": (Gdas, {"first_temperature": 1.0}),
    "proxyless, two paths": (Proxyless, {"gradient_every": 1, "paths": "two-path"}),
}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Sums come out alike, and nobody else's core is taken."""
    torch.set_num_threads(1)


def test_a_short_planted_path_is_found_through_the_executor() -> None:
    trial = PlantedTrial(1, layers=2, maps=3)
    assert judge_trial(Darts, trial, settings={"learning_rate": 0.2}, schedule=Schedule(3)).is_exact


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("case", sorted(CASES))
def test_the_planted_path_is_found_through_the_executor(case: str) -> None:
    tuner_type, settings = CASES[case]
    found = [
        judge_trial(tuner_type, PlantedTrial(seed), seed=seed, settings={**SHORT, **settings}) for seed in range(2)
    ]
    assert [verdict.distance for verdict in found] == [0, 0]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_darts_does_not_step_into_the_noise_trap() -> None:
    found = [judge_trial(Darts, NoiseTrap(), seed=seed, settings=SHORT, schedule=Schedule(15)) for seed in range(2)]
    assert [verdict.distance for verdict in found] == [0, 0]
    assert all(verdict.metrics["accuracy"] > 0.9 for verdict in found)
