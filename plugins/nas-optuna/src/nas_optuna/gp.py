"""Bayesian optimisation with a Gaussian process, as Optuna has it: Matérn kernel, log expected improvement.

See Ament et al. 2023, arXiv:2310.20708. Every decision is a dimension of the process; an inactive one has its first
value, so that it makes no two architectures differ. Each proposal fits the process anew, at a cost that grows with the
cube of the trials: for dozens to a few hundred expensive ones.

A replay would fit it once more for every trial, so logged proposals are absorbed (determinism LX). On one machine what
follows is the same all the same.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

from nascore.tuner import Determinism, Setup
from optuna import create_study
from optuna.samplers import BaseSampler, GPSampler
from pydantic import Field

from nas_optuna.ledger import quiet
from nas_optuna.sampled import SampledSettings, SampledTuner


class GpSettings(SampledSettings):
    """Settings of the Gaussian process; names and defaults are Optuna's."""

    n_startup_trials: int = Field(10, ge=1, description="Random trials before the process is fitted.")
    deterministic_objective: bool = Field(False, description="Trials of one architecture always come out the same.")


class GaussianProcess(SampledTuner[GpSettings]):
    """Proposes where a Gaussian process expects most improvement."""

    name = "gp"
    summary = "Proposes where a Gaussian process expects most improvement: Optuna's GP sampler."
    settings_type = GpSettings
    max_objectives = 4
    determinism = Determinism.NONE
    is_flat = True
    keeps_hidden = False
    # A draw is a fit; what is forbidden is mended by a neighbour at once.
    draws = 1

    def __init__(self, setup: Setup, settings: GpSettings) -> None:
        super().__init__(setup, settings)
        _warm_up()

    @classmethod
    def cannot_tune(cls, setup: Setup, settings: GpSettings) -> str:
        """Refuse if a package is missing."""
        missing = [name for name in ("torch", "scipy") if find_spec(name) is None]
        if missing:
            return f"gp needs {' and '.join(missing)}: pip install 'nas-optuna[gp]'."
        return super().cannot_tune(setup, settings)

    def sampler(self, seed: int) -> BaseSampler:
        """Return Optuna's sampler."""
        return GPSampler(
            seed=seed,
            n_startup_trials=self.settings.n_startup_trials,
            deterministic_objective=self.settings.deterministic_objective,
            warn_independent_sampling=False,
        )


@cache
def _warm_up() -> None:
    """Fit a process once, for that imports torch and scipy: seconds that no question should wait for."""
    with quiet():
        study = create_study(sampler=GPSampler(seed=0, n_startup_trials=1))
    for value in (0.0, 1.0):
        trial = study.ask()
        trial.suggest_float("x", 0, 1)
        study.tell(trial, value)
