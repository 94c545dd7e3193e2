"""The decision table of a space, and the plan compiled from it that every operation runs on.

A row of the table is a decision at a path: where it lives, what it can be, and on what it depends. Rows are sorted by
path; the path of a decision begins with that of the decision it depends on, so one pass from the top meets parents
before children and yields an architecture that is sorted already.

Not here: checking (``check``) and counting architectures (``counting``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from nascore.space import path as paths
from nascore.space.architecture import Value
from nascore.space.constraint import ABSENT, Constraint, Result, is_satisfied
from nascore.space.domain import Domain, domain_of
from nascore.space.nodes import Group, Literal, Node, OneOf, Repeat, SomeOf
from nascore.space.scope import Placed, Scope

Decisions = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold for a decision to be active: its parent picked a candidate, or repeats often enough.

    Attributes:
        path: Path of the parent decision, which must be active itself.
        key: Key that must be (among) the parent's; None where the parent is a Repeat.
        count_above: The parent's count must be above this; None where the parent chooses.
    """

    path: str
    key: str | None = None
    count_above: int | None = None

    def holds(self, decisions: Decisions) -> bool:
        """Whether it holds, given all decisions above."""
        value = decisions.get(self.path)
        if value is None:
            return False
        if self.count_above is not None:
            return isinstance(value, int) and value > self.count_above
        return value == self.key or (isinstance(value, tuple) and self.key in value)

    def __str__(self) -> str:
        if self.count_above is not None:
            return f"{self.path} > {self.count_above}"
        return f"{self.path} = {self.key}"


@dataclass(frozen=True, slots=True)
class OrdinalLayout:
    """How a decision is packed as a number: 0 while it is inactive, 1 to ``count`` for its values in order.

    Attributes:
        count: Number of values; None for a real number, which is packed as an IEEE 754 double.
        width: Bytes that the largest ordinal needs; 8 for a real number.
    """

    count: int | None
    width: int


@dataclass(frozen=True, slots=True)
class DecisionInfo:
    """One row of the decision table.

    Attributes:
        index: Its row, counted from 0.
        path: Its path; rows are sorted by it.
        node: What it decides.
        condition: What must hold for it to be active; None if it always is.
        layout: How its value is packed.
        is_search_only: Whether it lies beneath a candidate for search only, and so is in no architecture.
    """

    index: int
    path: str
    node: Node
    condition: Condition | None
    layout: OrdinalLayout
    is_search_only: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """A row as the plan walks it; search-only rows have none."""

    path: str
    node: Node
    domain: Domain
    condition: Condition | None
    has_dependents: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """All that operations need, compiled once for a space.

    Attributes:
        root: The nodes at their homes.
        table: The decision table.
        steps: The rows that can be in an architecture, in order.
        draws: The same, laid out for drawing: path, listed values, their count, domain, condition.
        by_path: The same by path.
        choices: Paths of the steps that have more than one value.
        literals: For every OneOf's path, what its keys stand for.
        constraints: The constraints of the space.
        is_flat: Whether every decision is always active.
    """

    root: Scope
    table: tuple[DecisionInfo, ...]
    steps: tuple[Step, ...]
    draws: tuple[tuple[str, Sequence[Value] | None, int, Domain, Condition | None], ...]
    by_path: dict[str, Step]
    choices: tuple[str, ...]
    literals: dict[str, dict[str, Literal]]
    constraints: tuple[Constraint, ...]
    is_flat: bool

    def violated(self, decisions: Decisions) -> Constraint | None:
        """The first constraint that the decisions violate, if any."""
        return next(self.all_violated(decisions), None)

    def all_violated(self, decisions: Decisions) -> Iterator[Constraint]:
        """The constraints that the decisions violate, in order."""
        for constraint in self.constraints:
            if not is_satisfied(constraint, lambda path: self.result_at(path, decisions)):
                yield constraint

    def result_at(self, path: str, decisions: Decisions) -> Result:
        """What a constraint reads at a path."""
        value = decisions.get(path)
        if value is None:
            return ABSENT
        if isinstance(value, tuple):
            return len(value)
        literals = self.literals.get(path)
        return value if literals is None or not isinstance(value, str) else literals[value]


