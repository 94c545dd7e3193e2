"""Which trials are best: a ranking by score, or the Pareto front of several objectives, kept up as results come.

Scores are oriented so that larger is better (``Objective.score``). A trial is dominated if another is at least as good
in every objective and better in one (Deb et al., 2002, https://doi.org/10.1109/4235.996017); equal ones stay both.
"""

from __future__ import annotations

from bisect import insort

Scores = tuple[float, ...]
_Entry = tuple[Scores, int]
_Ranked = tuple[float, int]
_FEW = 64


class Ranking:
    """Numbers of trials, best first: all of them with one objective, the Pareto front with several.

    With one objective results are sorted in when somebody asks for them, or when a third is unsorted: putting each in
    its place would move half of a long list for every trial.
    """

    __slots__ = ("_fresh", "_front", "_lead", "_ranked")

    def __init__(self) -> None:
        # Negated scores and number, so that plain order is best first, ties by number. Flat with one objective:
        # nested ones take three times as long to compare.
        self._ranked: list[_Ranked] = []
        self._fresh: list[_Ranked] = []
        self._lead: _Ranked | None = None
        self._front: list[_Entry] = []

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Ranking):
            return NotImplemented
        return self._entries() == other._entries() and self._front == other._front

    __hash__ = None  # type: ignore[assignment]  # it changes

    def add(self, number: int, scores: Scores) -> None:
        """Take a result in."""
        if len(scores) > 1:
            self._add_to_front((tuple(-score for score in scores), number))
            return
        entry = (-scores[0], number)
        if self._lead is None or entry < self._lead:
            self._lead = entry
        self._fresh.append(entry)
        if len(self._fresh) > _FEW + len(self._ranked) // 2:
            self._entries()

    def best(self, count: int | None = None) -> tuple[int, ...]:
        """Return the first ``count`` numbers, best first."""
        if count == 1 and self._lead is not None:
            return (self._lead[1],)
        return tuple(number for _, number in (self._front or self._entries())[:count])

    @property
    def best_score(self) -> float | None:
        """The best score in the first objective so far; ``None`` without results."""
        return None if self._lead is None else -self._lead[0]

    def _add_to_front(self, entry: _Entry) -> None:
        if any(_dominates(held, entry[0]) for held, _ in self._front):
            return
        self._front = [held for held in self._front if not _dominates(entry[0], held[0])]
        insort(self._front, entry)
        first, number = self._front[0]
        self._lead = (first[0], number)

    def _entries(self) -> list[_Ranked]:
        if self._fresh:
            self._ranked.extend(sorted(self._fresh))
            self._fresh.clear()
            self._ranked.sort()  # Two runs, merged in one go.
        return self._ranked


def _dominates(first: Scores, second: Scores) -> bool:
    """Whether negated scores ``first`` are nowhere worse and somewhere better."""
    return first != second and all(one <= other for one, other in zip(first, second, strict=True))
