"""What one sample is made of, and the mixture that says so.

Not here: how weights are drawn from parameters (each algorithm), and what the gradient does to them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from nascore.space import MixedDecision, Mixture, Value

from nas_darts.chance import Chance
from nas_darts.layout import Kind, Layout, Row, slices
from nas_darts.segments import Array, Flags, Indices, gumbel


@dataclass(frozen=True, slots=True)
class Draw:
    """Weights of all mixed entries, drawn or computed.

    Attributes:
        weights: Flat.
        graded: Flat, whether the gradient of an entry is wanted; ``None`` for all.
        memory: What the backward pass needs, in the algorithm's own order.
    """

    weights: Array
    graded: Flags | None = None
    memory: tuple[Array, ...] = ()


@dataclass(frozen=True, slots=True)
class Picks:
    """What was sampled.

    Attributes:
        entries: Flat index of the picked entry of each sampled decision, in their order.
        fixed: The values, by path.
    """

    entries: Indices
    fixed: Mapping[str, Value] = field(default_factory=dict)


class Composer:
    """Writes the mixtures of a layout and reads their gradients.

    Args:
        layout: The decisions.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._rows = tuple(slices(layout.mixed_rows))
        entries = [row.entries for row in layout.mixed_rows]
        self._gathered = np.concatenate(entries) if entries else np.zeros(0, dtype=np.intp)
        self._all = {row.path: tuple(range(len(row.entries))) for row in layout.mixed_rows}
        self._entries: dict[str, tuple[int, ...]] = {row.path: tuple(row.entries.tolist()) for row in layout.mixed_rows}
        self._whole = {
            row.path: MixedDecision(row.path, (1.0,) * len(row.names))
            for row in layout.mixed_rows
            if row.kind is Kind.EDGES and not len(row.entries)
        }

    def mixture(self, draw: Draw, picks: Picks, *, is_graded: bool) -> Mixture:
        """Return the mixture of a draw, with or without the wish for a gradient."""
        weights: list[float] = draw.weights[self._gathered].tolist()
        flags = None if draw.graded is None else draw.graded[self._gathered].tolist()
        decisions = []
        for row, low, high in self._rows:
            whole = self._whole.get(row.path)
            graded = self._graded(row, flags, low, high) if is_graded else ()
            decisions.append(whole or MixedDecision(row.path, tuple(weights[low:high]), graded))
        return Mixture(tuple(decisions), picks.fixed)

    def gradient(self, decisions: Sequence[MixedDecision]) -> Array:
        """Return the gradient that a trial answered, flat; 0 for what was not graded."""
        flat = np.zeros(self._layout.mixed.total)
        places: list[int] = []
        values: list[float] = []
        # Gathered first, for an operation of numpy on each of many short rows takes longer than all the rest.
        for each in decisions:
            entries = self._entries.get(each.path, ())
            if len(each.weights) != len(entries):
                continue
            if each.graded:
                places.extend(entries[index] for index in each.graded)
                values.extend(each.weights[index] for index in each.graded)
            else:
                places.extend(entries)
                values.extend(each.weights)
        if places:
            flat[places] = values
        return flat

    def _graded(self, row: Row, flags: list[bool] | None, low: int, high: int) -> tuple[int, ...]:
        if flags is None:
            return self._all[row.path]
        return tuple(place for place, flag in enumerate(flags[low:high]) if flag)


def pick(layout: Layout, policy: Array, chance: Chance) -> Picks:
    """Draw the decisions that are sampled from their probabilities, softmax of the policy."""
    if not layout.sampled_rows:
        return _NOTHING
    entries = layout.sampled.first_largest(policy + gumbel(chance.generator, layout.sampled.total))
    return _picked(layout, entries, chance.generator.random(layout.sampled.count))


def best_pick(layout: Layout, policy: Array) -> Picks:
    """Return the most probable value of each decision that is sampled, of a bin the middle."""
    return _picked(layout, layout.sampled.first_largest(policy), np.full(layout.sampled.count, 0.5))


def _picked(layout: Layout, entries: Indices, places: Array) -> Picks:
    fixed = {
        row.path: row.value_at(int(entry - row.entries[0]), float(place))
        for row, entry, place in zip(layout.sampled_rows, entries, places, strict=True)
    }
    return Picks(entries, fixed)


_NOTHING = Picks(np.zeros(0, dtype=np.intp))
