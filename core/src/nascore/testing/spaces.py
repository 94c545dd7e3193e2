"""Known search spaces, and hypothesis strategies that make others.

For the tests of tuners, stores and the trial SDK alike. `KNOWN_SPACES` is small and covers every kind of node;
`search_spaces` makes nested spaces that nobody thought of.

Not here: conformance kits, which run a plugin on these spaces.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import TYPE_CHECKING

from nascore.space import (
    Candidate,
    Constraint,
    DecisionValue,
    Group,
    Integer,
    LiteralValue,
    Node,
    OneOf,
    Operation,
    Operator,
    Real,
    Repeat,
    SearchSpace,
    SomeOf,
)

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy


def choice(label: str, *keys: str, children: tuple[Node, ...] = ()) -> OneOf:
    """A OneOf of candidates without values; the children, if any, are those of the first candidate."""
    return OneOf(label, tuple(Candidate(key, children=children if key == keys[0] else ()) for key in keys))


def compared(path: str, operator: Operator, value: bool | float | str) -> Operation:
    """The expression that compares the decision at a path with a value."""
    return Operation(operator, (DecisionValue(path), LiteralValue(value)))


def _flat28() -> SearchSpace:
    return SearchSpace(
        tuple(choice(f"layer{index:02}", "conv3", "conv5", "dw3", "pool", "skip") for index in range(28))
    )


def _nested() -> SearchSpace:
    kernel = OneOf("kernel", tuple(Candidate(f"k{size}", size) for size in (3, 5, 7)))
    conv = Candidate("conv", children=(kernel, choice("norm", "batch", "group", children=(Integer("groups", 1, 8),))))
    inputs = SomeOf(
        "inputs", (Candidate("a"), Candidate("b", children=(choice("scale", "x1", "x2"),)), Candidate("c")), 0, 2
    )
    op = OneOf("op", (conv, Candidate("pool", children=(choice("pooling", "max", "mean"),)), Candidate("skip")))
    return SearchSpace(
        (Group("block", (op, inputs)), choice("head", "linear", "mlp", children=(Integer("width", 16, 64, 16),)))
    )


def _repeats() -> SearchSpace:
    stage = Repeat("stage", (choice("act", "relu", "gelu"), Integer("width", 8, 24, step=8)), 1, 3)
    tied = Repeat("tail", (choice("pool", "max", "mean"),), 0, 2, tied=True)
    return SearchSpace((stage, tied))


def _nasbench201() -> SearchSpace:
    operations = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
    return SearchSpace(tuple(choice(f"edge{end}<-{start}", *operations) for end in (1, 2, 3) for start in range(end)))


def _numeric() -> SearchSpace:
    rates = Real("rate", 1e-5, 1e-1, log=True), Real("dropout", 0.0, 0.5)
    return SearchSpace((*rates, Integer("width", 16, 512, step=16), Integer("batch", 1, 256, log=True)))


def _constrained() -> SearchSpace:
    widths = tuple(
        OneOf(f"width{index}", tuple(Candidate(str(value), value) for value in (8, 16, 32))) for index in range(3)
    )
    total = Operation(Operator.ADD, tuple(DecisionValue(f"width{index}") for index in range(3)))
    budget = Constraint("budget", Operation(Operator.LESS_OR_EQUAL, (total, LiteralValue(56))))
    return SearchSpace((*widths, choice("act", "relu", "gelu")), (budget,))


def _shared() -> SearchSpace:
    width = OneOf("width", tuple(Candidate(str(value), value) for value in (8, 16)))
    op = OneOf(
        "op", (Candidate("conv", children=(width, Integer("kernel", 1, 3))), Candidate("attention", children=(width,)))
    )
    return SearchSpace((op, choice("skip", "yes", "no")))


def _mixed() -> SearchSpace:
    edges = (
        OneOf(f"edge{index}", (Candidate("none", search_only=True), Candidate("skip"), Candidate("conv")))
        for index in (0, 1)
    )
    order = SomeOf("order", tuple(map(Candidate, "abc")), 1, 2, ordered=True)
    return SearchSpace((*edges, order, SomeOf("bag", tuple(map(Candidate, "xy")), 0, 2, with_replacement=True)))


KNOWN_SPACES: dict[str, SearchSpace] = {
    "constrained": _constrained(),
    "flat28": _flat28(),
    "mixed": _mixed(),
    "nasbench201": _nasbench201(),
    "nested": _nested(),
    "numeric": _numeric(),
    "repeats": _repeats(),
    "shared": _shared(),
}
"""Small spaces by what they show; ``numeric`` is the one whose architectures cannot be counted."""


def _little_spaces() -> dict[str, SearchSpace]:
    width = OneOf("width", (Candidate("s", 8), Candidate("l", 16)))
    total = Operation(Operator.ADD, (DecisionValue("width"), DecisionValue("depth")))
    small = Constraint("small", Operation(Operator.LESS_OR_EQUAL, (total, LiteralValue(18))))
    tail, head = Repeat("tail", (width,), 0, 2, tied=True), Group("head", (Integer("out", 1, 2),))
    return {
        "choice": SearchSpace((width,)),
        "constrained": SearchSpace((width, Integer("depth", 1, 4)), (small,)),
        "numeric": SearchSpace((Real("rate", 1e-4, 0.1, log=True), Integer("batch", 1, 64, log=True))),
        "nested": SearchSpace((choice("op", "conv", "skip", children=(Integer("kernel", 1, 3),)),)),
        "repeat": SearchSpace((Repeat("stage", (Integer("width", 8, 24, step=8),), 1, 2),)),
        "blocks": SearchSpace((tail, head)),
        "chosen": SearchSpace((SomeOf("inputs", tuple(map(Candidate, "abc")), 1, 2, ordered=True),)),
        "hidden": SearchSpace((OneOf("edge", (Candidate("none", search_only=True), Candidate("conv", 2.5))),)),
    }


LITTLE_SPACES = _little_spaces()
"""A space for each kind of node, as small as it can be: for what is done with them a million times."""


def search_spaces(
    *, max_depth: int = 3, with_reals: bool = False, with_constraints: bool = True
) -> SearchStrategy[SearchSpace]:
    """Valid nested spaces of a few decisions, with escaped labels, shared decisions and candidates for search only.

    Args:
        max_depth: How deep nodes may be nested.
        with_reals: Whether there may be ranges of real numbers, which make a space uncountable.
        with_constraints: Whether there may be a constraint, which may forbid everything.
    """
    # hypothesis comes with the extra "testing", and only those who test need it.
    from hypothesis import strategies as st  # noqa: PLC0415  # heavy and optional, see above

    @st.composite
    def spaces(draw: DrawFn) -> SearchSpace:
        maker = _Maker(draw, with_reals=with_reals)
        space = SearchSpace(maker.nodes(max_depth))
        if not with_constraints or not space.decisions or not draw(st.booleans()):
            return space
        return SearchSpace(space.nodes, (maker.constraint(space),))

    return spaces()


class _Maker:
    """Draws the parts of one space; labels are fresh unless a node is shared."""

    def __init__(self, draw: DrawFn, *, with_reals: bool) -> None:
        from hypothesis import strategies as st  # noqa: PLC0415  # heavy and optional, see search_spaces

        self._draw = draw
        self._st = st
        self._labels: Iterator[int] = count()
        self._shareable: list[Node] = []
        kinds = ["one_of", "some_of", "integer", "repeat", "group", "shared", "one_of"]
        self._kinds = [*kinds, "real"] if with_reals else kinds

    def nodes(self, depth: int) -> tuple[Node, ...]:
        many = self._draw(self._st.integers(min_value=0, max_value=3 if depth > 1 else 1))
        return tuple(self._node(depth) for _ in range(many))

    def constraint(self, space: SearchSpace) -> Constraint:
        """Asks that a decision with a number (a count, or how many were chosen) be small, or some key not be chosen."""
        decision = self._draw(self._st.sampled_from(space.decisions))
        if isinstance(decision.node, OneOf):
            candidate = self._draw(self._st.sampled_from(decision.node.candidates))
            forbidden = candidate.key if candidate.value is None else candidate.value
            return Constraint("not this", compared(decision.path, Operator.NOT_EQUAL, forbidden))
        limit = self._draw(self._st.integers(0, 3))
        return Constraint("small", compared(decision.path, Operator.LESS_OR_EQUAL, limit))

    def _node(self, depth: int) -> Node:
        kind = self._draw(self._st.sampled_from(self._kinds if depth > 1 else ["integer", "leaf", self._kinds[-1]]))
        if kind == "shared" and self._shareable:
            return self._draw(self._st.sampled_from(self._shareable))
        node = self._fresh(kind, depth)
        self._shareable.append(node)
        return node

    def _fresh(self, kind: str, depth: int) -> Node:
        label = (
            f"{self._draw(self._st.sampled_from(('n', 'conv(k=3)', 'a/b', 'x[0]', '50%', 'Ω')))}{next(self._labels)}"
        )
        if kind == "integer":
            low = self._draw(self._st.integers(-3, 3))
            return Integer(
                label, low, low + self._draw(self._st.integers(0, 3)), step=self._draw(self._st.integers(1, 2))
            )
        if kind == "real":
            return Real(label, 0.5, 2.0, log=self._draw(self._st.booleans()))
        if kind == "repeat":
            low = self._draw(self._st.integers(0, 1))
            high = low + self._draw(self._st.integers(0, 2))
            return Repeat(label, self.nodes(depth - 1), low, high, tied=self._draw(self._st.booleans()))
        if kind == "group":
            return Group(label, self.nodes(depth - 1))
        return self._some_of(label, depth) if kind == "some_of" else OneOf(label, self._candidates(depth))

    def _some_of(self, label: str, depth: int) -> SomeOf:
        candidates = self._candidates(depth)
        available = sum(not candidate.search_only for candidate in candidates)
        low = self._draw(self._st.integers(0, 1))
        with_replacement = self._draw(self._st.booleans())
        high = self._draw(self._st.integers(low, 2 if with_replacement else max(low, min(2, available))))
        ordered = self._draw(self._st.booleans())
        return SomeOf(label, candidates, low, high, ordered=ordered, with_replacement=with_replacement)

    def _candidates(self, depth: int) -> tuple[Candidate, ...]:
        many = self._draw(self._st.integers(1, 3))
        values = (None, True, 3, 2.5, "text")
        extra = (Candidate("none", search_only=True),) if self._draw(self._st.booleans()) else ()
        return (
            *extra,
            *(
                Candidate(f"c{index}", self._draw(self._st.sampled_from(values)), self._children(depth))
                for index in range(many)
            ),
        )

    def _children(self, depth: int) -> tuple[Node, ...]:
        return self.nodes(depth - 1) if depth > 1 and self._draw(self._st.booleans()) else ()
