"""How choices are settled while a model is constructed: the modes of construction.

A choice does not know why it is being constructed. It asks the construction in progress (a context variable) to decide,
and creates the candidates that the `nas_trial.decision.Decision` wants::

    Plain      outside of everything: `Net()` is the default architecture, as plain Python, to run and to debug
    Survey     extract(factory): everything is visited on the meta device, and written down        (``extract``)
    Blueprint  build(factory, architecture): only what was chosen; build(factory, None): all of it  (``build``)

Threads that a factory starts do not inherit the construction.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field, replace

from nascore.errors import SpaceError
from nascore.space import Constraint, Node

from nas_trial.decision import Decision, Identity, Site, Unnamed, default_value
from nas_trial.place import caller

_HINT = "Write a text of 1 to 256 characters, or leave it out to use the place in the model."


class Construction(ABC):
    """Settles the choices of one model.

    Attributes:
        creates_everything: Whether the model will hold, and compute with, every candidate: it is a supernet.
    """

    creates_everything: bool = False

    @abstractmethod
    def decide(self, node: Node, kind: str, *, label: str | None) -> Decision:
        """Settles a choice.

        Args:
            node: What it offers, without what is nested in it; its own label is ignored.
            kind: What it is, such as ``LayerChoice``.
            label: Its label, or None for one from its place in the model.

        Raises:
            SpaceError: The node is not valid, or not what the space has there.
        """

    @abstractmethod
    def require(self, constraint: Constraint) -> None:
        """Lets the space hold only architectures that satisfy a constraint, whose paths are those of the space."""

    @abstractmethod
    def inside(self, decision: Decision, branch: str | int) -> AbstractContextManager[None]:
        """While what is nested in a candidate (its key) or in a copy (its number) is constructed."""

    @abstractmethod
    def identify(self, kind: str) -> Identity:
        """What tells this from others of its kind that are met here: the same in every mode of construction."""

    @abstractmethod
    def at(self, site: Site) -> AbstractContextManager[None]:
        """While something is constructed that stands in the place of a part of the model; its choices count apart."""

    @abstractmethod
    def variant(self) -> AbstractContextManager[None]:
        """While one of several variants of a part is constructed, of which a network may have any.

        All make the same decisions: choices without a label are counted from the same number in each. Nothing but
        variants is constructed in such a place.
        """


class Plain(Construction):
    """No construction in progress: every choice takes its default."""

    def decide(self, node: Node, kind: str, *, label: str | None) -> Decision:
        """See `Construction.decide`."""
        checked_label(kind, label)
        with located(kind, label):
            return Decision(label or kind, node, value=default_value(node))

    def inside(self, decision: Decision, branch: str | int) -> AbstractContextManager[None]:
        """See `Construction.inside`."""
        return nullcontext()

    def require(self, constraint: Constraint) -> None:
        """Nothing: there is no space, and the defaults of all choices together may break a constraint."""

    def identify(self, kind: str) -> Identity:
        """See `Construction.identify`; nothing has to be told apart."""
        return kind

    def at(self, site: Site) -> AbstractContextManager[None]:
        """See `Construction.at`."""
        return nullcontext()

    def variant(self) -> AbstractContextManager[None]:
        """See `Construction.variant`."""
        return nullcontext()


@dataclass(slots=True)
class Scope:
    """A place that holds decisions: the top of the model, a candidate, or a copy in a Repeat.

    Attributes:
        owner: The choice whose candidate or copy it is; None for the top.
        branch: The candidate; empty in a Repeat, whose copies name their choices alike.
        path: Path of the scope in the space.
        site: The part of the model in whose place something is put, if so.
        met: How many unlabelled choices of each kind were met.
    """

    owner: Identity | None = None
    branch: str = ""
    path: str = ""
    site: Site | None = None
    met: Counter[str] = field(default_factory=Counter)

    def identify(self, kind: str, label: str | None) -> Identity:
        """The label, or what stands for it: the same in every copy and in every mode of construction."""
        checked_label(kind, label)
        if label is not None:
            return label
        self.met[kind] += 1
        return Unnamed(self.owner, self.branch, kind, self.met[kind] - 1, self.site)

    def at(self, site: Site) -> Scope:
        """The same place in the space, with choices that count apart: see `Construction.at`."""
        return replace(self, site=site, met=Counter())

    @contextmanager
    def variant(self) -> Iterator[None]:
        """While one of several variants is constructed: see `Construction.variant`."""
        before = self.met.copy()
        try:
            yield
        finally:
            self.met = before


class ScopedConstruction(Construction):
    """A construction that keeps the scopes which it is in, outermost first; what to make of them is for subclasses."""

    def __init__(self) -> None:
        self._scopes = [Scope()]

    def identify(self, kind: str) -> Identity:
        """See `Construction.identify`."""
        return self._scopes[-1].identify(kind, None)

    def at(self, site: Site) -> AbstractContextManager[None]:
        """See `Construction.at`."""
        return self._within(self._scopes[-1].at(site))

    def variant(self) -> AbstractContextManager[None]:
        """See `Construction.variant`."""
        return self._scopes[-1].variant()

    @contextmanager
    def _within(self, scope: Scope) -> Iterator[None]:
        self._scopes.append(scope)
        try:
            yield
        finally:
            self._scopes.pop()


_CURRENT: ContextVar[Construction | None] = ContextVar("nas_trial_construction", default=None)


def construction() -> Construction:
    """The construction in progress."""
    return _CURRENT.get() or Plain()


@contextmanager
def constructing(mode: Construction) -> Iterator[None]:
    """While a model is constructed in the given mode."""
    token = _CURRENT.set(mode)
    try:
        yield
    finally:
        _CURRENT.reset(token)


@contextmanager
def located(kind: str, label: str | None) -> Iterator[None]:
    """Names the choice, and the line that wrote it, in a `SpaceError` raised inside."""
    try:
        yield
    except SpaceError as error:
        wrong = "; ".join(violation.message for violation in error.violations) or error.message
        raise SpaceError(f"{described(kind, label)}: {wrong}.", hint=error.hint, violations=error.violations) from error


def described(kind: str, label: str | None) -> str:
    """A choice as error messages name it: ``LayerChoice 'op' (net.py:12)``."""
    return f"{kind} ({caller()})" if label is None else f"{kind} {label!r} ({caller()})"


def checked_label(kind: str, label: object) -> None:
    """Refuses what is no label.

    Raises:
        SpaceError: It is neither text nor None, or it is empty.
    """
    if label is not None and (not isinstance(label, str) or not label):
        raise SpaceError(f"The label of the {kind} at {caller()} is {label!r}.", hint=_HINT)


def labelled(node: Node, label: str) -> Node:
    """The node under another label."""
    return replace(node, label=label)
