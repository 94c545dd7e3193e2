"""Regularised (ageing) evolution: Real, Aggarwal, Huang and Le 2018, arXiv:1802.01548, algorithm 1.

The population is the last P completed architectures: a new one always replaces the oldest, never the worst, so that
nothing survives by a lucky measurement. A child is the best of S members drawn with replacement, with exactly one
decision changed.

Population and proposal are pure functions of what was told and the seed of the proposal (determinism L0), so it runs on
any number of workers and continues after any crash.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from operator import attrgetter
from random import Random

from nascore.errors import InvalidInputError
from nascore.record import Outcome, OutcomeStatus, Proposal, WarmStart
from nascore.space import Architecture
from nascore.tuner import Determinism, Settings, Setup, Tuner
from pydantic import Field, model_validator

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


@dataclass(frozen=True, slots=True)
class Member:
    """A completed architecture; larger scores are better."""

    number: int
    architecture: Architecture
    score: float


class RegularizedEvolution(Tuner[EvolutionSettings]):
    """Mutates good architectures and forgets old ones."""

    name = "regularized-evolution"
    summary = "Mutates the best of a few recent architectures; the oldest die (Real et al. 2018)."
    settings_type = EvolutionSettings
    determinism = Determinism.HISTORY
    max_objectives = 1

    def __init__(self, setup: Setup, settings: EvolutionSettings) -> None:
        super().__init__(setup, settings)
        self._objective = setup.objectives[0]
        # A ring: member n lies at n modulo the population's size, so that the oldest is the one to be overwritten.
        self._ring: list[Member] = []
        self._completed = 0

    @classmethod
    def cannot_tune(cls, setup: Setup, settings: EvolutionSettings) -> str:
        """Refuse a space where nothing can be changed."""
        count = setup.space.size().high
        return f"The space holds {count} architecture(s); evolution needs two or more." if count < 2 else ""

    @property
    def population(self) -> tuple[Member, ...]:
        """The members, oldest first."""
        start = self._completed % self.settings.population_size if self._is_full else 0
        return tuple(self._ring[start:] + self._ring[:start])

    def ask(self, number: int, seed: int) -> Proposal:
        """Propose a random architecture until the population is full, then a child."""
        generator = Random(seed)
        if not self._is_full:
            return Proposal(number, self.space.sample(generator))
        parent = self._select(generator)
        start = WarmStart(parent=parent.number, rules_json=INHERITANCE) if self.settings.inherit_weights else None
        return Proposal(number, self._mutate(parent, generator), warm_start=start, notes={"parent": parent.number})

    def tell(self, proposal: Proposal, outcome: Outcome) -> None:
        """Take a completed architecture into the population, in place of the oldest; nothing else enters."""
        if outcome.status is not OutcomeStatus.COMPLETED or proposal.architecture is None:
            return
        score = self._objective.score(outcome.metrics)
        if not math.isfinite(score):
            return
        member = Member(proposal.number, proposal.architecture, score)
        if self._is_full:
            self._ring[self._completed % self.settings.population_size] = member
        else:
            self._ring.append(member)
        self._completed += 1

    def snapshot(self) -> bytes:
        """Return the population as JSON: members in the order of the ring, and how many there ever were."""
        ring = [[member.number, member.score, dict(member.architecture)] for member in self._ring]
        return json.dumps([self._completed, ring], separators=(",", ":"), allow_nan=False).encode()

    def restore(self, state: bytes) -> None:
        """Take a population back."""
        self._completed, ring = json.loads(state)
        self._ring = [Member(number, _architecture(decisions), score) for number, score, decisions in ring]

    @property
    def _is_full(self) -> bool:
        return len(self._ring) == self.settings.population_size

    def _select(self, generator: Random) -> Member:
        """Return the best of S members drawn with replacement; of equals the one drawn first."""
        ring, size, draw = self._ring, len(self._ring), generator.random
        drawn = [ring[int(draw() * size)] for _ in range(self.settings.sample_size)]
        return max(drawn, key=attrgetter("score"))

    def _mutate(self, parent: Member, generator: Random) -> Architecture:
        try:
            return self.space.mutate(parent.architecture, generator)
        except InvalidInputError:
            # Constraints may leave an architecture without neighbours; a fresh one keeps the search alive.
            return self.space.sample(generator)


def _architecture(decisions: dict[str, str | int | float | list[str]]) -> Architecture:
    return Architecture({path: tuple(value) if isinstance(value, list) else value for path, value in decisions.items()})
