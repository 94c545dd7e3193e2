"""Each tuner, killed at any moment, continues bit for bit: by replay, and where it saves its state also from that."""

from __future__ import annotations

from typing import Any

import pytest
from nas_optuna import CmaEs, GaussianProcess, NsgaII, SampledTuner, Tpe
from nascore.record import Direction, JsonValue, Objective
from nascore.testing.spaces import KNOWN_SPACES
from nascore.testing.survival import check_host_survival, check_survival
from nascore.tuner import Setup

QUICK: dict[str, JsonValue] = {"n_startup_trials": 3}
ONE = (Objective("accuracy"),)


TPE: dict[str, JsonValue] = {**QUICK, "n_ei_candidates": 4}
CASES = [
    pytest.param(Tpe, TPE, "nested", id="tpe"),
    pytest.param(Tpe, {**TPE, "multivariate": False, "without_repetition": True}, "mixed", id="tpe-independent"),
    pytest.param(NsgaII, {"population_size": 3}, "constrained", id="nsgaii"),
    pytest.param(CmaEs, {"popsize": 4}, "numeric", id="cmaes"),
    pytest.param(CmaEs, {"popsize": 4, "with_margin": True}, "numeric", id="cmaes-margin"),
]


@pytest.mark.parametrize(("tuner", "settings", "space"), CASES)
def test_search_goes_on_after_any_kill(
    tuner: type[SampledTuner[Any]], settings: dict[str, JsonValue], space: str
) -> None:
    check_survival(tuner, Setup(KNOWN_SPACES[space], ONE, 7), settings=settings, examples=3)


@pytest.mark.slow
@pytest.mark.parametrize("space", ["constrained", "mixed", "nested", "numeric", "repeats"])
@pytest.mark.parametrize(
    ("tuner", "settings"),
    [(Tpe, TPE), (NsgaII, {"population_size": 3, "crossover": "sbx", "without_repetition": True})],
    ids=["tpe", "nsgaii"],
)
def test_search_goes_on_in_every_kind_of_space(
    tuner: type[SampledTuner[Any]], settings: dict[str, JsonValue], space: str
) -> None:
    check_survival(tuner, Setup(KNOWN_SPACES[space], ONE, 7), settings=settings, examples=8)


@pytest.mark.slow
@pytest.mark.parametrize("tuner", [Tpe, NsgaII])
def test_search_for_several_objectives_goes_on(tuner: type[SampledTuner[Any]]) -> None:
    settings: dict[str, JsonValue] = dict(QUICK) if tuner is Tpe else {"population_size": 3}
    # The scripts of the kit tell one metric only, so the second objective is the first once more.
    setup = Setup(KNOWN_SPACES["nested"], (*ONE, Objective("accuracy", Direction.MINIMIZE)), 7)
    check_survival(tuner, setup, settings=settings, examples=4)


@pytest.mark.slow
def test_gaussian_process_goes_on() -> None:
    check_survival(GaussianProcess, Setup(KNOWN_SPACES["nested"], ONE, 7), settings=dict(QUICK), examples=2)


@pytest.mark.slow
async def test_killed_process_is_not_noticed_by_the_search() -> None:
    await check_host_survival("tpe", Setup(KNOWN_SPACES["nested"], ONE, 7), settings=dict(QUICK))
