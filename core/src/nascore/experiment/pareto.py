"""Which trials are best: a ranking by score, or the Pareto front of several objectives, kept up as results come.

Scores are oriented so that larger is better (``Objective.score``). A trial is dominated if another is at least as good
in every objective and better in one (Deb et al., 2002, https://doi.org/10.1109/4235.996017); equal ones stay both.
"""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass, field

Scores = tuple[float, ...]


@dataclass(slots=True)
class Ranking:
    """Numbers of trials, best first: all of them with one objective, the Pareto front with several.

    Attributes:
        entries: Pairs of negated scores and number, so that plain order is best first, ties by number.
    """

    entries: list[tuple[Scores, int]] = field(default_factory=list)

    def add(self, number: int, scores: Scores) -> None:
        """Take a result in."""
        entry = (tuple(-score for score in scores), number)
        if len(scores) > 1:
            if any(_dominates(held, entry[0]) for held, _ in self.entries):
                return
            self.entries = [held for held in self.entries if not _dominates(entry[0], held[0])]
        insort(self.entries, entry)

    def best(self, count: int | None = None) -> tuple[int, ...]:
        """Return the first ``count`` numbers, best first."""
        return tuple(number for _, number in self.entries[:count])

    @property
    def best_score(self) -> float | None:
        """The best score in the first objective so far; ``None`` without results."""
        return -self.entries[0][0][0] if self.entries else None


def _dominates(first: Scores, second: Scores) -> bool:
    """Whether negated scores ``first`` are nowhere worse and somewhere better."""
    return first != second and all(one <= other for one, other in zip(first, second, strict=True))
