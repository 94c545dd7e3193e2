"""Where the parameters of a space lie: every decision's entries in one array for mixtures and one for samples.

- A OneOf has one segment with an entry for each candidate, those for search only included; a Repeat one with an entry
  for each count; a SomeOf of exactly one of its candidates likewise one.
- A SomeOf of exactly n candidates that all hold an operation choice (the edges of a DARTS node) has no parameters of
  its own: every edge has weight 1, and the operations' strengths rank the edges. With ``has_edge_weights`` (PC-DARTS)
  it has one segment over its edges.
- Any other SomeOf is a row of gates: a segment of two entries, off and on, for each candidate.
- Ranges of numbers, what the trial calls unmixable, and choices whose order or repetition counts are sampled: a segment
  of their values, or of 16 bins of a long range.

Not here: the values of parameters.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from nascore.space import DecisionInfo, Integer, OneOf, Real, Repeat, SearchSpace, SomeOf, Value
from nascore.space.domain import domain_of

from nas_darts.segments import Array, Indices, Segments

MAX_VALUES = 1024
"""Most values of a choice that has to be sampled."""

_LONGEST_RANGE = 64
_BINS = 16


class Kind(Enum):
    """How a decision takes part."""

    CHOICE = "one candidate"
    COUNT = "a count"
    GATES = "any candidates"
    EDGES = "edges ranked by their operations"
    SAMPLED = "sampled"


@dataclass(frozen=True, slots=True)
class Row:
    """One decision.

    Attributes:
        info: Its row in the decision table.
        kind: How it takes part.
        entries: Flat indices of its entries, one for each weight of the mixture; of gates the "on" entries; of edges
            without weights none. For a sampled decision they point into the sampled array.
        names: Name of each entry: keys, counts or values.
        is_searched: For each entry, whether it may be in an architecture.
        values: What a sampled decision's entries stand for; empty for bins of a range.
    """

    info: DecisionInfo
    kind: Kind
    entries: Indices
    names: tuple[str, ...]
    is_searched: tuple[bool, ...]
    values: tuple[Value, ...] = ()

    @property
    def path(self) -> str:
        """Its path."""
        return self.info.path

    def value_at(self, entry: int, place: float) -> Value:
        """Return what a sampled entry stands for; ``place`` in [0, 1) picks within a bin."""
        if self.values:
            return self.values[entry]
        node = self.info.node
        assert isinstance(node, (Integer, Real))
        fraction = (entry + place) / len(self.entries)
        return _real_at(node, fraction) if isinstance(node, Real) else _integer_at(node, fraction)


class Layout:
    """The parameters of a space.

    Args:
        space: The space.
        unmixable: Paths that cannot be mixed.
        has_edge_weights: Whether the edges of a node have parameters of their own.

    Attributes:
        rows: All decisions, sorted by path, parents before children.
        mixed: Segments of those that are mixed.
        sampled: Segments of those that are sampled.
    """

    def __init__(self, space: SearchSpace, *, unmixable: Mapping[str, str], has_edge_weights: bool = False) -> None:
        self.mixed_sizes: list[int] = []
        self.sampled_sizes: list[int] = []
        self._has_edge_weights = has_edge_weights
        carried = {path for path, each in children_by_key(space).items() if each}
        self.rows = tuple(self._row(info, carried, unmixable) for info in space.decisions)
        self.mixed = Segments(self.mixed_sizes)
        self.sampled = Segments(self.sampled_sizes)
        self.mixed_rows = tuple(row for row in self.rows if row.kind is not Kind.SAMPLED)
        self.sampled_rows = tuple(row for row in self.rows if row.kind is Kind.SAMPLED)
        self.gate_rows = tuple(row for row in self.mixed_rows if row.kind is Kind.GATES)

    def _row(self, info: DecisionInfo, carried: set[str], unmixable: Mapping[str, str]) -> Row:
        node = info.node
        if is_sampled(info, unmixable):
            return self._sampled(info)
        if isinstance(node, Repeat):
            counts = tuple(map(str, range(node.min_count, node.max_count + 1)))
            return Row(info, Kind.COUNT, self._segment(len(counts)), counts, (True,) * len(counts))
        assert isinstance(node, (OneOf, SomeOf))
        names = tuple(candidate.key for candidate in node.candidates)
        is_searched = tuple(not candidate.search_only for candidate in node.candidates)
        if isinstance(node, SomeOf) and node.min_chosen == node.max_chosen and info.path in carried:
            entries = self._segment(len(names) if self._has_edge_weights else 0)
            return Row(info, Kind.EDGES, entries, names, is_searched)
        if isinstance(node, OneOf) or node.min_chosen == node.max_chosen == 1:
            return Row(info, Kind.CHOICE, self._segment(len(names)), names, is_searched)
        gates = np.array([self._segment(2)[1] for _ in names], dtype=np.intp)
        return Row(info, Kind.GATES, gates, names, is_searched)

    def _segment(self, size: int) -> Indices:
        start = sum(self.mixed_sizes)
        if size:
            self.mixed_sizes.append(size)
        return np.arange(start, start + size)

    def _sampled(self, info: DecisionInfo) -> Row:
        values = _values(info)
        size = len(values) or _BINS
        start = sum(self.sampled_sizes)
        self.sampled_sizes.append(size)
        names = tuple(map(str, values)) or tuple(f"bin{index}" for index in range(size))
        return Row(info, Kind.SAMPLED, np.arange(start, start + size), names, (True,) * size, values)

    def with_gates_open(self, chosen: Array, strength: Array) -> Array:
        """Return a hard choice in which every row of gates has at least its fewest, and at least one, open.

        Args:
            chosen: Flat, 1 for what is chosen.
            strength: Flat; the strongest of the closed gates are opened.
        """
        opened = chosen.copy()
        for row in self.gate_rows:
            node = row.info.node
            assert isinstance(node, SomeOf)
            missing = max(1, node.min_chosen) - int(opened[row.entries].sum())
            if missing > 0:
                closed = row.entries[opened[row.entries] == 0.0]
                strongest = closed[np.argsort(-strength[closed], kind="stable")[:missing]]
                opened[strongest], opened[strongest - 1] = 1.0, 0.0
        return opened


def is_sampled(info: DecisionInfo, unmixable: Mapping[str, str]) -> bool:
    """Whether a decision is sampled instead of mixed."""
    node = info.node
    if isinstance(node, SomeOf) and (node.ordered or node.with_replacement or node.max_chosen == 0):
        return True
    return info.path in unmixable or not isinstance(node, (OneOf, SomeOf, Repeat))


def too_many_values(space: SearchSpace, unmixable: Mapping[str, str]) -> DecisionInfo | None:
    """Return a choice of several that would have to be sampled and has too many values, if there is one."""
    for info in space.decisions:
        count = info.layout.count or 0
        if isinstance(info.node, SomeOf) and is_sampled(info, unmixable) and count > MAX_VALUES:
            return info
    return None


def children_by_key(space: SearchSpace) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return, for every SomeOf of which each searchable candidate holds a OneOf, the paths of those by key."""
    found: dict[str, dict[str, list[str]]] = {}
    for info in space.decisions:
        if isinstance(info.node, SomeOf):
            found[info.path] = {each.key: [] for each in info.node.candidates if not each.search_only}
        parent = info.condition
        if parent is not None and isinstance(info.node, OneOf) and parent.key in found.get(parent.path, {}):
            found[parent.path][str(parent.key)].append(info.path)
    return {
        path: {key: tuple(paths) for key, paths in keys.items()} if all(keys.values()) else {}
        for path, keys in found.items()
    }


