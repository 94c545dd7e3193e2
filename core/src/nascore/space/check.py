"""What is wrong with the nodes of a search space: everything at once, each finding with its place.

Places are paths of labels and keys as they were written (``op/conv3/kernel``), not yet those of the decision table. Not
here: constraints (``constraint_types``) and architectures (``membership``).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from nascore.errors import Violation
from nascore.space import limits
from nascore.space import path as paths
from nascore.space.constraint import INTEGER_HIGH, INTEGER_LOW
from nascore.space.nodes import NODE_TYPES, Candidate, Group, Integer, Node, OneOf, Real, Repeat, SomeOf
from nascore.space.scope import Placed, Scope, resolve


def checked(nodes: tuple[Node, ...]) -> tuple[Scope | None, tuple[Violation, ...]]:
    """The resolved tree of nodes, or everything that is wrong with them, in the order in which it is met."""
    walk = _Walk()
    walk.read(nodes, "", 1)
    walk.found.extend(walk.size_faults(nodes))
    if not walk.is_readable:
        return None, tuple(walk.found)
    root, conflicts = resolve(nodes)
    walk.found.extend(conflicts)
    walk.found.extend(() if walk.found else _table_faults(root))
    return (None if walk.found else root), tuple(walk.found)


def text_fault(text: object, noun: str, limit: int = limits.MAX_LABEL, *, least: int = 1) -> str | None:
    """What is wrong with a label, a key, a name or a literal text; None if nothing is."""
    if not isinstance(text, str):
        return f"the {noun} {text!r} is not text"
    if not least <= len(text) <= limit:
        return f"the {noun} has {len(text)} characters; write {least} to {limit}"
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        return f"the {noun} {text!r} has a lone surrogate, which no UTF-8 text can hold"
    return None


def literal_fault(value: object) -> str | None:
    """What is wrong with a literal; None if nothing is."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return None if INTEGER_LOW <= value <= INTEGER_HIGH else f"the integer {value} does not fit 64 bits"
    if isinstance(value, float):
        return None if math.isfinite(value) else f"{value} is not a finite number"
    if isinstance(value, str):
        return text_fault(value, "literal text", limits.MAX_TEXT, least=0)
    return f"{value!r} is neither a truth value, nor a number, nor text"


