"""A population that ages: the last so many completed architectures, and tournaments among them.

A new member replaces the oldest, never the worst, so that nothing survives by a lucky measurement. Not here: what
becomes of the winner (``regularized_evolution``, ``morphism``).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from operator import attrgetter
from random import Random

from nascore.record import Objective, Outcome, OutcomeStatus, Proposal
from nascore.space import Architecture


@dataclass(frozen=True, slots=True)
class Member:
    """A completed architecture; larger scores are better."""

    number: int
    architecture: Architecture
    score: float


class Population:
    """The last ``size`` completed architectures.

    Args:
        size: How many there are at most.
        objective: By which they are compared.
    """

    def __init__(self, size: int, objective: Objective) -> None:
        self._size = size
        self._objective = objective
        # A ring: member n lies at n modulo the size, so that the oldest is the one to be overwritten.
        self._ring: list[Member] = []
        self._completed = 0

    @property
    def is_full(self) -> bool:
        """Whether the next member replaces another."""
        return len(self._ring) == self._size

    @property
    def completed(self) -> int:
        """How many members there ever were."""
        return self._completed

    @property
    def members(self) -> tuple[Member, ...]:
        """The members, oldest first."""
        start = self._completed % self._size if self.is_full else 0
        return tuple(self._ring[start:] + self._ring[:start])

    @property
    def best(self) -> Member:
        """The member with the best score; of equals the newest."""
        return max(reversed(self.members), key=attrgetter("score"))

    def tell(self, proposal: Proposal, outcome: Outcome) -> None:
        """Take a completed architecture with a finite score, in place of the oldest; nothing else enters."""
        if outcome.status is not OutcomeStatus.COMPLETED or proposal.architecture is None:
            return
        score = self._objective.score(outcome.metrics)
        if not math.isfinite(score):
            return
        member = Member(proposal.number, proposal.architecture, score)
        if self.is_full:
            self._ring[self._completed % self._size] = member
        else:
            self._ring.append(member)
        self._completed += 1

    def winner(self, sample_size: int, generator: Random) -> Member:
        """Return the best of so many members drawn with replacement; of equals the one drawn first."""
        ring, size, draw = self._ring, len(self._ring), generator.random
        drawn = [ring[int(draw() * size)] for _ in range(sample_size)]
        return max(drawn, key=attrgetter("score"))

    def snapshot(self) -> bytes:
        """Return it as JSON: members in the order of the ring, and how many there ever were."""
        ring = [[member.number, member.score, dict(member.architecture)] for member in self._ring]
        return json.dumps([self._completed, ring], separators=(",", ":"), allow_nan=False).encode()

    def restore(self, state: bytes) -> None:
        """Take a population back."""
        self._completed, ring = json.loads(state)
        self._ring = [Member(number, _architecture(decisions), score) for number, score, decisions in ring]


def _architecture(decisions: dict[str, str | int | float | list[str]]) -> Architecture:
    return Architecture({path: tuple(value) if isinstance(value, list) else value for path, value in decisions.items()})