def _values(info: DecisionInfo) -> tuple[Value, ...]:
    """All values of a decision; none for a long range, which is cut into bins."""
    count = info.layout.count
    is_range = isinstance(info.node, (Integer, Real))
    if count is None or (is_range and count > _LONGEST_RANGE):
        return ()
    domain = domain_of(info.node)
    return tuple(domain.at(index) for index in range(count))


def _real_at(node: Real, fraction: float) -> float:
    if node.log:
        value = math.exp(math.log(node.low) + fraction * (math.log(node.high) - math.log(node.low)))
    else:
        value = node.low + fraction * (node.high - node.low)
    return min(max(value, node.low), node.high)


def _integer_at(node: Integer, fraction: float) -> int:
    last = (node.high - node.low) // node.step
    if node.log:
        value = math.exp(math.log(node.low) + fraction * (math.log(node.high) - math.log(node.low)))
        return node.low + node.step * min(last, max(0, round((value - node.low) / node.step)))
    return node.low + node.step * min(last, int(fraction * (last + 1)))


def slices(rows: Sequence[Row]) -> Iterator[tuple[Row, int, int]]:
    """Yield each row with the bounds of its entries when those of all rows are laid end to end."""
    start = 0
    for row in rows:
        yield row, start, start + len(row.entries)
        start += len(row.entries)
