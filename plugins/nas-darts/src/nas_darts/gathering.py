"""The gradients of one turn, as they come in from its workers, and the average that ends it.

The baseline of the score function is an average of earlier losses only, so it does not depend on the sample it judges.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nas_darts.draw import Picks
from nas_darts.layout import Kind, Layout, Row
from nas_darts.segments import Array
from nas_darts.state import GatheringState

_KEPT = 0.9


@dataclass(frozen=True, slots=True)
class Average:
    """What a turn found: gradients of the parameters and of the policy, and the loss."""

    gradient: Array
    policy_gradient: Array
    loss: float


class Gathering:
    """Sums over one turn, and the running average of losses.

    Args:
        layout: The decisions.

    Attributes:
        count: Gradients in it.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._rows = {row.path: row for row in layout.rows}
        self._baseline: float | None = None
        self._clear()

    def _clear(self) -> None:
        self.count = 0
        self._gradient = np.zeros(self._layout.mixed.total)
        # Sum of advantage x one-hot of what was picked, and of the advantage, by decision: the rest of the score
        # function needs the policy, which is the same for the whole turn.
        self._picked = np.zeros(self._layout.sampled.total)
        self._advantage = np.zeros(self._layout.sampled.count)
        self._losses: list[float] = []

    def add(self, gradient: Array, *, picks: Picks, weights: Array, loss: float | None) -> None:
        """Take the gradient of one sample, what was picked for it, its weights, and its loss."""
        self.count += 1
        self._gradient += gradient
        if loss is None:
            return
        self._losses.append(loss)
        if self._baseline is None or not len(picks.entries):
            return
        better = loss - self._baseline
        for place, row in enumerate(self._layout.sampled_rows):
            if self._is_active(row, picks, weights):
                self._picked[picks.entries[place]] += better
                self._advantage[place] += better

    def take(self, policy: Array) -> Average:
        """Return the averages over the turn and begin the next one."""
        segments = self._layout.sampled
        score = self._picked - segments.softmax(policy) * self._advantage[segments.owner]
        loss = sum(self._losses) / len(self._losses) if self._losses else 0.0
        found = Average(self._gradient / self.count, score / self.count, loss)
        if self._losses:
            before = loss if self._baseline is None else self._baseline
            self._baseline = _KEPT * before + (1.0 - _KEPT) * loss
        self._clear()
        return found

    def _is_active(self, row: Row, picks: Picks, weights: Array) -> bool:
        """Whether a sampled decision had any part in the loss."""
        condition = row.info.condition
        if condition is None:
            return True
        parent = self._rows[condition.path]
        if not self._is_active(parent, picks, weights):
            return False
        if parent.kind is Kind.SAMPLED:
            return condition.holds(picks.fixed)
        if not len(parent.entries):
            return True
        if condition.count_above is not None:
            counts = np.array([int(name) for name in parent.names])
            return bool(np.any(weights[parent.entries[counts > condition.count_above]]))
        return bool(weights[parent.entries[parent.names.index(str(condition.key))]])

    def to_state(self) -> GatheringState:
        """Return its state."""
        return GatheringState(
            count=self.count,
            gradient=self._gradient.tolist(),
            picked=self._picked.tolist(),
            advantage=self._advantage.tolist(),
            losses=list(self._losses),
            baseline=self._baseline,
        )

    def from_state(self, state: GatheringState) -> None:
        """Take a state back."""
        self.count = state.count
        self._gradient = np.array(state.gradient)
        self._picked = np.array(state.picked)
        self._advantage = np.array(state.advantage)
        self._losses = list(state.losses)
        self._baseline = state.baseline