def compile_plan(root: Scope, constraints: tuple[Constraint, ...]) -> Plan:
    """Compiles resolved nodes; they must be checked."""
    rows = sorted(_rows(root, "", None, is_search_only=False), key=lambda row: row.path)
    domains = _Domains()
    table = tuple(
        DecisionInfo(index, row.path, row.node, row.condition, _layout(domains.of(row.node)), row.is_search_only)
        for index, row in enumerate(rows)
    )
    parents = {row.condition.path for row in rows if row.condition is not None and not row.is_search_only}
    live = [row for row in rows if not row.is_search_only]
    steps = tuple(Step(row.path, row.node, domains.of(row.node), row.condition, row.path in parents) for row in live)
    return Plan(
        root=root,
        table=table,
        steps=steps,
        draws=tuple(
            (step.path, step.domain.listed, step.domain.count or 0, step.domain, step.condition) for step in steps
        ),
        by_path={step.path: step for step in steps},
        choices=tuple(step.path for step in steps if step.domain.count != 1),
        literals=_literals(rows),
        constraints=constraints,
        is_flat=all(step.condition is None for step in steps),
    )


def node_table(root: Scope) -> dict[str, Node]:
    """The node of every path, those beneath candidates for search only included."""
    return {row.path: row.node for row in _rows(root, "", None, is_search_only=False)}


@dataclass(frozen=True, slots=True)
class _Row:
    path: str
    node: Node
    condition: Condition | None
    is_search_only: bool


class _Domains:
    """The domain of each node, made once for all copies of it."""

    def __init__(self) -> None:
        self._known: dict[int, Domain] = {}

    def of(self, node: Node) -> Domain:
        known = self._known.get(id(node))
        if known is None:
            known = self._known[id(node)] = domain_of(node)
        return known


def _rows(scope: Scope, prefix: str, condition: Condition | None, *, is_search_only: bool) -> Iterator[_Row]:
    for placed in scope.members:
        path = paths.child(prefix, placed.node.label)
        if not isinstance(placed.node, Group):
            yield _Row(path, placed.node, condition, is_search_only)
        for inner, inner_prefix, inner_condition, hides in _inner_scopes(placed, path, condition):
            if inner.members:
                yield from _rows(inner, inner_prefix, inner_condition, is_search_only=is_search_only or hides)


def _inner_scopes(
    placed: Placed, path: str, condition: Condition | None
) -> Iterator[tuple[Scope, str, Condition | None, bool]]:
    """The scopes that a node opens at a path: scope, prefix, condition, and whether it is for search only."""
    node = placed.node
    if isinstance(node, (OneOf, SomeOf)):
        for candidate, scope in zip(node.candidates, placed.scopes, strict=True):
            if scope.members:
                yield scope, paths.child(path, candidate.key), Condition(path, key=candidate.key), candidate.search_only
    elif isinstance(node, Repeat) and node.tied:
        yield placed.scopes[0], path, Condition(path, count_above=0), node.max_count == 0
    elif isinstance(node, Repeat):
        for index in range(node.max_count):
            yield placed.scopes[0], f"{path}[{index}]", Condition(path, count_above=index), False
    elif isinstance(node, Group):
        yield placed.scopes[0], path, condition, False


def _literals(rows: list[_Row]) -> dict[str, dict[str, Literal]]:
    by_node: dict[int, dict[str, Literal]] = {}
    for row in rows:
        if isinstance(row.node, OneOf) and id(row.node) not in by_node:
            by_node[id(row.node)] = {
                candidate.key: candidate.key if candidate.value is None else candidate.value
                for candidate in row.node.candidates
            }
    return {row.path: by_node[id(row.node)] for row in rows if isinstance(row.node, OneOf)}


def _layout(domain: Domain) -> OrdinalLayout:
    if domain.count is None:
        return OrdinalLayout(None, 8)
    return OrdinalLayout(domain.count, max(1, (domain.count.bit_length() + 7) // 8))
