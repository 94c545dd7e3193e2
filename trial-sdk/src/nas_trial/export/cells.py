"""Cells as plain torch: a class of a few lines beside the network, with the same children under the same names.

Not here: choices that stand alone (``plain``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from torch import nn

from nas_trial.cell import Cell
from nas_trial.cell_nodes import CellNode
from nas_trial.export.carried import Carried
from nas_trial.export.layout import Brackets, Call, Expression, quoted

_CELL = '''
class CellGraph(nn.Module):
    """A graph of nodes, each computed from earlier states: first the inputs, then the nodes in order."""

    def __init__(self, nodes, outputs, dim=1, preprocessor=None, postprocessor=None) -> None:
        super().__init__()
        self.outputs = outputs
        self.dim = dim
        self.preprocessor = preprocessor
        self.node_names = list(nodes)
        for name, node in nodes.items():
            self.add_module(name, node)
        self.postprocessor = postprocessor

    def forward(self, inputs):
        states = list(inputs if self.preprocessor is None else self.preprocessor(inputs))
        for name in self.node_names:
            states.append(getattr(self, name)(states))
        output = torch.cat([states[number] for number in self.outputs], dim=self.dim)
        return output if self.postprocessor is None else self.postprocessor(output, inputs)
'''

_NODE = '''
class CellNode(nn.Module):
    """The sum of what its operations make of earlier states."""

    def __init__(self, *edges) -> None:
        super().__init__()
        self.edges = [(name, source) for name, source, _ in edges]
        for name, _, operation in edges:
            self.add_module(name, operation)

    def forward(self, states):
        name, source = self.edges[0]
        total = self._modules[name](states[source])
        for name, source in self.edges[1:]:
            total = total + self._modules[name](states[source])
        return total
'''


def is_cell(module: nn.Module) -> bool:
    """Whether a module is a Cell, or a node of one."""
    return isinstance(module, Cell | CellNode)


def plain_cell(module: nn.Module, children: Mapping[str, Expression], carried: Carried) -> Call:
    """What stands for a cell, or a node of one, in the generated file.

    Args:
        module: The cell or node of a built network.
        children: Its children as expressions, by name.
        carried: Collects imports and small classes.
    """
    if isinstance(module, CellNode):
        carried.add("CellNode", _NODE.strip())
        edges = (Brackets("(", [quoted(name), str(source), children[name]], ")") for name, source in module.edges())
        return Call("CellNode", list(edges))
    cell = cast("Cell", module)
    carried.bind_torch("torch")
    carried.add("CellGraph", _CELL.strip())
    names = (f"node{number}" for number in cell.numbers)
    nodes = Call("dict", (), {name: children[name] for name in names})
    keywords: dict[str, Expression] = {} if cell.dim == 1 else {"dim": str(cell.dim)}
    keywords |= {name: children[name] for name in ("preprocessor", "postprocessor") if name in children}
    return Call("CellGraph", [nodes, repr(cell.outputs)], keywords)
