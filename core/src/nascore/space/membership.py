"""Whether an architecture belongs to a space, and reading one that a person wrote.

Inside the house an architecture holds candidate keys only. People may write the literal that a candidate stands for
instead, lists for tuples, the candidates of an unordered choice in any order, and ``1`` for the real number 1.0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from nascore.errors import ArchitectureError, Violation
from nascore.space import limits
from nascore.space.architecture import Architecture, Value, from_sorted
from nascore.space.nearest import Nearest
from nascore.space.nodes import Candidate, Literal, OneOf, Real, SomeOf
from nascore.space.plan import Decisions, Plan, Step
from nascore.space.sampling import completed, first_value

_LARGEST_REAL = 2**1023
LiteralValues = dict[str, Literal | tuple[Literal, ...]]


def violations(plan: Plan, decisions: Decisions) -> tuple[Violation, ...]:
    """Everything that is wrong with an architecture, by path; constraints are only looked at if nothing else is."""
    found = tuple(_decision_faults(plan, decisions))
    if found:
        return tuple(sorted(found, key=lambda violation: violation.field))
    broken = plan.all_violated(decisions)
    return tuple(Violation("", f"violates the constraint {constraint.name!r}") for constraint in broken)


def check(plan: Plan, decisions: Decisions) -> None:
    """Raises if anything is wrong.

    Raises:
        ArchitectureError: With every violation.
    """
    found = violations(plan, decisions)
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise ArchitectureError(f"The architecture does not fit the space: {found[0]}{more}.", violations=found)


def read(plan: Plan, mapping: Mapping[str, object], *, with_defaults: bool) -> Architecture:
    """The architecture that a person wrote as a flat dictionary; see `SearchSpace.architecture`."""
    known = {path: normalised(plan, path, value) for path, value in mapping.items()}
    unfit = tuple(Violation(path, fault) for path, fault in _faults_of_known(plan, known))
    if unfit:
        raise ArchitectureError(f"The architecture does not fit the space: {unfit[0]}.", violations=unfit)
    decisions: dict[str, Value] = known  # type: ignore[assignment]  # every value was just found to be one of its domain
    if with_defaults:
        missing = completed(plan, decisions, first_value)
        decisions = {**missing, **decisions}
    check(plan, decisions)
    return from_sorted(dict(sorted(decisions.items())))


def normalised(plan: Plan, path: str, value: object) -> object:
    """A person's value in the form that the house uses; what cannot be read is left as it is, to be refused."""
    step = plan.by_path.get(path)
    if step is None:
        return value
    if isinstance(step.node, OneOf):
        return _key(step.node.candidates, value)
    if isinstance(step.node, SomeOf) and isinstance(value, (list, tuple)) and len(value) <= limits.MAX_CHOSEN:
        return _keys(step.node, value)
    if isinstance(step.node, Real) and isinstance(value, int) and not isinstance(value, bool):
        return float(value) if abs(value) < _LARGEST_REAL else value
    return value


def literals(plan: Plan, decisions: Decisions) -> LiteralValues:
    """What was chosen: literals of candidates (keys where they have none), numbers, and counts."""
    return {path: _literal(plan.by_path[path], value) for path, value in decisions.items()}


def _decision_faults(plan: Plan, decisions: Decisions) -> Iterator[Violation]:
    met = 0
    for step in plan.steps:
        is_active = step.condition is None or step.condition.holds(decisions)
        if step.path not in decisions:
            if is_active:
                yield Violation(step.path, "is missing: it is active, so give it a value")
            continue
        met += 1
        fault = step.domain.fault(decisions[step.path])
        if not is_active:
            yield Violation(step.path, f"is not active: it needs {step.condition}; leave it out")
        elif fault is not None:
            yield Violation(step.path, fault)
    if met < len(decisions):
        unknown = Unknown(plan)
        yield from (Violation(path, unknown.fault(path)) for path in decisions if path not in plan.by_path)


def _faults_of_known(plan: Plan, known: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    unknown = Unknown(plan)
    for path, value in known.items():
        step = plan.by_path.get(path)
        fault = unknown.fault(path) if step is None else step.domain.fault(value)
        if fault is not None:
            yield str(path), fault


class Unknown:
    """What to say about paths that no architecture has; cheap however many there are."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._nearest = Nearest(plan.by_path)
        self._hidden: frozenset[str] | None = None

    def fault(self, path: object) -> str:
        """What is wrong with a path."""
        if not isinstance(path, str):
            return "a path must be text"
        if self._hidden is None:
            self._hidden = frozenset(row.path for row in self._plan.table if row.is_search_only)
        if path in self._hidden:
            return "lies beneath a candidate for search only, which is never part of an architecture"
        return f"the space has no decision at this path{self._nearest.hint(path)}"


def _key(candidates: tuple[Candidate, ...], value: object) -> object:
    if isinstance(value, str) and any(candidate.key == value for candidate in candidates):
        return value
    same = [each.key for each in candidates if type(each.value) is type(value) and each.value == value]
    if not same and isinstance(value, (int, float)) and not isinstance(value, bool):
        same = [each.key for each in candidates if not isinstance(each.value, bool) and each.value == value]
    return same[0] if len(same) == 1 else value


def _keys(node: SomeOf, values: list[object] | tuple[object, ...]) -> tuple[object, ...]:
    keys = tuple(_key(node.candidates, value) for value in values)
    order = {candidate.key: place for place, candidate in enumerate(node.candidates)}
    if node.ordered or not all(isinstance(key, str) and key in order for key in keys):
        return keys
    return tuple(sorted(keys, key=lambda key: order[str(key)]))


def _literal(step: Step, value: Value) -> Literal | tuple[Literal, ...]:
    if not isinstance(step.node, (OneOf, SomeOf)):
        assert not isinstance(value, tuple)
        return value
    stands_for = {each.key: each.key if each.value is None else each.value for each in step.node.candidates}
    return tuple(stands_for[key] for key in value) if isinstance(value, tuple) else stands_for[str(value)]
