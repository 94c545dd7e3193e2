"""Numbers that follow from decisions in a way that arithmetic does not say, such as from the shape of a graph."""

from __future__ import annotations

from collections.abc import Mapping

from nascore.space import Integer, Literal

from nas_trial.decision import Decision, Identity
from nas_trial.values import Value


class Derived(Value):
    """A whole number that follows from what is decided; subclasses say how, in ``evaluate``.

    Args:
        name: What tells it from other derived numbers of the same model.
        low: The smallest that it can be.
        high: The largest that it can be: what a supernet allocates.
    """

    __slots__ = ("_number",)

    def __init__(self, name: str, *, low: int, high: int) -> None:
        # Stands for all decisions that take part: these have a great many combinations, but the number few values.
        self._number = Decision(name, Integer("", low, high), is_open=True)

    def decisions(self) -> tuple[Decision, ...]:
        """One decision that stands for all: see `Value.decisions`."""
        return (self._number,)

    def on(self, chosen: Mapping[Identity, Literal]) -> Literal:
        """See `Value.on`."""
        return chosen[self._number.key]

    def __repr__(self) -> str:
        return str(self._number.key)
