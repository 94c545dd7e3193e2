"""A cell: a small graph of nodes, of which the search chooses the connections and the operations.

Follows the cells of NASNet (Zoph et al., 2018), ENAS (Pham et al., 2018) and DARTS (Liu et al., 2019). All cells with
the same label decide together: give the normal cells of a network one label, and the reduction cells another.

Not here: nodes (``cell_nodes``), operations (``cell_operations``), the number of loose ends (``cell_ends``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Literal, cast

import torch
from nascore.errors import InvalidInputError, SpaceError
from torch import Tensor, nn

from nas_trial.cell_ends import LooseEnds
from nas_trial.cell_nodes import CellNode, DistinctInputs, OwnInputs
from nas_trial.cell_operations import Operation, operations_of
from nas_trial.construction import checked_label, described

Inputs = Literal["any", "distinct"]
Merge = Literal["all", "loose_end"]

_KINDS: dict[str, type[OwnInputs] | type[DistinctInputs]] = {"any": OwnInputs, "distinct": DistinctInputs}


class Cell(nn.Module):
    """A cell of nodes, each the sum of some operations on inputs of the cell and on earlier nodes.

    States are numbered: first the inputs, ``0``, ``1``, ..., then the nodes. The output are all nodes, or the loose
    ends among them, joined along ``dim``. Cells of one label share their decisions, those without one have their own.

    Where the output are loose ends, its width depends on the architecture: ``count`` of them, which layers of this
    package take as they take any choice: ``nas.Conv2d(cell.count * 16, 32, 1)``.

    Attributes:
        numbers: Numbers of the nodes.
        dim: Dimension along which states are joined.

    Args:
        operations: What makes each operation, by name, in which the first is the default. Without arguments
            (``nn.Identity``), or with three, the numbers of the node, of the operation within it, and of its input;
            then every possible input has weights of its own.
        nodes: How many nodes there are.
        operations_per_node: How many operations a node adds up.
        predecessors: How many inputs the cell has.
        inputs: ``any``: each operation chooses one earlier state, perhaps the same as another (NASNet). ``distinct``:
            a node chooses different states, and for each an operation (DARTS); the third number that an operation is
            made for is then equal to the second.
        merge: What is joined to the output: ``all`` nodes, or ``loose_end``, those that no node uses.
        dim: Dimension along which they are joined; 1 are the channels.
        search_only: Names of operations that take part in mixtures only and are never chosen, such as DARTS' ``none``.
        preprocessor: Takes the list of inputs and gives the list of states to begin with, as many.
        postprocessor: Takes the output and the list of inputs, as they were before the preprocessor; what it gives is
            what the cell gives.
        label: Label of the cell, which labels of its decisions begin with: ``normal.input_2_0`` and ``normal.op_2_0``
            for operation 0 of node 2; where inputs are distinct ``normal.inputs_2``, and ``normal.op_2_1`` for what
            node 2 makes of state 1.

    Raises:
        SpaceError: A number is not possible, there are no operations, or one makes no module.
    """

    def __init__(
        self,
        operations: Mapping[str, Operation] | Sequence[Operation],
        *,
        nodes: int,
        operations_per_node: int = 1,
        predecessors: int = 1,
        inputs: Inputs = "any",
        merge: Merge = "all",
        dim: int = 1,
        search_only: Collection[str] = (),
        preprocessor: nn.Module | None = None,
        postprocessor: nn.Module | None = None,
        label: str | None = None,
    ) -> None:
        super().__init__()
        checked_label("Cell", label)
        _check_counts(label, nodes=nodes, operations_per_node=operations_per_node, predecessors=predecessors)
        _check_ways(label, inputs=inputs, merge=merge, distinct=operations_per_node <= predecessors)
        offered = operations_of(operations, search_only=search_only, label=label)
        self.numbers = range(predecessors, predecessors + nodes)
        self._merge = merge
        self.dim = dim
        _add(self, "preprocessor", preprocessor)
        for number in self.numbers:
            node = _KINDS[inputs](number, operations_per_node, operations=offered, label=label)
            self.add_module(f"node{number}", node)
        _add(self, "postprocessor", postprocessor)
        decisions = (decision for node in self.nodes for decision in node.input_decisions)
        self._ends = LooseEnds(self.numbers, tuple(decisions)) if merge == "loose_end" else None

    @property
    def nodes(self) -> tuple[CellNode, ...]:
        """The nodes, in order; they are children named ``node2``, ``node3``, ... after two inputs."""
        return tuple(cast("CellNode", self._modules[f"node{number}"]) for number in self.numbers)

    @property
    def outputs(self) -> tuple[int, ...]:
        """Numbers of the states that are joined to the output.

        Raises:
            StateError: They depend on the architecture, this is part of a supernet, and none is active.
        """
        return tuple(self.numbers) if self._ends is None else self._ends.ends()

    @property
    def count(self) -> int:
        """How many states are joined to the output; in a supernet perhaps an expression."""
        if self._ends is None:
            return len(self.numbers)
        return cast("int", self._ends) if self._ends.is_open else len(self.outputs)

    def forward(self, inputs: Sequence[Tensor]) -> object:
        """The joined output of the nodes, or what the postprocessor makes of it.

        Args:
            inputs: One tensor for each predecessor.

        Raises:
            InvalidInputError: There are more or fewer inputs than predecessors.
        """
        states = self._first_states(inputs)
        for node in self.nodes:
            states.append(cast("nn.Module", node)(states))
        output = torch.cat([states[number] for number in self.outputs], dim=self.dim)
        postprocessor = self._modules.get("postprocessor")
        return output if postprocessor is None else postprocessor(output, inputs)

    def _first_states(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        preprocessor = self._modules.get("preprocessor")
        self._check_inputs(inputs, "is given")
        states = inputs if preprocessor is None else preprocessor(inputs)
        self._check_inputs(states, "gets from its preprocessor")
        return list(states)

    def _check_inputs(self, inputs: object, how: str) -> None:
        # Not as a tensor with a leading dimension, which a single input by mistake could be.
        if isinstance(inputs, Sequence) and len(inputs) == self.numbers.start:
            return
        given = f"{len(inputs)} of them" if isinstance(inputs, Sequence) else f"a {type(inputs).__name__}"
        raise InvalidInputError(
            f"A Cell of {self.numbers.start} inputs {how} {given}.",
            hint=f"Call it with one list of {self.numbers.start} tensors: cell([x, y, ...]).",
        )


def _add(cell: nn.Module, name: str, module: Callable[..., object] | None) -> None:
    if module is not None:
        cell.add_module(name, cast("nn.Module", module))


def _check_counts(label: str | None, **counts: object) -> None:
    for name, count in counts.items():
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:
            raise SpaceError(
                f"{described('Cell', label)}: {name} is {count!r}.", hint="Give a whole number of 1 or more."
            )


def _check_ways(label: str | None, *, inputs: str, merge: str, distinct: bool) -> None:
    for name, value, known in (("inputs", inputs, ("any", "distinct")), ("merge", merge, ("all", "loose_end"))):
        if value not in known:
            raise SpaceError(f"{described('Cell', label)}: {name} is {value!r}.", hint=f"Write {' or '.join(known)}.")
    if inputs == "distinct" and not distinct:
        raise SpaceError(
            f"{described('Cell', label)}: the first node cannot choose more different inputs than there are "
            "predecessors.",
            hint="Give operations_per_node of at most predecessors, or write inputs='any'.",
        )
