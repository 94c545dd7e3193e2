"""Writes down every choice that is met while a model is constructed with everything in it.

What is written down are `Draft` values, a tree like that of the space, but with `Unnamed` where a choice has no label
and with one list for every copy of a repeat. `nodes` makes the nodes of the space from them, once the labels are known.

Not here: constructing the model, and what a choice without a label is called (``extract``, ``labels``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from nascore.errors import NascoreError, SpaceError
from nascore.space import Constraint, Integer, Node, OneOf, Real, Repeat, SearchSpace, SomeOf
from nascore.space.nodes import is_same
from nascore.space.scope import inner_lists

from nas_trial.construction import Scope, ScopedConstruction, described, labelled, located
from nas_trial.decision import Decision, Identity, shallow
from nas_trial.place import caller

NameOf = Callable[[Identity], str]


@dataclass(slots=True)
class Draft:
    """A choice that was met.

    Attributes:
        decision: The decision that its module or value holds.
        place: Where it was written, for errors.
        inner: What was met in each of its candidates or copies.
    """

    decision: Decision
    place: str
    inner: dict[str | int, list[Draft]] = field(default_factory=dict)


class Survey(ScopedConstruction):
    """Creates everything, and notes it in ``drafts``, and what is required in ``constraints``."""

    def __init__(self) -> None:
        super().__init__()
        self.drafts: list[Draft] = []
        self.constraints: list[Constraint] = []
        self._lists = [self.drafts]
        self._met: dict[int, Draft] = {}
        self._labels: dict[str, Draft] = {}

    def decide(self, node: Node, kind: str, *, label: str | None) -> Decision:
        """See `Construction.decide`; everything is wanted, and nothing decided."""
        identity = self._scopes[-1].identify(kind, label)
        with located(kind, label):
            SearchSpace((labelled(node, label or "choice"),))
        draft = Draft(Decision(identity, node, is_open=True), caller())
        if label is not None:
            self._check_shared(draft, kind, label)
        self._lists[-1].append(draft)
        self._met[id(draft.decision)] = draft
        return draft.decision

    @contextmanager
    def inside(self, decision: Decision, branch: str | int) -> Iterator[None]:
        """See `Construction.inside`."""
        self._lists.append(self._met[id(decision)].inner.setdefault(branch, []))
        try:
            with self._within(Scope(decision.identity, branch if isinstance(branch, str) else "")):
                yield
        except NascoreError:
            raise
        except Exception as error:
            error.add_note(f"in {_branch_text(branch)} of the choice at {self._met[id(decision)].place}")
            raise
        finally:
            self._lists.pop()

    def require(self, constraint: Constraint) -> None:
        """See `Construction.require`."""
        if constraint not in self.constraints:
            self.constraints.append(constraint)

    def _check_shared(self, draft: Draft, kind: str, label: str) -> None:
        known = self._labels.setdefault(label, draft)
        if not is_same(known.decision.node, draft.decision.node):
            raise SpaceError(
                f"{described(kind, label)} and the choice at {known.place} have the same label, but offer different "
                f"things: {summary(draft.decision.node)}, and {summary(known.decision.node)}.",
                hint="Give one of them another label; or the same definition, if they shall be one shared decision.",
            )


def nodes(drafts: Sequence[Draft], name_of: NameOf) -> tuple[Node, ...]:
    """The nodes of a list of drafts.

    Raises:
        SpaceError: Copies of a repeat offer different choices.
    """
    found: list[Node] = []
    for draft in drafts:
        node = _node(draft, name_of)
        # A shared decision that is made several times in one place is one node there.
        if not any(is_same(node, known) for known in found):
            found.append(node)
    return tuple(found)


def _node(draft: Draft, name_of: NameOf) -> Node:
    node = labelled(draft.decision.node, name_of(draft.decision.identity))
    inner = {branch: nodes(drafts, name_of) for branch, drafts in draft.inner.items()}
    if isinstance(node, (OneOf, SomeOf)):
        candidates = (replace(candidate, children=inner.get(candidate.key, ())) for candidate in node.candidates)
        return replace(node, candidates=tuple(candidates))
    if isinstance(node, Repeat) and inner:
        return replace(node, body=_body(draft, node.label, [inner[i] for i in range(node.max_count)]))
    return node


def _body(draft: Draft, label: str, copies: list[tuple[Node, ...]]) -> tuple[Node, ...]:
    for i, body in enumerate(copies):
        if not is_same(body, copies[0]):
            raise SpaceError(
                f"The copies of Repeat {label!r} ({draft.place}) offer different choices: copy 0 has "
                f"{_listed(copies[0])}, but copy {i} has {_listed(body)}.",
                hint="Let every copy offer the same choices, with the same labels; only what is fixed may depend on i.",
            )
    return copies[0]


def summary(node: Node) -> str:
    """What a node offers, in a few words."""
    if isinstance(node, (OneOf, SomeOf)):
        keys = ", ".join(repr(candidate.key) for candidate in node.candidates[:6])
        more = ", ..." if len(node.candidates) > 6 else ""
        return f"{'one' if isinstance(node, OneOf) else 'some'} of {keys}{more}"
    if isinstance(node, (Integer, Real)):
        return f"a number from {node.low} to {node.high}"
    return f"{node.min_count} to {node.max_count} copies" if isinstance(node, Repeat) else "a group"


def _listed(body: tuple[Node, ...]) -> str:
    """What a body offers, flattened, so that a difference deep inside shows as well."""
    return "; ".join(_lines(body)) or "no choices"


def _lines(body: tuple[Node, ...]) -> Iterator[str]:
    for node in body:
        yield f"{node.label!r} ({summary(shallow(node))})"
        for inner in inner_lists(node):
            yield from _lines(inner)


def _branch_text(branch: str | int) -> str:
    return f"candidate {branch!r}" if isinstance(branch, str) else f"copy {branch}"
