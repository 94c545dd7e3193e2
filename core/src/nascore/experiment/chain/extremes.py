"""The largest and the cheapest network of a space: two baselines that every search must beat.

What candidates cost is told by the trial that searched. Where nothing is known, numbers and names decide: the largest
number, the last candidate that is not named like a skip; the smallest number, the candidate that is named like a skip,
the first one. Costs of decisions beneath a candidate are not added to its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from nascore.errors import ArchitectureError
from nascore.space import (
    Architecture,
    Candidate,
    DecisionInfo,
    Integer,
    OneOf,
    Real,
    Repeat,
    SearchSpace,
    SomeOf,
    Value,
)

Costs = Mapping[tuple[str, str, str], float]

MEASURES = ("parameters", "params", "macs", "latency_ms")
"""What counts, the first that is known of a decision."""

_SKIP = re.compile(r"(?:^|[_\W])(?:skip|identity|none|zero|noop|no_op|id)(?:$|[_\W]|connect|ion)", re.IGNORECASE)


def largest(space: SearchSpace, costs: Costs) -> Architecture | None:
    """Return the network with the most expensive candidate everywhere; ``None`` if constraints forbid it."""
    return _decided(space, lambda row: _largest_value(row, costs))


def cheapest(space: SearchSpace, costs: Costs) -> Architecture | None:
    """Return the network with a skip, or the cheapest candidate, everywhere; ``None`` if constraints forbid it."""
    return _decided(space, lambda row: _cheapest_value(row, costs))


def _decided(space: SearchSpace, choose: Callable[[DecisionInfo], Value]) -> Architecture | None:
    decided: dict[str, Value] = {}
    for row in space.decisions:  # A decision comes after the one that it depends on.
        if not row.is_search_only and (row.condition is None or row.condition.holds(decided)):
            decided[row.path] = choose(row)
    try:
        return space.architecture(decided)
    except ArchitectureError:
        return None


def _largest_value(row: DecisionInfo, costs: Costs) -> Value:
    node = row.node
    if isinstance(node, OneOf):
        return _by_size(row.path, node.candidates, costs)[-1].key
    if isinstance(node, SomeOf):
        return _several(row.path, node, costs, count=node.max_chosen, is_largest=True)
    if isinstance(node, Integer):
        return node.low + (node.high - node.low) // node.step * node.step
    if isinstance(node, Real):
        return float(node.high)
    assert isinstance(node, Repeat)
    return node.max_count


def _cheapest_value(row: DecisionInfo, costs: Costs) -> Value:
    node = row.node
    if isinstance(node, OneOf):
        return _by_size(row.path, node.candidates, costs)[0].key
    if isinstance(node, SomeOf):
        return _several(row.path, node, costs, count=node.min_chosen, is_largest=False)
    if isinstance(node, Integer):
        return node.low
    if isinstance(node, Real):
        return float(node.low)
    assert isinstance(node, Repeat)
    return node.min_count


def _several(path: str, node: SomeOf, costs: Costs, *, count: int, is_largest: bool) -> tuple[str, ...]:
    ranked = _by_size(path, node.candidates, costs)
    if is_largest:
        ranked = ranked[::-1]
    if node.with_replacement:
        return (ranked[0].key,) * count
    taken = {candidate.key for candidate in ranked[:count]}
    return tuple(candidate.key for candidate in node.candidates if candidate.key in taken)


def _by_size(path: str, candidates: Sequence[Candidate], costs: Costs) -> list[Candidate]:
    """Return the candidates that may be chosen, the cheapest first: skips, then by cost, number or place."""
    usable = [candidate for candidate in candidates if not candidate.search_only]
    known = next((measure for measure in MEASURES if _is_known(path, usable, costs, measure)), "")

    def size(candidate: Candidate) -> tuple[bool, float]:
        if known:
            return not is_skip(candidate), costs.get((path, candidate.key, known), 0.0)
        value = candidate.value
        number = float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else 0.0
        return not is_skip(candidate), number

    return sorted(usable, key=size)


def _is_known(path: str, candidates: Sequence[Candidate], costs: Costs, measure: str) -> bool:
    return any((path, candidate.key, measure) in costs for candidate in candidates)


def is_skip(candidate: Candidate) -> bool:
    """Whether a candidate is named like one that does nothing (``skip_connect``, ``identity``, ``none``)."""
    return _SKIP.search(candidate.key) is not None
