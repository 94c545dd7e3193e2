"""The gradient of a decision's gate as it usually is: it stands in for candidates that did not run.

Of the candidates of a decision only the one that ran has a gradient. If the others count as 0, whatever is drawn is
rewarded or punished by what all have in common, and a loss that falls as long as any output grows makes the first
favourite the winner. With the running average in their place only the difference to it counts, as with the baseline of
REINFORCE. The softmax is blind to what is added to a whole segment, so in expectation nothing else changes.
"""

from __future__ import annotations

import numpy as np

from nas_darts.layout import Layout
from nas_darts.segments import Array

_KEPT = 0.9


class Usual:
    """Running averages of gate gradients, one a segment.

    Args:
        layout: The decisions.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._means = np.zeros(layout.mixed.count)
        self._is_known = np.zeros(layout.mixed.count)

    def completed(self, gradient: Array, *, hard: Array) -> Array:
        """Return the gradient with the average in the place of what did not run, and count what did.

        Args:
            gradient: Flat, 0 for what did not run, and for all of a decision that was not reached.
            hard: Flat, 1 for what was drawn.
        """
        owner, sums = self._layout.mixed.owner, self._layout.mixed.sums
        is_run = (hard > 0) & (gradient != 0)
        is_reached = sums(is_run.astype(float)) > 0
        filled = np.where(is_run, gradient, (self._means * self._is_known)[owner])
        # Nothing is known of a decision before it was reached twice: then all entries are alike.
        alone = (is_reached & (self._is_known == 0))[owner]
        filled = np.where(alone | ~is_reached[owner], 0.0, filled)
        for row in self._layout.gate_rows:
            # A closed gate is known to have none; the open ones of a row that was reached have the usual one.
            if np.any(is_run[row.entries]):
                usual = self._means[owner[row.entries]]
                filled[row.entries] = np.where(is_run[row.entries], gradient[row.entries], usual)
            filled[row.entries - 1] = 0.0
        self._count(sums(np.where(is_run, gradient, 0.0)), is_reached)
        return filled

    def _count(self, found: Array, is_reached: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> None:
        kept = _KEPT * self._is_known
        self._means = np.where(is_reached, kept * self._means + (1.0 - kept) * found, self._means)
        self._is_known = np.where(is_reached, 1.0, self._is_known)

    def to_state(self) -> dict[str, list[float]]:
        """Return its state as lists of numbers."""
        return {"usual": self._means.tolist(), "known": self._is_known.tolist()}

    def from_state(self, own: dict[str, list[float]]) -> None:
        """Take a state back."""
        self._means, self._is_known = np.array(own["usual"]), np.array(own["known"])
