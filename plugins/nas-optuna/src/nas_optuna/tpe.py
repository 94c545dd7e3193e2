"""Tree-structured Parzen estimators (TPE): Bergstra et al. 2011 (NeurIPS 24), as Optuna has it (arXiv:2304.11127).

Two densities are fitted, one to the best trials and one to the rest; what is likeliest under the first, relative to the
second, is proposed. Nested spaces are what it was made for: each group of decisions that are active together has
densities of its own, fitted to the trials that had it.
"""

from __future__ import annotations

from nascore.tuner import Setup
from optuna.samplers import BaseSampler, TPESampler
from pydantic import Field

from nas_optuna.sampled import SampledSettings, SampledTuner


class TpeSettings(SampledSettings):
    """Settings of TPE; names and defaults are Optuna's."""

    n_startup_trials: int = Field(10, ge=0, description="Random trials before the densities are used.")
    n_ei_candidates: int = Field(24, ge=1, description="Draws from the density of the best, of which the best is kept.")
    multivariate: bool | None = Field(
        None,
        description="Draw decisions that are active together jointly; by default with one objective, not with several.",
    )
    constant_liar: bool = Field(
        True, description="Count running trials among the bad ones, so that workers do not try the same."
    )


class Tpe(SampledTuner[TpeSettings]):
    """Draws from the density of the best trials so far."""

    name = "tpe"
    summary = "Draws where good trials are dense and bad ones are not: Optuna's TPE (Bergstra et al. 2011)."
    settings_type = TpeSettings
    max_objectives = 0

    def __init__(self, setup: Setup, settings: TpeSettings) -> None:
        super().__init__(setup, settings)
        is_joint = settings.multivariate
        self._is_joint = len(setup.objectives) == 1 if is_joint is None else is_joint

    @property
    def is_joint(self) -> bool:
        """Whether decisions that are active together are drawn jointly."""
        return self._is_joint

    def sampler(self, seed: int) -> BaseSampler:
        """Return Optuna's sampler."""
        return TPESampler(
            seed=seed,
            n_startup_trials=self.settings.n_startup_trials,
            n_ei_candidates=self.settings.n_ei_candidates,
            multivariate=self._is_joint,
            constant_liar=self.settings.constant_liar,
        )
