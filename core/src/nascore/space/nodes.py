"""The parts of a search space, as plain values.

A space is a tree of nodes. A node offers a decision (`OneOf`, `SomeOf`, `Integer`, `Real`), repeats a body (`Repeat`,
whose count is a decision as well), or only gives a part a name (`Group`). Nothing is checked here: a node by itself may
be wrong, and `nascore.space.space.SearchSpace` lists everything that is wrong with the whole tree at once.

Not here: what the nodes mean together — shared labels (``scope``), paths (``path``), the decision table (``plan``).
The wire form of these values is ``protos/nascore/v1/space.proto``.
"""

from __future__ import annotations

from dataclasses import dataclass, is_dataclass

Literal = bool | int | float | str
"""What a candidate may stand for: a truth value, a number or a text."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One thing that can be picked.

    Attributes:
        key: Its name, unique within its choice; free text.
        value: What it stands for; without one it stands for its key.
        children: Nodes that are live only while this candidate is picked.
        search_only: Takes part in mixtures (DARTS' ``none``) but never in an architecture.
    """

    key: str
    value: Literal | None = None
    children: tuple[Node, ...] = ()
    search_only: bool = False


@dataclass(frozen=True, slots=True)
class OneOf:
    """Choose exactly one candidate."""

    label: str
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class SomeOf:
    """Choose several candidates.

    Attributes:
        label: Name of the decision.
        candidates: What there is to choose from.
        min_chosen: The fewest that may be chosen.
        max_chosen: The most that may be chosen, inclusive.
        ordered: Whether the order of the chosen matters; if not, they are kept in the order of ``candidates``.
        with_replacement: Whether the same candidate may be chosen more than once.
    """

    label: str
    candidates: tuple[Candidate, ...]
    min_chosen: int
    max_chosen: int
    ordered: bool = False
    with_replacement: bool = False


@dataclass(frozen=True, slots=True)
class Integer:
    """Choose ``low``, ``low + step``, ... up to ``high``, which is included if a step hits it.

    With ``log`` it is sampled log-uniformly; it counts like any other.
    """

    label: str
    low: int
    high: int
    step: int = 1
    log: bool = False


@dataclass(frozen=True, slots=True)
class Real:
    """Choose a real number between ``low`` and ``high``, both included; with ``log`` it is sampled log-uniformly.

    The bounds may be written as integers and are kept as real numbers.
    """

    label: str
    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        # Otherwise Real("x", 0, 1) would differ from itself once it went over the wire.
        for name in ("low", "high"):
            bound = getattr(self, name)
            if type(bound) is int and abs(bound) < 2**1023:
                object.__setattr__(self, name, float(bound))


@dataclass(frozen=True, slots=True)
class Repeat:
    """Repeat a body ``min_count`` to ``max_count`` times.

    With ``tied`` all copies share their decisions; otherwise each copy decides for itself.
    """

    label: str
    body: tuple[Node, ...]
    min_count: int
    max_count: int
    tied: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """A name for a part; no decision by itself."""

    label: str
    children: tuple[Node, ...]


Node = OneOf | SomeOf | Integer | Real | Repeat | Group

NODE_TYPES = (OneOf, SomeOf, Integer, Real, Repeat, Group)


def is_same(first: object, second: object) -> bool:
    """Whether two values are the same definition: equal, and of the same types all the way down.

    Plain ``==`` would take ``1``, ``1.0`` and ``True`` for the same literal, which they are not on the wire.
    """
    if first is second:
        return True
    if type(first) is not type(second):
        return False
    if isinstance(first, tuple) and isinstance(second, tuple):
        return len(first) == len(second) and all(map(is_same, first, second))
    if is_dataclass(first):
        # Not fields(), which makes a new tuple for each of perhaps many thousand nodes.
        return all(is_same(getattr(first, name), getattr(second, name)) for name in first.__dataclass_fields__)
    return first == second
