"""Functions for values that may not be decided yet.

Not here: arithmetic by operators, which values have themselves (``values``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from nascore.space import Literal

from nas_trial.values import Leaf, Operation, Value, operation

T = TypeVar("T", bool, int, float, str)


def current(value: T) -> T:
    """The value now: itself where it is plain, and the decided one where it is a `Value`.

    Forward methods write ``nas.current(self.activation)`` to work in a supernet too.

    Raises:
        StateError: The model is a supernet, and no architecture is active.
    """
    undecided: object = value
    return cast("T", undecided.current()) if isinstance(undecided, Value) else value


def maximum(*values: T) -> T:
    """The largest of several values, decided or not; ``max`` for numbers that may be choices."""
    return cast("T", _fold(max, values))


def minimum(*values: T) -> T:
    """The smallest of several values, decided or not; ``min`` for numbers that may be choices."""
    return cast("T", _fold(min, values))


def is_same_value(first: object, second: object) -> bool:
    """Whether two values are the same expression of the same decisions, or equal plain values."""
    if isinstance(first, Leaf) and isinstance(second, Leaf):
        return first.decision.key == second.decision.key
    if isinstance(first, Operation) and isinstance(second, Operation):
        return (
            first.function is second.function
            and len(first.operands) == len(second.operands)
            and all(map(is_same_value, first.operands, second.operands))
        )
    return not isinstance(first, Value) and not isinstance(second, Value) and first == second


def _fold(function: Callable[..., Literal], values: tuple[object, ...]) -> object:
    return operation(function, *values) if any(isinstance(value, Value) for value in values) else function(values)
