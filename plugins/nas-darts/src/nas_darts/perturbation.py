"""The final choice by perturbation: keep what hurts most when it is taken away (Wang et al. 2021, arXiv:2108.04392).

After the search, decision by decision in an order drawn from the seed: the supernet is scored without each of its
candidates in turn, the one that is missed most stays alone, and the weights are trained a little before the next one.
Which edges are kept is still ranked by probability. Not here: asking for scores (``darts``).
"""

from __future__ import annotations

import numpy as np

from nas_darts.layout import Kind, Layout, Row
from nas_darts.segments import Array, Flags


class Perturbation:
    """Which candidates have been chosen, and what taking away the others of the next decision does.

    Args:
        layout: The decisions.
        seed: Orders them.
        tuning_batches: TRAIN batches after each choice.
    """

    def __init__(self, layout: Layout, *, seed: int, tuning_batches: int) -> None:
        choices = [row for row in layout.mixed_rows if row.kind is Kind.CHOICE and sum(row.is_searched) > 1]
        order = np.random.Generator(np.random.PCG64(seed)).permutation(len(choices))
        self._rows = [choices[place] for place in order]
        self._tuning_batches = tuning_batches
        self._total = layout.mixed.total
        self._chosen: list[int] = []
        self._scores: dict[int, float] = {}
        self._tuning = 0

    def train_batches(self, most: int) -> int:
        """Return how many TRAIN batches come next, at most so many, and count them as proposed."""
        taken = min(most, self._tuning)
        self._tuning -= taken
        return taken

    def entries(self) -> tuple[int, ...]:
        """Return the flat indices of the candidates to be taken away next; none when all is chosen."""
        row = self._row()
        return () if row is None else tuple(int(entry) for entry in _searched(row))

    def without(self, weights: Array, entry: int) -> Array:
        """Return the weights with one candidate taken away; the others keep theirs."""
        return np.where(np.arange(len(weights)) == entry, 0.0, weights)

    def add(self, entry: int, score: float | None) -> None:
        """Take the score (larger is better) of the supernet without a candidate; ``None`` if it failed."""
        if score is not None:
            self._scores[entry] = score

    def choose(self, probabilities: Array) -> None:
        """Settle the decision with the scores that came; where none came, by probability."""
        row = self._row()
        if row is None:
            return
        entries = _searched(row)
        if self._scores:
            # Of equals the most probable.
            entries = np.array(sorted(self._scores, key=lambda entry: (self._scores[entry], -probabilities[entry])))
            chosen = int(entries[0])
        else:
            chosen = int(entries[np.argmax(probabilities[entries])])
        self._chosen.append(chosen)
        self._scores = {}
        self._tuning = self._tuning_batches

    def is_open(self) -> Flags:
        """Return, flat, what may still be taken: all but the rivals of what was chosen."""
        flags = np.ones(self._total, dtype=bool)
        for row, chosen in zip(self._rows, self._chosen, strict=False):
            flags[row.entries] = row.entries == chosen
        return flags

    def to_state(self) -> dict[str, list[float]]:
        """Return its state as lists of numbers."""
        scores = [number for pair in self._scores.items() for number in pair]
        return {"chosen": list(map(float, self._chosen)), "scores": scores, "tuning": [float(self._tuning)]}

    def from_state(self, own: dict[str, list[float]]) -> None:
        """Take a state back."""
        self._chosen = list(map(int, own["chosen"]))
        self._scores = {int(entry): score for entry, score in zip(own["scores"][::2], own["scores"][1::2], strict=True)}
        self._tuning = int(own["tuning"][0])

    def _row(self) -> Row | None:
        return self._rows[len(self._chosen)] if len(self._chosen) < len(self._rows) else None


def _searched(row: Row) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    return np.array(row.entries[np.array(row.is_searched)])
