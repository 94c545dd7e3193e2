"""Nodes of a cell: which earlier states a node computes from, and with which operations; it adds up the results.

States are numbered: first the inputs of the cell, then its nodes in order.

Not here: the cell (``cell``), what an operation is (``cell_operations``).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from functools import partial
from typing import cast

from nascore.space import Candidate, SomeOf
from nascore.space import Value as Decided
from torch import Tensor, nn

from nas_trial.cell_operations import Operations
from nas_trial.choice import Choice, decision_of
from nas_trial.construction import construction
from nas_trial.decision import Decision
from nas_trial.following import Following
from nas_trial.input_choice import InputChoice
from nas_trial.mixing import Mixing


class CellNode(ABC):
    """What the two kinds of nodes have in common, for the cell and for the export."""

    @property
    @abstractmethod
    def input_decisions(self) -> tuple[Decision, ...]:
        """The decisions which states it computes from."""

    @abstractmethod
    def edges(self) -> tuple[tuple[str, int], ...]:
        """What it computes: the name of the child that is an operation, and the number of the state that goes in.

        Raises:
            StateError: It is part of a supernet, and no architecture is active here.
        """


class OwnInputs(nn.Module, CellNode):
    """A node of which every operation chooses its input by itself, perhaps the same as another (Zoph et al., 2018).

    Args:
        number: Its number, which is how many states there are before it.
        count: How many operations it has.
        operations: What there is to choose from.
        label: Label of the cell, or None.
    """

    def __init__(self, number: int, count: int, *, operations: Operations, label: str | None) -> None:
        super().__init__()
        self._count = count
        for i in range(count):
            source = InputChoice(number, label=label and f"{label}.input_{number}_{i}")
            self.add_module(f"input{i}", source)
            operation_label = label and f"{label}.op_{number}_{i}"
            self.add_module(str(i), operations.at(number, i, source=decision_of(source), label=operation_label))

    @property
    def input_decisions(self) -> tuple[Decision, ...]:
        """See `CellNode.input_decisions`."""
        return tuple(decision_of(self._source(i)) for i in range(self._count))

    def edges(self) -> tuple[tuple[str, int], ...]:
        """See `CellNode.edges`."""
        return tuple((str(i), int(self._source(i).chosen[0])) for i in range(self._count))

    def forward(self, states: Sequence[Tensor]) -> Tensor:
        """The sum of what the operations make of the states that they chose; all have the shape of this sum."""
        return _sum([self._output(i, states) for i in range(self._count)])

    def _output(self, i: int, states: Sequence[Tensor]) -> Tensor:
        """What an operation makes of its input: a mixture of states, or where each has its own weights, of outputs."""
        source, operation = self._source(i), cast("nn.Module", self._modules[str(i)])
        decision = decision_of(source)
        if decision.mixing is None or not _follows(operation, decision):
            return cast("Tensor", operation(source(states)))
        return _followed(decision, decision.mixing, operation, states)

    def _source(self, i: int) -> InputChoice:
        return cast("InputChoice", self._modules[f"input{i}"])


class DistinctInputs(Choice, CellNode):
    """A node that chooses some different states, and for each of them an operation (Liu et al., 2019).

    Args:
        number: Its number, which is how many states there are before it.
        count: How many states it chooses.
        operations: What there is to choose from.
        label: Label of the cell, or None.
    """

    def __init__(self, number: int, count: int, *, operations: Operations, label: str | None) -> None:
        states = tuple(Candidate(str(i)) for i in range(number))
        super().__init__(SomeOf("", states, count, count), label=label and f"{label}.inputs_{number}")
        for i in range(number):
            if self._wants(str(i)):
                with construction().inside(self._decision, str(i)):
                    operation_label = label and f"{label}.op_{number}_{i}"
                    self.add_module(str(i), operations.at(number, i, source=i, label=operation_label))

    @property
    def input_decisions(self) -> tuple[Decision, ...]:
        """See `CellNode.input_decisions`."""
        return (self._decision,)

    def edges(self) -> tuple[tuple[str, int], ...]:
        """See `CellNode.edges`."""
        return _edges(self._decision.get())

    def _computed(self, value: Decided, states: Sequence[Tensor]) -> Tensor:
        """The sum of what the operations make of the chosen states; all have the shape of this sum."""
        return _sum([self._output(name, states) for name, _ in _edges(value)])

    def _mixed(self, mixing: Mixing, states: Sequence[Tensor]) -> Tensor:
        """The sum of what all operations make of their states, each times the weight of the state."""
        terms = []
        for index in mixing.computed:
            name = str(mixing.options[index])
            module = cast("nn.Module", self._modules[name])
            terms.append(mixing.term(index, mixing.alone(index, (module,), partial(self._output, name, states))))
        return cast("Tensor", mixing.sum(terms))

    def _output(self, name: str, states: Sequence[Tensor]) -> Tensor:
        return cast("Tensor", cast("nn.Module", self._modules[name])(states[int(name)]))

    def _live(self, value: Decided) -> Collection[str]:
        return cast("tuple[str, ...]", value)

    def _wants(self, key: str) -> bool:
        return self._decision.is_open or key in cast("tuple[str, ...]", self._decision.value)


def _edges(chosen: Decided) -> tuple[tuple[str, int], ...]:
    return tuple((key, int(key)) for key in cast("tuple[str, ...]", chosen))


def _follows(operation: nn.Module, decision: Decision) -> bool:
    return any(isinstance(part, Following) and decision_of(part) is decision for part in operation.modules())


def _followed(decision: Decision, mixing: Mixing, operation: nn.Module, states: Sequence[Tensor]) -> Tensor:
    """The sum over all states of what the operation with the weights for that state makes of it."""
    terms = []
    value = decision.value
    try:
        for index in mixing.computed:
            key = str(mixing.options[index])
            decision.mixing, decision.value = None, key
            output = mixing.alone(index, (operation,), partial(operation, states[int(key)]))
            terms.append(mixing.term(index, output))
    finally:
        decision.mixing, decision.value = mixing, value
    return cast("Tensor", mixing.sum(terms))


def _sum(outputs: Sequence[Tensor]) -> Tensor:
    total = outputs[0]
    for output in outputs[1:]:
        total = total + output
    return total
