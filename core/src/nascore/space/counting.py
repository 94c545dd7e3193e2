"""How many architectures a space has, and which is the n-th, without regard to constraints.

With shared labels at their homes a space is a plain tree, so counting is arithmetic: members of a scope multiply, the
candidates of a OneOf add up, a repeat sums over its counts, a SomeOf is in ``selection``. Numbers are exact integers.
The same arithmetic, backwards, numbers the architectures: the last member of a scope varies fastest.

Not here: counting under constraints (``feasible``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from nascore.errors import UnsupportedError
from nascore.space import path as paths
from nascore.space.architecture import Value
from nascore.space.domain import Domain, domain_of
from nascore.space.nodes import Group, OneOf, Real, Repeat, SomeOf
from nascore.space.radix import Radices
from nascore.space.scope import Placed, Scope
from nascore.space.selection import Pick, Selection


class Numbering:
    """Counts and numbers the ways to decide a resolved tree; counts are kept for the life of this object."""

    def __init__(self, root: Scope) -> None:
        self.root = root
        self._scopes: dict[int, int | None] = {}
        self._placed: dict[int, int | None] = {}
        self._domains: dict[int, Domain] = {}
        self._selections: dict[int, Selection] = {}
        self._radices: dict[int, Radices] = {}

    def count(self, scope: Scope) -> int | None:
        """Ways to decide a scope; None if they cannot be counted."""
        if id(scope) not in self._scopes:
            self._scopes[id(scope)] = product(map(self.count_placed, scope.members))
        return self._scopes[id(scope)]

    def count_placed(self, placed: Placed) -> int | None:
        """Ways to decide a node and everything beneath it; None if they cannot be counted."""
        if id(placed) not in self._placed:
            self._placed[id(placed)] = self._counted(placed)
        return self._placed[id(placed)]

    def at(self, index: int) -> dict[str, Value]:
        """The decisions with a number, in no particular order of paths."""
        decisions: dict[str, Value] = {}
        self._decide_scope(self.root, index, "", decisions)
        return decisions

    def index_of(self, decisions: Mapping[str, Value]) -> int:
        """The number of decisions that fit the tree."""
        return self._scope_index(self.root, "", decisions)

    def decide(self, members: Sequence[Placed], index: int, prefix: str, decisions: dict[str, Value]) -> None:
        """Adds the decisions with a number among those of some members of a scope."""
        self._decide_by(Radices([self._number_of(placed) for placed in members]), members, index, prefix, decisions)

    def _decide_scope(self, scope: Scope, index: int, prefix: str, decisions: dict[str, Value]) -> None:
        self._decide_by(self._radices_of(scope), scope.members, index, prefix, decisions)

    def _decide_by(
        self, radices: Radices, members: Sequence[Placed], index: int, prefix: str, decisions: dict[str, Value]
    ) -> None:
        for placed, own in zip(members, radices.digits(index), strict=True):
            self._decide_placed(placed, own, prefix, decisions)

    def _radices_of(self, scope: Scope) -> Radices:
        if id(scope) not in self._radices:
            self._radices[id(scope)] = Radices([self._number_of(placed) for placed in scope.members])
        return self._radices[id(scope)]

    def _counted(self, placed: Placed) -> int | None:
        node = placed.node
        if isinstance(node, OneOf):
            return total(self.count(scope) for scope in self._live_scopes(placed))
        if isinstance(node, SomeOf):
            return self._count_selection(placed, node)
        if isinstance(node, Repeat):
            return _repeated(node, self.count(placed.scopes[0]))
        if isinstance(node, Group):
            return self.count(placed.scopes[0])
        return self._domain(placed).count

    def _count_selection(self, placed: Placed, node: SomeOf) -> int | None:
        weights = [self.count(scope) for scope in self._live_scopes(placed)]
        if None in weights and node.max_chosen > 0:
            return None
        return self._selection(placed, node).count

    def _live_scopes(self, placed: Placed) -> Iterator[Scope]:
        assert isinstance(placed.node, (OneOf, SomeOf))
        pairs = zip(placed.node.candidates, placed.scopes, strict=True)
        return (scope for candidate, scope in pairs if not candidate.search_only)

    def _live_keys(self, placed: Placed) -> list[str]:
        assert isinstance(placed.node, (OneOf, SomeOf))
        return [candidate.key for candidate in placed.node.candidates if not candidate.search_only]

    def _selection(self, placed: Placed, node: SomeOf) -> Selection:
        if id(placed) not in self._selections:
            weights = [self.count(scope) or 0 for scope in self._live_scopes(placed)]
            self._selections[id(placed)] = Selection(node, weights)
        return self._selections[id(placed)]

    def _domain(self, placed: Placed) -> Domain:
        if id(placed) not in self._domains:
            self._domains[id(placed)] = domain_of(placed.node)
        return self._domains[id(placed)]

    def _number_of(self, placed: Placed) -> int:
        count = self.count_placed(placed)
        if count is None:
            raise UnsupportedError(
                f"The architectures cannot be numbered: {placed.node.label!r} holds a range of real numbers.",
                hint="Replace it by a OneOf or an Integer, or sample with uniform='decisions'.",
            )
        return count

    def _decide_placed(self, placed: Placed, index: int, prefix: str, decisions: dict[str, Value]) -> None:
        node, path = placed.node, paths.child(prefix, placed.node.label)
        if isinstance(node, Group):
            self._decide_scope(placed.scopes[0], index, path, decisions)
        elif _is_leaf(placed):
            decisions[path] = self._domain(placed).at(index)
        elif isinstance(node, OneOf):
            self._decide_one_of(placed, index, path, decisions)
        elif isinstance(node, SomeOf):
            self._decide_some_of(placed, node, index, path, decisions)
        elif isinstance(node, Repeat):
            self._decide_repeat(placed, node, index, path, decisions)

    def _decide_one_of(self, placed: Placed, index: int, path: str, decisions: dict[str, Value]) -> None:
        for key, scope in zip(self._live_keys(placed), self._live_scopes(placed), strict=True):
            count = self.count(scope) or 0
            if index < count:
                decisions[path] = key
                self._decide_scope(scope, index, paths.child(path, key), decisions)
                return
            index -= count

    def _decide_some_of(self, placed: Placed, node: SomeOf, index: int, path: str, decisions: dict[str, Value]) -> None:
        pick = self._selection(placed, node).at(index)
        keys, scopes = self._live_keys(placed), list(self._live_scopes(placed))
        decisions[path] = tuple(keys[place] for place in pick.places)
        for place, beneath in pick.beneath.items():
            self._decide_scope(scopes[place], beneath, paths.child(path, keys[place]), decisions)

    def _decide_repeat(self, placed: Placed, node: Repeat, index: int, path: str, decisions: dict[str, Value]) -> None:
        body = placed.scopes[0]
        for count in range(node.min_count, node.max_count + 1):
            ways = self._ways(node, body, count)
            if index < ways:
                break
            index -= ways
        decisions[path] = count
        if node.tied and count:
            self._decide_scope(body, index, path, decisions)
        elif not node.tied:
            for copy, own in enumerate(Radices([self.count(body) or 1] * count).digits(index)):
                self._decide_scope(body, own, f"{path}[{copy}]", decisions)

    def _ways(self, node: Repeat, body: Scope, count: int) -> int:
        ways = self.count(body) or 1
        return _power(ways, min(count, 1) if node.tied else count)

    def _scope_index(self, scope: Scope, prefix: str, decisions: Mapping[str, Value]) -> int:
        return self._radices_of(scope).index(
            [self._placed_index(placed, prefix, decisions) for placed in scope.members]
        )

    def _placed_index(self, placed: Placed, prefix: str, decisions: Mapping[str, Value]) -> int:
        node, path = placed.node, paths.child(prefix, placed.node.label)
        if isinstance(node, Group):
            return self._scope_index(placed.scopes[0], path, decisions)
        value = decisions[path]
        if isinstance(node, Real):
            return 0
        if _is_leaf(placed):
            return self._domain(placed).index_of(value)
        if isinstance(node, OneOf) and isinstance(value, str):
            return self._one_of_index(placed, path, value, decisions)
        if isinstance(node, SomeOf) and isinstance(value, tuple):
            return self._some_of_index(placed, node, path, value, decisions)
        if isinstance(node, Repeat) and isinstance(value, int):
            return self._repeat_index(placed, node, path, value, decisions)
        raise TypeError(f"{path!r} is {value!r}")

    def _one_of_index(self, placed: Placed, path: str, value: str, decisions: Mapping[str, Value]) -> int:
        before = 0
        for key, scope in zip(self._live_keys(placed), self._live_scopes(placed), strict=True):
            if key == value:
                return before + self._scope_index(scope, paths.child(path, key), decisions)
            before += self.count(scope) or 0
        raise KeyError(value)

    def _some_of_index(
        self, placed: Placed, node: SomeOf, path: str, value: tuple[str, ...], decisions: Mapping[str, Value]
    ) -> int:
        keys, scopes = self._live_keys(placed), list(self._live_scopes(placed))
        places = tuple(map(keys.index, value))
        beneath = {
            place: self._scope_index(scopes[place], paths.child(path, keys[place]), decisions) for place in set(places)
        }
        return self._selection(placed, node).index_of(Pick(places, beneath))

    def _repeat_index(self, placed: Placed, node: Repeat, path: str, value: int, decisions: Mapping[str, Value]) -> int:
        body = placed.scopes[0]
        before = sum(self._ways(node, body, count) for count in range(node.min_count, value))
        if node.tied:
            return before + (self._scope_index(body, path, decisions) if value else 0)
        own = [self._scope_index(body, f"{path}[{copy}]", decisions) for copy in range(value)]
        return before + Radices([self.count(body) or 1] * value).index(own)


def _is_leaf(placed: Placed) -> bool:
    """Whether nothing lies beneath a node, so that its own values are all there is to number."""
    return not any(scope.members for scope in placed.scopes)


def product(counts: Iterator[int | None]) -> int | None:
    """Product of counts, None (uncountable) if any is None."""
    found = list(counts)
    if None in found:
        return None
    return Radices([count for count in found if count is not None]).product(0, len(found))


def total(counts: Iterator[int | None]) -> int | None:
    """Sum of counts, None (uncountable) if any is None."""
    found = list(counts)
    if None in found:
        return None
    return sum(count for count in found if count is not None)


def _repeated(node: Repeat, body: int | None) -> int | None:
    if body is None:
        return None if node.max_count > 0 else 1
    counts = range(node.min_count, node.max_count + 1)
    return sum(_power(body, min(count, 1) if node.tied else count) for count in counts)


def _power(ways: int, times: int) -> int:
    return int(ways**times)
