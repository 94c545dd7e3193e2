"""Where each decision lives: shared labels are resolved and hoisted.

A label that is used more than once, always with the same definition, is one decision. It lives in the deepest scope
(the root, a candidate's children, a group's children, or a repeat's body) that contains all its uses. What remains is a
plain tree in which every label appears once, and every later operation (paths, counting, sampling) walks that tree.

Not here: paths and copies of repeats (``plan``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce

from nascore.errors import Violation
from nascore.space import path as paths
from nascore.space.nodes import Group, Node, OneOf, Repeat, SomeOf, is_same


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A node at its home, with the scopes it opens: one per candidate, or the single one of a repeat or a group."""

    node: Node
    scopes: tuple[Scope, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """A place where decisions live, with the nodes that are at home there, in the order in which they were written."""

    members: tuple[Placed, ...]


_EMPTY = Scope(())


def inner_lists(node: Node) -> tuple[tuple[Node, ...], ...]:
    """The lists of nodes directly inside a node, one for each scope that it opens."""
    if isinstance(node, (OneOf, SomeOf)):
        return tuple(candidate.children for candidate in node.candidates)
    if isinstance(node, Repeat):
        return (node.body,)
    return (node.children,) if isinstance(node, Group) else ()


def resolve(nodes: tuple[Node, ...]) -> tuple[Scope, tuple[Violation, ...]]:
    """The tree in which every label appears once, at its home.

    Also the labels that are used with different definitions, naming both places; the tree is empty if there are any.
    """
    uses = _Uses({}, [None], [])
    _read_scope(uses, nodes, 0, "")
    if uses.conflicts:
        return _EMPTY, tuple(uses.conflicts)
    homes = _Homes(uses)
    members: dict[int, list[str]] = {}
    for label in uses.by_label:
        members.setdefault(homes.place(label), []).append(label)
    return _build(uses, members, 0), ()


@dataclass(slots=True)
class _Use:
    """A label: its definition, where it was first met, the scopes that use it, and the first of the scopes it opens."""

    node: Node
    location: str
    opened: int
    scopes: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _Uses:
    by_label: dict[str, _Use]
    owners: list[str | None]
    conflicts: list[Violation]


def _read_scope(uses: _Uses, nodes: tuple[Node, ...], scope: int, prefix: str) -> None:
    for node in nodes:
        location = paths.child(prefix, node.label)
        known = uses.by_label.get(node.label)
        if known is None:
            _read_first(uses, node, scope, location)
        elif is_same(known.node, node):
            known.scopes.append(scope)
        else:
            uses.conflicts.append(Violation(location, _conflict(known)))


def _read_first(uses: _Uses, node: Node, scope: int, location: str) -> None:
    lists = inner_lists(node)
    opened = len(uses.owners)
    uses.by_label[node.label] = _Use(node, location, opened, [scope])
    uses.owners.extend([node.label] * len(lists))
    for index, inner in enumerate(lists):
        if inner:
            _read_scope(uses, inner, opened + index, _inner_place(node, index, location))


def _inner_place(node: Node, index: int, location: str) -> str:
    return paths.child(location, node.candidates[index].key) if isinstance(node, (OneOf, SomeOf)) else location


def _conflict(known: _Use) -> str:
    return (
        f"the label {known.node.label!r} is used at {known.location!r} with another definition; "
        "labels are global, so give the same definition (one shared decision) or another label"
    )


class _Homes:
    """Finds the home scope of labels: the lowest common ancestor of the scopes that use them."""

    def __init__(self, uses: _Uses) -> None:
        self._uses = uses
        self._homes: dict[str, int] = {}
        self._depths = {0: 0}

    def place(self, label: str) -> int:
        if label in self._homes:
            return self._homes[label]
        use = self._uses.by_label[label]
        # Owners enclose the label, so their definitions are larger: this recursion ends, at most MAX_DEPTH deep.
        for owner in {self._uses.owners[scope] for scope in use.scopes}:
            if owner is not None:
                self.place(owner)
        home = reduce(self._common, use.scopes)
        self._homes[label] = home
        for opened in range(use.opened, use.opened + len(inner_lists(use.node))):
            self._depths[opened] = self._depths[home] + 1
        return home

    def _common(self, first: int, second: int) -> int:
        while first != second:
            if self._depths[first] >= self._depths[second]:
                first = self._parent(first)
            else:
                second = self._parent(second)
        return first

    def _parent(self, scope: int) -> int:
        owner = self._uses.owners[scope]
        assert owner is not None, "the root is an ancestor of every scope"
        return self._homes[owner]


def _build(uses: _Uses, members: dict[int, list[str]], scope: int) -> Scope:
    if scope not in members:
        return _EMPTY
    return Scope(tuple(_build_placed(uses, members, label) for label in members[scope]))


def _build_placed(uses: _Uses, members: dict[int, list[str]], label: str) -> Placed:
    use = uses.by_label[label]
    count = len(inner_lists(use.node))
    return Placed(use.node, tuple(_build(uses, members, use.opened + index) for index in range(count)))
