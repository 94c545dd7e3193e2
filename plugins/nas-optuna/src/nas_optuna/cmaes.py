"""Covariance matrix adaptation (CMA-ES): Hansen 2016, arXiv:1604.00772, as Optuna and the package ``cmaes`` have it.

It moves and shapes one normal distribution, so it is for numbers only: it does not claim to handle choices. Optuna
keeps its optimiser with the trials as a pickle, in memory; that is never saved and never taken from elsewhere, so this
tuner is rebuilt by replay.
"""

from __future__ import annotations

from importlib.util import find_spec

from nascore.tuner import Setup, Tuner
from optuna.samplers import BaseSampler, CmaEsSampler
from pydantic import Field, model_validator

from nas_optuna.sampled import SampledSettings, SampledTuner


class CmaEsSettings(SampledSettings):
    """Settings of CMA-ES; names and defaults are Optuna's."""

    n_startup_trials: int = Field(1, ge=0, description="Random trials before the normal distribution is used.")
    popsize: int | None = Field(None, ge=4, description="Trials of a generation; by default 4 + 3 log(dimensions).")
    with_margin: bool = Field(False, description="Keep integers from settling on one value (CMA-ES with margin).")
    use_separable_cma: bool = Field(False, description="Only a diagonal covariance: quicker in many dimensions.")
    lr_adapt: bool = Field(False, description="Adapt the learning rate, for objectives with noise or many optima.")

    @model_validator(mode="after")
    def _variants_fit(self) -> CmaEsSettings:
        chosen = [name for name in ("with_margin", "use_separable_cma", "lr_adapt") if getattr(self, name)]
        if len(chosen) > 1:
            raise ValueError(f"{' and '.join(chosen)} are variants of one another; choose one")
        return self


class CmaEs(SampledTuner[CmaEsSettings]):
    """Adapts one normal distribution to the best trials of each generation."""

    name = "cmaes"
    summary = "Adapts a normal distribution over numbers to the best of each generation: Optuna's CMA-ES."
    settings_type = CmaEsSettings
    node_kinds = frozenset({"integer", "real", "group"})
    max_objectives = 1
    # Its optimiser could only be saved as a pickle, so it declares that it saves nothing.
    snapshot = Tuner.snapshot
    restore = Tuner.restore

    @classmethod
    def cannot_tune(cls, setup: Setup, settings: CmaEsSettings) -> str:
        """Refuse what the variants cannot do, and a missing package."""
        if find_spec("cmaes") is None:
            return "cmaes needs the package cmaes: pip install 'nas-optuna[cmaes]'."
        if settings.with_margin and (setup.space.constraints or settings.without_repetition):
            return "with_margin needs every proposal as it was drawn: without constraints, and with repetition."
        if settings.use_separable_cma and sum(row.layout.count != 1 for row in setup.space.decisions) < 2:
            return "use_separable_cma needs two dimensions or more."
        return super().cannot_tune(setup, settings)

    def sampler(self, seed: int) -> BaseSampler:
        """Return Optuna's sampler."""
        return CmaEsSampler(
            seed=seed,
            n_startup_trials=self.settings.n_startup_trials,
            popsize=self.settings.popsize,
            with_margin=self.settings.with_margin,
            use_separable_cma=self.settings.use_separable_cma,
            lr_adapt=self.settings.lr_adapt,
            warn_independent_sampling=False,
        )
