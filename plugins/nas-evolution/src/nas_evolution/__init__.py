"""Evolutionary strategies for nascore."""

from nas_evolution.morphism import Morphism, MorphismSettings
from nas_evolution.population import Member, Population
from nas_evolution.regularized_evolution import EvolutionSettings, RegularizedEvolution

__all__ = [
    "EvolutionSettings",
    "Member",
    "Morphism",
    "MorphismSettings",
    "Population",
    "RegularizedEvolution",
]
