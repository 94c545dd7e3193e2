"""Regularised (ageing) evolution: Real, Aggarwal, Huang and Le 2018, arXiv:1802.01548, algorithm 1.

The population is the last P completed architectures: a new one always replaces the oldest, never the worst, so that
nothing survives by a lucky measurement. A child is the best of S members drawn with replacement, with exactly one
decision changed.

Population and proposal are pure functions of what was told and the seed of the proposal (determinism L0), so it runs on
any number of workers and continues after any crash.
"""

from __future__ import annotations

from random import Random

from nascore.errors import InvalidInputError
from nascore.record import Proposal, WarmStart
from nascore.space import Architecture
from nascore.tuner import Settings, Setup
from pydantic import Field, model_validator

from nas_evolution.population import Member
from nas_evolution.population_tuner import PopulationTuner

INHERITANCE = '{"preset":"slice","growths":[{"keys":"*","how":"repeat"},{"keys":"*","how":"identity"}]}'
"""Rules of inheritance: what is smaller is cut, and what is larger or new begins with as little change as it can."""


class EvolutionSettings(Settings):
    """Settings of regularised evolution; the defaults are the published ones."""

    population_size: int = Field(100, ge=2, le=100_000, description="Architectures kept: the last so many completed.")
    sample_size: int = Field(25, ge=1, description="Members drawn for each child; the best of them is its parent.")
    inherit_weights: bool = Field(False, description="Children begin with their parent's weights, where they fit.")

    @model_validator(mode="after")
    def _sample_fits(self) -> EvolutionSettings:
        if self.sample_size > self.population_size:
            raise ValueError(f"sample_size {self.sample_size} is above population_size {self.population_size}")
        return self


class RegularizedEvolution(PopulationTuner[EvolutionSettings]):
    """Mutates good architectures and forgets old ones."""

    name = "regularized-evolution"
    summary = "Mutates the best of a few recent architectures; the oldest die (Real et al. 2018)."
    settings_type = EvolutionSettings

    def __init__(self, setup: Setup, settings: EvolutionSettings) -> None:
        super().__init__(setup, settings, size=settings.population_size)

    @classmethod
    def cannot_tune(cls, setup: Setup, settings: EvolutionSettings) -> str:
        """Refuse a space where nothing can be changed."""
        count = setup.space.size().high
        return f"The space holds {count} architecture(s); evolution needs two or more." if count < 2 else ""

    def ask(self, number: int, seed: int) -> Proposal:
        """Propose a random architecture until the population is full, then a child."""
        generator = Random(seed)
        if not self._population.is_full:
            return Proposal(number, self.space.sample(generator))
        parent = self._population.winner(self.settings.sample_size, generator)
        start = WarmStart(parent=parent.number, rules_json=INHERITANCE) if self.settings.inherit_weights else None
        return Proposal(number, self._mutate(parent, generator), warm_start=start, notes={"parent": parent.number})

    def _mutate(self, parent: Member, generator: Random) -> Architecture:
        try:
            return self.space.mutate(parent.architecture, generator)
        except InvalidInputError:
            # Constraints may leave an architecture without neighbours; a fresh one keeps the search alive.
            return self.space.sample(generator)
