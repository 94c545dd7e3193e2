"""Which trials are best: a ranking by score, or the Pareto front of several objectives, kept up as results come.

Scores are oriented so that larger is better (``Objective.score``). A trial is dominated if another is at least as good
in every objective and better in one (Deb et al., 2002, https://doi.org/10.1109/4235.996017); equal ones stay both.
"""

from __future__ import annotations

from bisect import insort

Scores = tuple[float, ...]
_Entry = tuple[Scores, int]
_FEW = 64


class Ranking:
    """Numbers of trials, best first: all of them with one objective, the Pareto front with several.

    With one objective results are sorted in when somebody asks for them, or when an eighth is unsorted: putting each in
    its place would move half of a long list for every trial.
    """

    __slots__ = ("_fresh", "_lead", "_sorted")

    def __init__(self) -> None:
        # Pairs of negated scores and number, so that plain order is best first, ties by number.
        self._sorted: list[_Entry] = []
        self._fresh: list[_Entry] = []
        self._lead: _Entry | None = None

    def __eq__(self, other: object) -> bool:
        return self._entries() == other._entries() if isinstance(other, Ranking) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # it changes

    def add(self, number: int, scores: Scores) -> None:
        """Take a result in."""
        entry = (tuple(-score for score in scores), number)
        if len(scores) > 1:
            self._add_to_front(entry)
            return
        if self._lead is None or entry < self._lead:
            self._lead = entry
        self._fresh.append(entry)
        if len(self._fresh) > _FEW + len(self._sorted) // 8:
            self._entries()

    def best(self, count: int | None = None) -> tuple[int, ...]:
        """Return the first ``count`` numbers, best first."""
        if count == 1 and self._lead is not None:
            return (self._lead[1],)
        return tuple(number for _, number in self._entries()[:count])

    @property
    def best_score(self) -> float | None:
        """The best score in the first objective so far; ``None`` without results."""
        return None if self._lead is None else -self._lead[0][0]

    def _add_to_front(self, entry: _Entry) -> None:
        if any(_dominates(held, entry[0]) for held, _ in self._sorted):
            return
        self._sorted = [held for held in self._sorted if not _dominates(entry[0], held[0])]
        insort(self._sorted, entry)
        self._lead = self._sorted[0]

    def _entries(self) -> list[_Entry]:
        if self._fresh:
            self._sorted.extend(sorted(self._fresh))
            self._fresh.clear()
            self._sorted.sort()  # Two runs, merged in one go.
        return self._sorted


def _dominates(first: Scores, second: Scores) -> bool:
    """Whether negated scores ``first`` are nowhere worse and somewhere better."""
    return first != second and all(one <= other for one, other in zip(first, second, strict=True))