class _Walk:
    """One walk over all nodes; a node object that is used again is not read again."""

    def __init__(self) -> None:
        self.found: list[Violation] = []
        self.is_readable = True
        self._sizes: dict[int, tuple[int, int]] = {}
        self._selection = 0

    def read(self, nodes: object, place: str, depth: int) -> None:
        if not isinstance(nodes, tuple):
            self._report(place, f"must hold a tuple of nodes, got {type(nodes).__name__}", readable=False)
            return
        for node in nodes:
            if not isinstance(node, NODE_TYPES):
                self._report(place, f"{node!r} is not a node", readable=False)
            elif id(node) not in self._sizes:
                self._read_node(node, place, depth)

    def size_faults(self, nodes: tuple[Node, ...]) -> Iterator[Violation]:
        """Faults of the tree as a whole, once every node was read."""
        if not self.is_readable:
            return
        count, candidates = self._total(nodes)
        if count > limits.MAX_NODES:
            yield Violation("", f"the space has {count:,} nodes; at most {limits.MAX_NODES:,} are allowed")
        if candidates > limits.MAX_CANDIDATES:
            most = limits.MAX_CANDIDATES
            yield Violation("", f"the space has {candidates:,} candidates; at most {most:,} are allowed")
        if self._selection > limits.MAX_SELECTION:
            cost = f"candidates times max_chosen, over all SomeOf, is {self._selection:,}"
            yield Violation("", f"{cost}; at most {limits.MAX_SELECTION:,} are allowed. Choose fewer at a time")

    def _read_node(self, node: Node, place: str, depth: int) -> None:
        fault = text_fault(node.label, "label")
        if fault:
            self._report(place, fault, readable=False)
            return
        here = paths.child(place, node.label)
        if depth > limits.MAX_DEPTH:
            self._report(here, f"is nested more than {limits.MAX_DEPTH} deep; flatten the space", readable=False)
            return
        self.found.extend(Violation(here, fault) for fault in _own_faults(node))
        self._read_inside(node, here, depth)

    def _read_inside(self, node: Node, here: str, depth: int) -> None:
        self._sizes[id(node)] = (1, 0)
        inner: list[tuple[Node, ...]] = []
        candidates = 0
        if isinstance(node, SomeOf):
            self._selection += _selection_cost(node.candidates, node.max_chosen)
        if isinstance(node, (OneOf, SomeOf)):
            for candidate in self._candidates(node, here):
                candidates += 1
                if candidate.children != ():
                    self.read(candidate.children, paths.child(here, str(candidate.key)), depth + 1)
                    inner.append(candidate.children)
        elif isinstance(node, (Repeat, Group)):
            inner.append(node.body if isinstance(node, Repeat) else node.children)
            self.read(inner[0], here, depth + 1)
        if self.is_readable:
            counts = [self._total(nodes) for nodes in inner]
            self._sizes[id(node)] = (1 + sum(each[0] for each in counts), candidates + sum(each[1] for each in counts))

    def _candidates(self, node: OneOf | SomeOf, here: str) -> Iterator[Candidate]:
        if not isinstance(node.candidates, tuple):
            self._report(here, f"candidates must be a tuple, got {type(node.candidates).__name__}", readable=False)
            return
        for candidate in node.candidates:
            if isinstance(candidate, Candidate):
                yield candidate
            else:
                self._report(here, f"{candidate!r} is not a Candidate", readable=False)

    def _total(self, nodes: tuple[Node, ...]) -> tuple[int, int]:
        sizes = [self._sizes[id(node)] for node in nodes]
        return sum(size[0] for size in sizes), sum(size[1] for size in sizes)

    def _report(self, place: str, message: str, *, readable: bool) -> None:
        self.found.append(Violation(place, message))
        self.is_readable = self.is_readable and readable


def _selection_cost(candidates: object, most: object) -> int:
    if not isinstance(candidates, tuple) or not isinstance(most, int):
        return 0
    return len(candidates) * max(0, min(most, limits.MAX_CHOSEN))


def _own_faults(node: Node) -> Iterator[str]:
    if isinstance(node, OneOf):
        yield from _candidate_faults(node)
    elif isinstance(node, SomeOf):
        yield from _some_of_faults(node)
    elif isinstance(node, Integer):
        yield from _integer_faults(node)
    elif isinstance(node, Real):
        yield from _real_faults(node)
    elif isinstance(node, Repeat):
        yield from _count_faults("count", node.min_count, node.max_count, limits.MAX_COUNT)
        yield from _flag_faults(tied=node.tied)


def _candidate_faults(node: OneOf | SomeOf) -> Iterator[str]:
    candidates = _readable(node.candidates)
    keys: set[object] = set()
    for candidate in candidates:
        fault = text_fault(candidate.key, "key")
        if fault:
            yield fault
        elif candidate.key in keys:
            yield f"the key {candidate.key!r} appears twice; keys are unique within a choice"
        else:
            keys.add(candidate.key)
        value_fault = None if candidate.value is None else literal_fault(candidate.value)
        if value_fault:
            yield f"candidate {candidate.key!r}: {value_fault}"
        if not isinstance(candidate.search_only, bool):
            yield f"candidate {candidate.key!r}: search_only must be a truth value, got {candidate.search_only!r}"
    if not candidates:
        yield "has no candidates; give at least one"
    elif isinstance(node, OneOf) and all(candidate.search_only for candidate in candidates):
        yield "has only candidates for search only, so no architecture can be built; add another candidate"


