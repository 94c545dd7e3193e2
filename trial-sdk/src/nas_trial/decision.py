"""One decision as a model holds it: where it stands in the space, what it offers, and what is decided.

In a sub-graph the value is fixed when the model is constructed; in a supernet it is open, and changes with every
`nas_trial.activate`, or with every sample of a one-shot search. Modules and value expressions that make the same
decision hold the same object.

Not here: which value it gets (``construction``), arithmetic on it (``values``), weighted sums (``mixing``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from nascore.errors import StateError
from nascore.space import Candidate, Integer, Literal, Node, OneOf, Real, Repeat, SearchSpace, SomeOf
from nascore.space import Value as Decided

from nas_trial.mixing import Mixing


@dataclass(frozen=True, slots=True)
class Unnamed:
    """Stands for the label of a choice that has none, until the names of the modules are known.

    Attributes:
        owner: Label of the choice around it (its own `Unnamed` if it has none), or None at the top.
        branch: The candidate of ``owner`` that it is in; empty in a Repeat and at the top.
        kind: What it is, such as ``LayerChoice``.
        number: How many of its kind were met before it in this place.
        site: The part of the model in whose place it was put later, if it was.
    """

    owner: Identity | None
    branch: str
    kind: str
    number: int
    site: Site | None = None


Identity = str | Unnamed


@dataclass(frozen=True, slots=True)
class Site:
    """A part of a model in whose place something is put once the model is made.

    Attributes:
        run: What tells the run that does so from other runs.
        name: Name of the part, within the innermost candidate or copy.
    """

    run: Identity
    name: str


MAX_LISTED = 10_000
"""The longest range of whole numbers that `literals` lists."""


class Decision:
    """A decision of a model under construction, or constructed.

    Attributes:
        identity: Its label, or what stands for one.
        path: Its path in the space; empty outside of any space.
        node: What it offers, without what is nested in it.
        value: What is decided, as in an architecture; None while it is inactive, or nothing is decided.
        is_open: Whether everything it offers exists, and ``value`` may change (supernet).
        mixing: The weights of what it offers, while a mixture is computed; else None. Where only one has a weight, or
            several may be chosen, ``value`` says which; otherwise it is None.
    """

    __slots__ = ("identity", "is_open", "mixing", "node", "path", "value")

    def __init__(
        self, identity: Identity, node: Node, *, path: str = "", value: Decided | None = None, is_open: bool = False
    ) -> None:
        self.identity = identity
        self.path = path
        self.node = node
        self.value = value
        self.is_open = is_open
        self.mixing: Mixing | None = None

    @property
    def key(self) -> Identity:
        """What tells it from other decisions of the same model."""
        return self.path or self.identity

    def get(self) -> Decided:
        """What is decided.

        Raises:
            StateError: Nothing is decided: no architecture is active, or the active one does not reach this place.
            UnmixableError: A mixture of several is computed.
        """
        if self.value is None:
            if self.mixing is not None:
                raise self.mixing.refusal("the model uses its value as a plain number or text")
            raise StateError(
                f"Nothing is decided for {self.path!r}: no architecture is active, or it does not reach this place.",
                hint="Call nas.activate(supernet, architecture) before the forward pass.",
            )
        return self.value

    def wants(self, key: str) -> bool:
        """Whether the candidate ``key`` is to be created."""
        return self.is_open or self.value == key


def default_value(node: Node) -> Decided:
    """What the space's default architecture decides for a node without nested ones.

    Raises:
        SpaceError: The node is not valid.
    """
    return SearchSpace((replace(node, label="choice"),)).default()["choice"]


def shallow(node: Node) -> Node:
    """The node without what is nested in it."""
    if isinstance(node, (OneOf, SomeOf)):
        return replace(node, candidates=tuple(replace(candidate, children=()) for candidate in node.candidates))
    return replace(node, body=()) if isinstance(node, Repeat) else node


def literal(node: Node, value: Decided) -> Literal:
    """What a decided value stands for in arithmetic.

    The literal of a OneOf's candidate (its key if it has none), how many a SomeOf chose, or the number itself.
    """
    if isinstance(node, OneOf):
        return next(_meaning(candidate) for candidate in node.candidates if candidate.key == value)
    return len(value) if isinstance(value, tuple) else value


def literals(node: Node) -> Iterator[Literal]:
    """Everything that `literal` can give for a node; of a range that is long, or of real numbers, only its ends."""
    if isinstance(node, OneOf):
        yield from (_meaning(candidate) for candidate in node.candidates if not candidate.search_only)
    elif isinstance(node, SomeOf):
        yield from range(node.min_chosen, node.max_chosen + 1)
    elif isinstance(node, Integer):
        count = (node.high - node.low) // node.step + 1
        yield from range(node.low, node.high + 1, node.step if count <= MAX_LISTED else (count - 1) * node.step)
    elif isinstance(node, Repeat):
        yield from range(node.min_count, node.max_count + 1)
    elif isinstance(node, Real):
        yield from (node.low, node.high)


def _meaning(candidate: Candidate) -> Literal:
    return candidate.key if candidate.value is None else candidate.value
