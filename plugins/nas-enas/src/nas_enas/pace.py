"""How fast a policy moves: the published learning rates, and what becomes of them in short searches.

A published rate belongs to thousands of updates. With some fifty updates the same rate leaves a policy where it began,
and what is derived is the best of a few random networks. A rate that nobody gave is therefore raised where a schedule
has fewer updates, so that they reach as far, but no further than what is known to be stable.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """How far a search goes.

    Attributes:
        reach: How far Adam carries a parameter that always moves the same way, over the published search.
        fastest: The largest rate that a short search is given.
    """

    reach: float
    fastest: float

    def rate(self, published: float, *, steps: int | None) -> float:
        """Return the published rate, or the one with which so many steps reach as far as the published ones.

        Args:
            published: The published step size of Adam.
            steps: Steps over the whole schedule; ``None`` where nobody knows.
        """
        return published if steps is None else max(published, min(self.fastest, self.reach / max(1, steps)))