def _readable(candidates: object) -> list[Candidate]:
    """Those that are candidates at all; the others are reported elsewhere."""
    return [each for each in candidates if isinstance(each, Candidate)] if isinstance(candidates, tuple) else []


def _some_of_faults(node: SomeOf) -> Iterator[str]:
    yield from _candidate_faults(node)
    yield from _flag_faults(ordered=node.ordered, with_replacement=node.with_replacement)
    faults = list(_count_faults("chosen", node.min_chosen, node.max_chosen, limits.MAX_CHOSEN))
    yield from faults
    if faults or not isinstance(node.candidates, tuple):
        return
    if len(node.candidates) > limits.MAX_CHOSEN:
        yield f"has {len(node.candidates)} candidates; choosing several is limited to {limits.MAX_CHOSEN}"
    available = sum(not candidate.search_only for candidate in _readable(node.candidates))
    most = node.min_chosen if node.with_replacement else node.max_chosen
    if most > available and (available == 0 or not node.with_replacement):
        yield f"asks for up to {node.max_chosen} of {available} candidates; choose fewer or allow replacement"


def _count_faults(noun: str, low: object, high: object, limit: int) -> Iterator[str]:
    for bound, value in ((f"min_{noun}", low), (f"max_{noun}", high)):
        if isinstance(value, bool) or not isinstance(value, int):
            yield f"{bound} must be an integer, got {value!r}"
        elif not 0 <= value <= limit:
            yield f"{bound} is {value}; it must be from 0 to {limit}"
    if isinstance(low, int) and isinstance(high, int) and low > high:
        yield f"min_{noun} {low} is above max_{noun} {high}; swap them"


def _integer_faults(node: Integer) -> Iterator[str]:
    bounds = {"low": node.low, "high": node.high, "step": node.step}
    wrong = {name: value for name, value in bounds.items() if isinstance(value, bool) or not isinstance(value, int)}
    yield from (f"{name} must be an integer, got {value!r}" for name, value in wrong.items())
    yield from _flag_faults(log=node.log)
    if wrong:
        return
    yield from (f"{name}: {fault}" for name, value in bounds.items() if (fault := literal_fault(value)))
    if node.step < 1:
        yield f"step is {node.step}; it must be 1 or more"
    yield from _range_faults(node.low, node.high, is_log=node.log)


def _real_faults(node: Real) -> Iterator[str]:
    bounds = {"low": node.low, "high": node.high}
    wrong = [name for name, value in bounds.items() if not _is_finite_number(value)]
    yield from (f"{name} must be a finite number, got {bounds[name]!r}" for name in wrong)
    yield from _flag_faults(log=node.log)
    if not wrong:
        yield from _range_faults(node.low, node.high, is_log=node.log)


def _range_faults(low: float, high: float, *, is_log: bool) -> Iterator[str]:
    if low > high:
        yield f"low {low} is above high {high}; swap them"
    if is_log and low <= 0:
        yield f"low is {low}, but a log range must begin above 0"


def _flag_faults(**flags: object) -> Iterator[str]:
    wrong = ((name, value) for name, value in flags.items() if not isinstance(value, bool))
    return (f"{name} must be a truth value, got {value!r}" for name, value in wrong)


def _is_finite_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def _table_faults(root: Scope) -> Iterator[Violation]:
    rows = _rows(root)
    if rows > limits.MAX_DECISIONS:
        message = f"the copies of repeats make {rows:,} decisions; at most {limits.MAX_DECISIONS:,} are allowed"
        yield Violation("", f"{message}. Lower max_count or tie the copies")


def _rows(scope: Scope) -> int:
    return sum(map(_placed_rows, scope.members))


def _placed_rows(placed: Placed) -> int:
    inner = sum(map(_rows, placed.scopes))
    if isinstance(placed.node, Repeat):
        return 1 + inner * (1 if placed.node.tied else placed.node.max_count)
    return inner if isinstance(placed.node, Group) else 1 + inner
