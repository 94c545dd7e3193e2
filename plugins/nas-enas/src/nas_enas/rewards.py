"""What an outcome is worth: the objective, less what the network costs, and the worst so far for a failure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nascore.record import Objective, Outcome, OutcomeStatus
from nascore.space import Architecture

Costs = Mapping[tuple[str, str, str], float]
BOUND = 1e9
"""Rewards beyond this count as this: a policy learns nothing more from them, and numbers stay finite."""


@dataclass(slots=True)
class Rewards:
    """Gives rewards, larger being better.

    Attributes:
        objective: What is optimised.
        costs: Cost by decision path, candidate key and measure.
        measure: Which cost counts; empty for none.
        reference: Cost at which nothing is added or taken away.
        exponent: The reward is multiplied by (reference / cost) to this power (ProxylessNAS, section 3.3.2).
        worst: The smallest reward so far; ``None`` before the first.
    """

    objective: Objective
    costs: Costs
    measure: str = ""
    reference: float = 1.0
    exponent: float = 0.1
    worst: float | None = None

    def of(self, architecture: Architecture, outcome: Outcome) -> float | None:
        """Return the reward; ``None`` for a failure before anything succeeded, from which nothing can be learnt."""
        if outcome.status is not OutcomeStatus.COMPLETED or self.objective.metric not in outcome.metrics:
            return self.worst
        reward = self.objective.score(outcome.metrics)
        if self.measure:
            reward *= (self.reference / max(self.cost(architecture), 1e-12)) ** self.exponent
        reward = min(max(reward, -BOUND), BOUND)
        self.worst = reward if self.worst is None else min(self.worst, reward)
        return reward

    def cost(self, architecture: Architecture) -> float:
        """Return the summed cost of what an architecture chose."""
        return sum(
            value
            for (path, candidate, measure), value in self.costs.items()
            if measure == self.measure and _chose(architecture.get(path), candidate)
        )


def _chose(value: object, candidate: str) -> bool:
    return candidate in value if isinstance(value, tuple) else str(value) == candidate
