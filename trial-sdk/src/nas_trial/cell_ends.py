"""Loose ends of a cell: the nodes that no node computes from, which together are its output.

How many there are depends on the architecture, and so does the width of the output.
"""

from __future__ import annotations

from nascore.space import Literal

from nas_trial.decision import Decision
from nas_trial.derived import Derived
from nas_trial.values import Read


class LooseEnds(Derived):
    """How many loose ends a cell has, as an expression; the last node always is one.

    Args:
        nodes: Numbers of the nodes.
        inputs: The decisions which states the nodes compute from.
    """

    __slots__ = ("_inputs", "_nodes")

    def __init__(self, nodes: range, inputs: tuple[Decision, ...]) -> None:
        names = ", ".join(repr(decision.key) for decision in inputs)
        super().__init__(f"loose ends under {names}", low=1, high=len(nodes))
        self._nodes = nodes
        self._inputs = inputs

    @property
    def is_open(self) -> bool:
        """Whether the number may change: it is part of a supernet."""
        return any(decision.is_open for decision in self._inputs)

    def ends(self, read: Read = Decision.get) -> tuple[int, ...]:
        """Numbers of the loose ends, given what is decided.

        Raises:
            StateError: Nothing is decided.
        """
        used: set[object] = set()
        for decision in self._inputs:
            if decision.mixing is not None and decision.value is None:
                continue  # of a mixture of several inputs none is used for certain
            value = read(decision)
            used.update(value if isinstance(value, tuple) else (value,))
        return tuple(number for number in self._nodes if str(number) not in used)

    def evaluate(self, read: Read) -> Literal:
        """See `Value.evaluate`."""
        return len(self.ends(read))
