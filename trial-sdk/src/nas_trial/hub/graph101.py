"""Graphs of NAS-Bench-101: what is left of a cell once dead vertices are gone, and how wide each vertex is.

Ying et al., NAS-Bench-101, 2019, and its reference code (``model_spec.py``, ``model_builder.py``). Vertex 0 is the
input and vertex 6 the output; edges go from lower to higher numbers.

Not here: the network (``nasbench101``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from nascore.errors import InvalidInputError
from nascore.space import Constraint, DecisionValue, Expression, LiteralValue, Operation, Operator

VERTICES = 7
MAX_EDGES = 9
Edge = tuple[int, int]
EDGES: tuple[Edge, ...] = tuple((source, vertex) for vertex in range(1, VERTICES) for source in range(vertex))
"""Every possible edge, in the order of their decisions."""

_OUTPUT = VERTICES - 1


@dataclass(frozen=True, slots=True)
class Vertex:
    """A vertex between input and output that is on a path from one to the other.

    Attributes:
        number: Its number.
        sources: Numbers of the vertices that it adds up, without the input of the cell.
        has_input: Whether it adds the input of the cell as well.
        width: Its number of channels.
    """

    number: int
    sources: tuple[int, ...]
    has_input: bool
    width: int


@dataclass(frozen=True, slots=True)
class Graph:
    """A cell.

    Attributes:
        vertices: The vertices between input and output, in order.
        outputs: Numbers of the vertices that are joined to the output.
        has_input: Whether the input is added to the output.
    """

    vertices: tuple[Vertex, ...]
    outputs: tuple[int, ...]
    has_input: bool

    def vertex(self, number: int) -> Vertex:
        """The vertex of a number, which is on a path from input to output."""
        return next(vertex for vertex in self.vertices if vertex.number == number)


@lru_cache(maxsize=4096)
def graph_of(edges: frozenset[Edge], width: int) -> Graph:
    """The cell with these edges, without vertices on no path.

    Args:
        edges: The edges.
        width: Channels of the output.

    Raises:
        InvalidInputError: There is no path from input to output, or there are more outputs than channels.
    """
    alive = _reached(edges, 0) & _reached({(vertex, source) for source, vertex in edges}, _OUTPUT)
    if _OUTPUT not in alive:
        raise InvalidInputError(
            "No path leads from the input of the cell to its output.", hint="Add edges between vertices 0 and 6."
        )
    kept = {(source, vertex) for source, vertex in edges if source in alive and vertex in alive}
    widths = _widths(kept, width)
    vertices = (
        Vertex(
            number,
            tuple(source for source in range(1, number) if (source, number) in kept),
            (0, number) in kept,
            widths[number],
        )
        for number in sorted(alive - {0, _OUTPUT})
    )
    outputs = tuple(number for number in range(1, _OUTPUT) if (number, _OUTPUT) in kept)
    return Graph(tuple(vertices), outputs, (0, _OUTPUT) in kept)


def constraints(paths: Mapping[Edge, str]) -> tuple[Constraint, Constraint]:
    """What every cell satisfies: at most nine edges, and a path from input to output.

    Args:
        paths: Path of the decision of every edge, which is 0 or 1.
    """
    values: dict[Edge, Expression] = {edge: DecisionValue(path) for edge, path in paths.items()}
    count = Operation(Operator.ADD, tuple(values.values()))
    routes = Operation(Operator.ADD, _routes(values, _OUTPUT))
    return (
        Constraint("at most nine edges", Operation(Operator.LESS_OR_EQUAL, (count, LiteralValue(MAX_EDGES)))),
        Constraint("a path to the output", Operation(Operator.GREATER, (routes, LiteralValue(0)))),
    )


def _routes(values: Mapping[Edge, Expression], vertex: int) -> tuple[Expression, ...]:
    """For every way to a vertex the product of its edges."""
    found: list[Expression] = [values[0, vertex]]
    for source in range(1, vertex):
        for route in _routes(values, source):
            steps = route.operands if isinstance(route, Operation) else (route,)
            found.append(Operation(Operator.MULTIPLY, (*steps, values[source, vertex])))
    return tuple(found)


def _reached(edges: frozenset[Edge] | set[Edge], start: int) -> set[int]:
    found = {start}
    waiting = [start]
    while waiting:
        vertex = waiting.pop()
        new = {target for source, target in edges if source == vertex} - found
        found |= new
        waiting += new
    return found


def _widths(edges: set[Edge], width: int) -> dict[int, int]:
    """Channels of every vertex: outputs share those of the cell, and others are as wide as the widest they lead to."""
    outputs = [number for number in range(1, _OUTPUT) if (number, _OUTPUT) in edges]
    if len(outputs) > width:
        raise InvalidInputError(f"{len(outputs)} outputs cannot share {width} channels.", hint="Give a larger width.")
    widths = {number: width // len(outputs) + (place < width % len(outputs)) for place, number in enumerate(outputs)}
    for number in range(_OUTPUT - 1, 0, -1):
        if number not in widths:
            widths[number] = max((widths[v] for v in range(number + 1, _OUTPUT) if (number, v) in edges), default=0)
    return widths
