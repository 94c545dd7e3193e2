"""A tuner that learns by its population alone: what completed enters, and the population is all its state.

So its proposals are a function of what was told and their seeds (determinism L0). Not here: the population
(``population``), and what is proposed (``regularized_evolution``, ``morphism``).
"""

from __future__ import annotations

from typing import TypeVar

from nascore.record import Outcome, Proposal
from nascore.tuner import Determinism, Settings, Setup, Tuner

from nas_evolution.population import Member, Population

SettingsT = TypeVar("SettingsT", bound=Settings)


class PopulationTuner(Tuner[SettingsT]):
    """Takes completed architectures into a population; subclasses say what they propose of it.

    Args:
        setup: What the tuner is opened with; its one objective compares the members.
        settings: The tuner's settings.
        size: How many members there are at most.
    """

    determinism = Determinism.HISTORY
    max_objectives = 1

    def __init__(self, setup: Setup, settings: SettingsT, *, size: int) -> None:
        super().__init__(setup, settings)
        self._population = Population(size, setup.objectives[0])

    @property
    def population(self) -> tuple[Member, ...]:
        """The members, oldest first."""
        return self._population.members

    def tell(self, proposal: Proposal, outcome: Outcome) -> None:
        """Take a completed architecture into the population, in place of the oldest; nothing else enters."""
        self._population.tell(proposal, outcome)

    def snapshot(self) -> bytes:
        """Return the population; see `Population.snapshot`."""
        return self._population.snapshot()

    def restore(self, state: bytes) -> None:
        """Take a population back."""
        self._population.restore(state)
