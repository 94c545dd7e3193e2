"""Evolutionary strategies for nascore."""

from nas_evolution.regularized_evolution import EvolutionSettings, RegularizedEvolution

__all__ = ["EvolutionSettings", "RegularizedEvolution"]
