"""Whether a mixture fits a space.

Each decision that may be computed is either mixed, with the right number of weights, or fixed, with a value that it can
have. One beneath a candidate that is not computed (its weight is 0 and not graded, or it is not the fixed choice) may
be left out. Not here: what a mixture is (``mixture``), and how it is applied (the trial SDK).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nascore.errors import ArchitectureError, Violation
from nascore.space.domain import domain_of
from nascore.space.mixture import MixedDecision, Mixture
from nascore.space.nodes import Node, OneOf, Repeat, SomeOf
from nascore.space.plan import Condition, DecisionInfo
from nascore.space.space import SearchSpace

_FINDINGS = 3


class MixtureRules:
    """What a mixture must hold; made once for a space, for a mixture comes with every step of a search.

    Args:
        space: The space.
        unmixable: Why decisions cannot be mixed, by path.
    """

    def __init__(self, space: SearchSpace, unmixable: Mapping[str, str]) -> None:
        self._table = space.decisions
        self._rows = {row.path: row for row in self._table}
        self._unmixable = dict(unmixable)
        self._counts = {row.path: weights_of(row.node) for row in self._table}

    def check(self, mixture: Mixture) -> None:
        """Refuse a mixture that does not fit.

        Raises:
            ArchitectureError: With the first findings, each with its path.
        """
        found: list[Violation] = []
        for violation in self._faults(mixture):
            found.append(violation)
            if len(found) >= _FINDINGS:
                break
        if found:
            listing = "; ".join(str(violation) for violation in found)
            raise ArchitectureError(f"The mixture does not fit the space: {listing}", violations=tuple(found))

    def _faults(self, mixture: Mixture) -> Iterator[Violation]:
        mixed = {decision.path: decision for decision in mixture.decisions}
        for decision in mixture.decisions:
            yield from self._mixed_faults(decision)
        for path, value in mixture.fixed.items():
            row = self._rows.get(path)
            fault = "is no decision of the space" if row is None else domain_of(row.node).fault(value)
            if fault:
                yield Violation(path, fault)
        if len(mixed) + len(mixture.fixed) < len(self._table):
            yield from self._missing(mixture, mixed)

    def _mixed_faults(self, decision: MixedDecision) -> Iterator[Violation]:
        count = self._counts.get(decision.path)
        if count is None:
            yield Violation(decision.path, "is no decision of the space")
        elif count == 0:
            yield Violation(decision.path, "is a range of numbers and cannot be mixed; fix it")
        elif decision.path in self._unmixable:
            yield Violation(decision.path, f"cannot be mixed; fix it: {self._unmixable[decision.path]}")
        elif len(decision.weights) != count:
            yield Violation(decision.path, f"has {len(decision.weights)} weights; it needs {count}")

    def _missing(self, mixture: Mixture, mixed: Mapping[str, MixedDecision]) -> Iterator[Violation]:
        computed: set[str] = set()
        for row in self._table:
            if not self._is_computed(row, mixture, mixed, computed):
                continue
            computed.add(row.path)
            if row.path not in mixed and row.path not in mixture.fixed:
                yield Violation(row.path, "is neither mixed nor fixed")

    def _is_computed(
        self, row: DecisionInfo, mixture: Mixture, mixed: Mapping[str, MixedDecision], computed: set[str]
    ) -> bool:
        condition = row.condition
        if condition is None:
            return True
        if condition.path not in computed:
            return False
        if condition.path in mixture.fixed:
            return condition.holds(mixture.fixed)
        above = mixed.get(condition.path)
        return above is not None and any(
            above.weights[index] != 0 or index in above.graded
            for index in _indices(condition, self._rows[condition.path].node)
            if index < len(above.weights)
        )


def weights_of(node: Node) -> int:
    """Return how many weights mix a node: one a candidate, or one a possible count; 0 for a range of numbers."""
    if isinstance(node, (OneOf, SomeOf)):
        return len(node.candidates)
    if isinstance(node, Repeat):
        return node.max_count - node.min_count + 1
    return 0


def _indices(condition: Condition, node: Node) -> Iterator[int]:
    """Yield the weights that make a condition hold."""
    if isinstance(node, Repeat):
        counts = range(node.min_count, node.max_count + 1)
        above = condition.count_above or 0
        yield from (index for index, count in enumerate(counts) if count > above)
    elif isinstance(node, (OneOf, SomeOf)):
        yield from (index for index, candidate in enumerate(node.candidates) if candidate.key == condition.key)
