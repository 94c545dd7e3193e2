"""Network morphism: each child is a larger network that begins as the same function as its parent, and trains on.

Elsken, Metzen and Hutter, "Simple and efficient architecture search for convolutional neural networks",
arXiv:1711.04528 (hill climbing by network morphisms); the morphisms are those of Chen, Goodfellow and Shlens,
"Net2Net", arXiv:1511.05641. The paper's generations of neighbours are the last so many completed trials here, so that
any number of workers is busy; one proposal in as many is the best of them unchanged, which only trains on, as in the
paper.

Population and proposal are pure functions of what was told and the seed of the proposal (determinism L0). Not here: the
weights, which the trial takes over by `MORPHING` (docs/warm-start.md).
"""

from __future__ import annotations

from random import Random

from nascore.record import Proposal, WarmStart
from nascore.space import Architecture
from nascore.tuner import Settings, Setup
from pydantic import Field, field_validator

from nas_evolution.growth import Growth, Rule
from nas_evolution.population import Member
from nas_evolution.population_tuner import PopulationTuner

MORPHING = '{"preset":"morph"}'
"""Rules of inheritance: units are repeated, and what was added changes nothing."""


class MorphismSettings(Settings):
    """Settings of network morphism; the defaults are the published ones (8 neighbours, 5 morphisms)."""

    population_size: int = Field(8, ge=2, le=100_000, description="Networks that may be parents: the last completed.")
    sample_size: int = Field(8, ge=1, description="Members drawn for each child; the best of them is its parent.")
    morphisms: int = Field(5, ge=1, le=100, description="How often a child grows.")
    starts: int = Field(1, ge=1, le=100_000, description="Small networks to begin with; all but the first are random.")
    grows: tuple[str, ...] = Field(
        ("*",), description="Labels or paths of the sizes and repeats that may grow, with * and ?."
    )
    layers: tuple[str, ...] = Field((), description="Keys of candidates that may take a skip's place.")
    skip_keys: tuple[str, ...] = Field(
        ("skip", "skip_connect", "identity"), description="Keys of candidates that pass their input on unchanged."
    )
    branches: tuple[str, ...] = Field(
        (), description="Keys of candidates, each a nas.Branch, that may take nothing's place."
    )
    zero_keys: tuple[str, ...] = Field(("none", "zero"), description="Keys of candidates that add nothing: zeros.")
    inherit_weights: bool = Field(True, description="Children begin with their parent's weights; always true.")

    @field_validator("inherit_weights")
    @classmethod
    def _inherits(cls, value: bool) -> bool:
        if not value:
            raise ValueError("a morphism is one of weights; take `evolution` to search without them")
        return value


class Morphism(PopulationTuner[MorphismSettings]):
    """Grows the best of a few recent networks, and never shrinks one."""

    name = "morphism"
    summary = "Grows the best of a few recent networks, which keep their function (Elsken et al. 2017)."
    settings_type = MorphismSettings
    # All; which of a space's decisions can grow is no question of their kinds, see cannot_tune.
    node_kinds = frozenset()

    def __init__(self, setup: Setup, settings: MorphismSettings) -> None:
        super().__init__(setup, settings, size=settings.population_size)
        self._growth = Growth(setup.space, _rule(settings))

    @classmethod
    def cannot_tune(cls, setup: Setup, settings: MorphismSettings) -> str:
        """Refuse a space where nothing can grow."""
        if Growth(setup.space, _rule(settings)).axes:
            return ""
        return (
            "Nothing in the space can grow: of what `grows` names it has no repeat, no range of positive integers, no "
            "choice of them, no choice between a skip and one of `layers`, and none between zeros and one of "
            "`branches`."
        )

    def ask(self, number: int, seed: int) -> Proposal:
        """Propose a small network until enough have completed, then a child."""
        generator = Random(seed)
        if self._population.completed < self.settings.starts:
            return Proposal(number, self._start(number, generator))
        # The best trains on unchanged once in each generation, so that it does not grow too old before it is surpassed.
        is_kept = number % self.settings.population_size == 0
        parent = self._population.best if is_kept else self._population.winner(self.settings.sample_size, generator)
        child, grown = (parent.architecture, ()) if is_kept else self._grown(parent, generator)
        return Proposal(
            number,
            child,
            warm_start=WarmStart(parent=parent.number, rules_json=MORPHING),
            notes={"parent": parent.number, "grown": [*grown]},
        )

    def _start(self, number: int, generator: Random) -> Architecture:
        drawn = self.space.sample(generator) if number else self.space.default()
        return self._growth.smallest(drawn)

    def _grown(self, parent: Member, generator: Random) -> tuple[Architecture, tuple[str, ...]]:
        """Return a child and the paths where it grew; the parent's own architecture where nothing can."""
        child, paths = parent.architecture, dict[str, None]()
        for _ in range(self.settings.morphisms):
            if (step := self._growth.grown(child, generator)) is None:
                break
            paths[step[0]] = None
            child = step[1]
        return child, tuple(paths)


def _rule(settings: MorphismSettings) -> Rule:
    return Rule(
        settings.grows,
        layers=settings.layers,
        skips=settings.skip_keys,
        branches=settings.branches,
        zeros=settings.zero_keys,
    )
