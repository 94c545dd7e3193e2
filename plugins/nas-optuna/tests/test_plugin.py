"""The package is found by the names of its tuners."""

from __future__ import annotations

import pytest
from nas_optuna import CmaEs, GaussianProcess, NsgaII, Tpe
from nas_optuna.plugin import nascore_tuners
from nascore.tuner import load_tuner, settings_options

TUNERS = {"tpe": Tpe, "cmaes": CmaEs, "gp": GaussianProcess, "nsgaii": NsgaII}


def test_hook_offers_the_tuners_by_name() -> None:
    assert nascore_tuners() == TUNERS


@pytest.mark.parametrize("name", sorted(TUNERS))
def test_tuner_is_installed(name: str) -> None:
    assert load_tuner(name)[0] is TUNERS[name]


@pytest.mark.parametrize("name", sorted(TUNERS))
def test_every_setting_says_what_it_means(name: str) -> None:
    for option in settings_options(TUNERS[name].settings_type):
        assert option.help.endswith(".")
        assert option.name != option.help
