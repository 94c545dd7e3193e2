"""From probabilities to architectures, as published (Liu et al. 2019, section 2.4).

A OneOf takes its most probable candidate, those for search only left out. Where edges carry operations, an edge is as
strong as its most probable operation that is not for search only — by probability, never by the raw parameter, which
can not be compared between edges — times its own weight if it has one; the strongest edges are kept. A Repeat takes its
most probable count. Gates open where they are more probably open than not, within the fewest and the most. What is
sampled takes its most probable value, of a bin the middle.

Architectures come best first by the logarithm of their probability, and only those that satisfy the constraints.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np
from nascore.errors import ConstraintError
from nascore.record import Derived
from nascore.space import Architecture, SearchSpace, SomeOf, Value
from nascore.space.domain import domain_of

from nas_darts.layout import MAX_VALUES, Kind, Layout, Row, children_by_key
from nas_darts.ranking import best_first
from nas_darts.segments import Array

_TRIED = 20_000
_DRAWN = 1_000
_TINY = 1e-300


@dataclass(frozen=True, slots=True)
class Alternatives:
    """The values of one decision, best first, with the logarithm of the probability of each."""

    row: Row
    values: tuple[Value, ...]
    scores: tuple[float, ...]


class Discretisation:
    """Architectures from the probabilities of a layout.

    Args:
        space: The space.
        layout: Its decisions.
    """

    def __init__(self, space: SearchSpace, layout: Layout) -> None:
        self._space = space
        self._rows = tuple(row for row in layout.rows if not row.info.is_search_only)
        self._by_path = {row.path: row for row in self._rows}
        self._children = children_by_key(space)

    def derive(self, count: int, *, mixed: Array, sampled: Array) -> tuple[Derived, ...]:
        """Return up to ``count`` valid architectures, the most probable first.

        Args:
            count: How many.
            mixed: Probabilities of the mixed entries, flat.
            sampled: Probabilities of the sampled entries, flat.
        """
        alternatives = [self._alternatives(row, mixed, sampled) for row in self._rows]
        found: dict[Architecture, float] = {}
        for ranks in islice(best_first([each.scores for each in alternatives]), _TRIED):
            architecture, score = _combined(alternatives, ranks)
            if architecture not in found and not self._space.validate(architecture):
                found[architecture] = score
                if len(found) == count:
                    break
        if not found:
            found = self._drawn(alternatives)
        ordered = sorted(found.items(), key=lambda item: -item[1])
        return tuple(Derived(architecture, score) for architecture, score in ordered[:count])

    def _drawn(self, alternatives: list[Alternatives]) -> dict[Architecture, float]:
        """Where the probable ones all violate a constraint: valid ones by chance, always the same."""
        generator = random.Random(0)
        found: dict[Architecture, float] = {}
        scores = {each.row.path: dict(zip(each.values, each.scores, strict=True)) for each in alternatives}
        try:
            for _ in range(_DRAWN):
                architecture = self._space.sample(generator)
                worst = {path: min(known.values()) for path, known in scores.items()}
                found[architecture] = sum(scores[path].get(value, worst[path]) for path, value in architecture.items())
        except ConstraintError:
            pass
        return found

    def _alternatives(self, row: Row, mixed: Array, sampled: Array) -> Alternatives:
        if row.kind is Kind.SAMPLED:
            values = tuple(row.value_at(entry, 0.5) for entry in range(len(row.entries)))
            return _sorted(row, values, sampled[row.entries])
        if row.kind is Kind.COUNT:
            return _sorted(row, tuple(map(int, row.names)), mixed[row.entries])
        if row.kind is Kind.CHOICE:
            return _sorted(row, *self._choice(row, mixed))
        if row.kind is Kind.GATES:
            return _subsets(row, mixed[row.entries], is_gated=True)
        return _subsets(row, self.edge_strengths(row, mixed), is_gated=False)

    def _choice(self, row: Row, mixed: Array) -> tuple[tuple[Value, ...], Array]:
        is_searched = np.array(row.is_searched)
        names = tuple(name for name, is_in in zip(row.names, row.is_searched, strict=True) if is_in)
        is_several = isinstance(row.info.node, SomeOf)
        return tuple((name,) if is_several else name for name in names), mixed[row.entries][is_searched]

    def edge_strengths(self, row: Row, mixed: Array) -> Array:
        """Return how strong each edge of a node is, shape ``(edges,)``."""
        strengths = np.ones(len(row.names))
        for place, key in enumerate(row.names):
            for path in self._children[row.path].get(key, ()):
                strengths[place] *= self._best_operation(self._by_path[path], mixed)
        return strengths * mixed[row.entries] if len(row.entries) else strengths

    def _best_operation(self, row: Row, mixed: Array) -> float:
        if row.kind is Kind.SAMPLED:
            return 1.0
        return float(mixed[row.entries][np.array(row.is_searched)].max())


def _combined(alternatives: list[Alternatives], ranks: tuple[int, ...]) -> tuple[Architecture, float]:
    decisions: dict[str, Value] = {}
    score = 0.0
    for each, rank in zip(alternatives, ranks, strict=True):
        condition = each.row.info.condition
        if condition is None or condition.holds(decisions):
            decisions[each.row.path] = each.values[rank]
            score += each.scores[rank]
    return Architecture(decisions), score


def _sorted(row: Row, values: tuple[Value, ...], probabilities: Array) -> Alternatives:
    scores = np.log(np.maximum(probabilities, _TINY))
    order = np.argsort(-scores, kind="stable")
    return Alternatives(row, tuple(values[place] for place in order), tuple(scores[order].tolist()))


def _subsets(row: Row, strengths: Array, *, is_gated: bool) -> Alternatives:
    """The subsets that a SomeOf may take; all of them if there are few, else the best and its nearest."""
    node = row.info.node
    assert isinstance(node, SomeOf)
    logs = {key: float(np.log(max(value, _TINY))) for key, value in zip(row.names, strengths, strict=True)}
    closed = {key: float(np.log(max(1.0 - value, _TINY))) for key, value in zip(row.names, strengths, strict=True)}
    keys = [key for key, is_in in zip(row.names, row.is_searched, strict=True) if is_in]
    gain = {key: logs[key] - closed[key] if is_gated else logs[key] for key in keys}
    rest = sum(closed[key] for key in keys) if is_gated else 0.0
    chosen = set(_candidates(node, keys, gain, is_gated=is_gated))
    scored = sorted(((rest + sum(gain[key] for key in subset), subset) for subset in chosen), key=_by_score(keys))
    return Alternatives(row, tuple(subset for _, subset in scored), tuple(score for score, _ in scored))


def _by_score(keys: list[str]) -> Callable[[tuple[float, tuple[str, ...]]], tuple[float, list[int]]]:
    places = {key: place for place, key in enumerate(keys)}
    return lambda scored: (-scored[0], [places[key] for key in scored[1]])


def _candidates(
    node: SomeOf, keys: list[str], gain: Mapping[str, float], *, is_gated: bool
) -> Iterator[tuple[str, ...]]:
    domain = domain_of(node)
    if domain.count is not None and domain.count <= MAX_VALUES:
        yield from (value for index in range(domain.count) if isinstance(value := domain.at(index), tuple))
        return
    falling = sorted(keys, key=lambda key: -gain[key])
    wanted = sum(gain[key] > 0 for key in keys) if is_gated else node.min_chosen
    size = min(max(wanted, node.min_chosen), node.max_chosen)
    best = set(falling[:size])
    yield tuple(key for key in keys if key in best)
    for leaving in best:
        for coming in falling[size:]:
            swapped = best - {leaving} | {coming}
            yield tuple(key for key in keys if key in swapped)
