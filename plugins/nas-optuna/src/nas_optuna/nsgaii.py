"""NSGA-II: Deb et al. 2002 (IEEE TEC 6), as Optuna has it: a genetic algorithm for several objectives.

Parents are the best of a generation by Pareto rank, then by how alone they are; children cross two and mutate. An
architecture's genes are all decisions of the space: inactive ones are inherited as well, and have their say once they
become active.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from optuna.samplers import NSGAIISampler
from optuna.samplers.nsgaii import (
    BaseCrossover,
    BLXAlphaCrossover,
    SBXCrossover,
    SPXCrossover,
    UNDXCrossover,
    UniformCrossover,
    VSBXCrossover,
)
from optuna.trial import FrozenTrial
from pydantic import Field, model_validator

from nas_optuna.sampled import SampledSettings, SampledTuner

_CROSSOVERS: dict[str, Callable[[], BaseCrossover]] = {
    "blxalpha": BLXAlphaCrossover,
    "sbx": SBXCrossover,
    "spx": SPXCrossover,
    "undx": UNDXCrossover,
    "vsbx": VSBXCrossover,
}
_PARENTS = {"spx": 3, "undx": 3}


class NsgaIISettings(SampledSettings):
    """Settings of NSGA-II; names and defaults are Optuna's."""

    population_size: int = Field(50, ge=2, description="Trials of a generation.")
    crossover: Literal["uniform", "blxalpha", "sbx", "spx", "undx", "vsbx"] = Field(
        "uniform", description="How numbers of parents are crossed; choices are always taken from one of them."
    )
    crossover_prob: float = Field(0.9, ge=0, le=1, description="Probability that a child has two parents.")
    swapping_prob: float = Field(0.5, ge=0, le=1, description="Probability of each decision to come from the second.")
    mutation_prob: float | None = Field(
        None, ge=0, le=1, description="Probability of each decision to be drawn anew; by default one in a child."
    )

    @model_validator(mode="after")
    def _parents_fit(self) -> NsgaIISettings:
        if self.population_size < _PARENTS.get(self.crossover, 2):
            raise ValueError(f"population_size {self.population_size} is too few for {self.crossover}, which crosses 3")
        return self


class NsgaII(SampledTuner[NsgaIISettings]):
    """Crosses and mutates the Pareto-best of each generation."""

    name = "nsgaii"
    summary = "Crosses and mutates the Pareto-best of each generation: Optuna's NSGA-II (Deb et al. 2002)."
    settings_type = NsgaIISettings
    max_objectives = 0
    is_flat = True

    def sampler(self, seed: int) -> NSGAIISampler:
        """Return Optuna's sampler."""
        make = _CROSSOVERS.get(self.settings.crossover)
        return NSGAIISampler(
            seed=seed,
            population_size=self.settings.population_size,
            crossover=UniformCrossover(self.settings.swapping_prob) if make is None else make(),
            crossover_prob=self.settings.crossover_prob,
            swapping_prob=self.settings.swapping_prob,
            mutation_prob=self.settings.mutation_prob,
        )

    def adopt(self, trial: FrozenTrial) -> None:
        """Let a trial that others proposed take part in the generation that is under way."""
        sampler = self.quiet_sampler(0)
        assert isinstance(sampler, NSGAIISampler)
        sampler.get_trial_generation(self._ledger.study, trial)
