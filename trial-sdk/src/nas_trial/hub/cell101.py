"""Cells of NAS-Bench-101 as modules, in networks of one architecture and in supernets.

In a supernet a vertex holds all operations at their largest width, and computes with the leading channels of them.

Not here: graphs (``graph101``), the network (``nasbench101``).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import astuple
from functools import partial
from typing import Any, cast

import torch
from nascore.space import Candidate, Literal, OneOf
from torch import Tensor, nn

from nas_trial.choice import Branching, Read
from nas_trial.construction import construction
from nas_trial.decision import Decision
from nas_trial.derived import Derived
from nas_trial.following import Following
from nas_trial.hub.graph101 import EDGES, VERTICES, Graph, constraints, graph_of
from nas_trial.layers import BatchNorm2d, Conv2d
from nas_trial.value_functions import current

OPERATIONS = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
"""Names of the operations, as the benchmark has them."""

INNER = range(1, VERTICES - 1)
"""Numbers of the vertices that have an operation."""

_OUTPUT = f"input{VERTICES - 1}"


class Wiring:
    """The decisions of the space: which edges there are, and which operation every vertex has.

    They are made here, before any cell, so that an operation is decided also where its vertex is dead.
    """

    def __init__(self) -> None:
        labels = {edge: f"edge_{edge[0]}_{edge[1]}" for edge in EDGES}
        bit = OneOf("", (Candidate("0", 0), Candidate("1", 1)))
        self.edges = {edge: construction().decide(bit, "Edge", label=label) for edge, label in labels.items()}
        offered = OneOf("", tuple(map(Candidate, OPERATIONS)))
        self.operations = {
            vertex: construction().decide(offered, "Operation", label=f"op_{vertex}") for vertex in INNER
        }
        for constraint in constraints(labels):
            construction().require(constraint)

    @property
    def is_open(self) -> bool:
        """Whether this is part of a supernet."""
        return any(decision.is_open for decision in self.edges.values())

    def graph(self, width: int, read: Read = Decision.get) -> Graph:
        """The graph that is decided, for a cell of some width."""
        return graph_of(frozenset(edge for edge, decision in self.edges.items() if read(decision) == "1"), width)


class Plan(Derived):
    """How a cell is computed, as it is decided; only for ``nas.current``, since it is no number.

    It gives rows of a vertex, the vertices it adds up, whether it adds the input, and its width; the vertices that are
    joined to the output; and whether the input is added to that.
    """

    __slots__ = ("_width", "_wiring")

    def __init__(self, wiring: Wiring, width: int) -> None:
        super().__init__(f"plan of width {width}", low=0, high=0)
        self._wiring = wiring
        self._width = width

    def evaluate(self, read: Read) -> Literal:
        """See `Plan`."""
        return cast("Literal", astuple(self._wiring.graph(self._width, read)))


class VertexWidth(Derived):
    """Channels of a vertex, which follow from the graph."""

    __slots__ = ("_vertex", "_width", "_wiring")

    def __init__(self, wiring: Wiring, vertex: int, *, width: int) -> None:
        super().__init__(f"width of vertex {vertex} of {width}", low=1, high=width)
        self._wiring = wiring
        self._vertex = vertex
        self._width = width

    def evaluate(self, read: Read) -> Literal:
        """See `Value.evaluate`."""
        return self._wiring.graph(self._width, read).vertex(self._vertex).width


class ConvBNReLU(nn.Module):
    """Convolution, batch norm, ReLU; the widths may be choices."""

    def __init__(self, width_in: int, width: int, kernel: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            Conv2d(width_in, width, kernel, padding=kernel // 2, bias=False), BatchNorm2d(width), nn.ReLU()
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, width_in, H, W) to (N, width, H, W)."""
        made: Tensor = self.layers(x)
        return made


class Parts(nn.ModuleDict, Branching):
    """The modules of a cell, of which those take part that its graph has.

    Children are the operations of the vertices, named by their numbers, and projections of the input for those that
    add it: ``input3``, and ``input6`` for the output.
    """

    def __init__(self, wiring: Wiring, width_in: int, *, width: int) -> None:
        super().__init__()
        self._wiring = wiring
        self._width = width
        for vertex in INNER:
            if self._wants(str(vertex)):
                make = partial(_operation, self._inside(vertex))
                self[str(vertex)] = Following(wiring.operations[vertex], make)
            if self._wants(f"input{vertex}"):
                self[f"input{vertex}"] = ConvBNReLU(width_in, self._inside(vertex), 1)
        if self._wants(_OUTPUT):
            self[_OUTPUT] = ConvBNReLU(width_in, width, 1)

    def _taking_part(self, read: Read) -> Collection[str]:
        graph = self._wiring.graph(self._width, read)
        own = {str(vertex.number) for vertex in graph.vertices}
        projections = {f"input{vertex.number}" for vertex in graph.vertices if vertex.has_input}
        return own | projections | ({_OUTPUT} if graph.has_input else set())

    def _wants(self, name: str) -> bool:
        return self._wiring.is_open or name in self._taking_part(Decision.get)

    def _inside(self, vertex: int) -> int:
        if self._wiring.is_open:
            return cast("int", VertexWidth(self._wiring, vertex, width=self._width))
        return self._wiring.graph(self._width).vertex(vertex).width


class Cell101(nn.Module):
    """A cell: every vertex computes from the sum of its inputs, and some vertices are joined to the output.

    Args:
        wiring: The decisions.
        width_in: Channels that come in.
        width: Channels that go out.
    """

    def __init__(self, wiring: Wiring, width_in: int, *, width: int) -> None:
        super().__init__()
        plan = Plan(wiring, width)
        self.plan: Any = plan if wiring.is_open else plan.current()
        self.parts = Parts(wiring, width_in, width=width)

    def forward(self, x: Tensor) -> Tensor:
        """(N, width_in, H, W) to (N, width, H, W)."""
        plan: Any = current(self.plan)
        vertices, joined, has_input = plan
        outputs: dict[int, Tensor] = {}
        for number, sources, adds_input, width in vertices:
            # A vertex may be narrower by one channel than those before it: the last one is left out.
            terms = [outputs[source][:, :width] for source in sources]
            if adds_input:
                terms.append(self.parts[f"input{number}"](x))
            outputs[number] = self.parts[f"{number}"](sum(terms[1:], terms[0]))
        made = [torch.cat([outputs[number] for number in joined], dim=1)] if joined else []
        if has_input:
            made.append(self.parts["input6"](x))
        return sum(made[1:], made[0])


def _operation(width: int, name: str) -> nn.Module:
    if name == "maxpool3x3":
        return nn.MaxPool2d(3, 1, 1)
    return ConvBNReLU(width, width, 3 if name == "conv3x3-bn-relu" else 1)
