"""Functions for values that may not be decided yet.

Not here: arithmetic by operators, which values have themselves (``values``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar, cast

from nascore.errors import SpaceError
from nascore.space import Literal

from nas_trial.decision import Decision, Identity
from nas_trial.place import caller
from nas_trial.values import Leaf, Operation, Read, Value, joined_decisions, operation

T = TypeVar("T", bool, int, float, str, tuple[int, ...], tuple[float, ...])


def current(value: T) -> T:
    """The value now: itself where it is plain, and the decided one where it is a `Value`.

    A tuple stands for its entries. Forward methods write ``nas.current(self.activation)`` to work in a supernet too.

    Raises:
        StateError: The model is a supernet, and no architecture is active.
    """
    undecided: object = value
    if isinstance(undecided, tuple):
        return cast("T", tuple(map(current, undecided)))
    return cast("T", undecided.current()) if isinstance(undecided, Value) else value


def maximum(*values: T) -> T:
    """The largest of several values, decided or not; ``max`` for numbers that may be choices."""
    return cast("T", _fold(max, values))


def minimum(*values: T) -> T:
    """The smallest of several values, decided or not; ``min`` for numbers that may be choices."""
    return cast("T", _fold(min, values))


def choose(condition: bool, yes: T, no: T) -> T:
    """One of two numbers or texts, by a condition on choices: ``nas.choose(width > 16, 2, 1)``.

    Args:
        condition: A truth value, such as a comparison; several are joined by ``&`` and ``|``, each in brackets.
        yes: The value where the condition holds.
        no: The value where it does not.

    Raises:
        SpaceError: One of the two is no number, text or truth value.
    """
    _check_values((yes, no))
    undecided: object = condition
    if isinstance(undecided, Value):
        return cast("T", Selection(operation(_truth, undecided), (no, yes)))
    return yes if condition else no


def select(values: Sequence[T], index: int) -> T:
    """One of several values, by a choice: ``nas.select(widths, depth.count - 1)``.

    Only the selected one has to be decided, so values of copies that an architecture does not have may be among them.

    Raises:
        SpaceError: There are no values, or one is no number, text or truth value.
        IndexError: The index is plain and there are not that many.
    """
    _check_values(values)
    undecided: object = index
    return cast("T", Selection(undecided, tuple(values))) if isinstance(undecided, Value) else values[index]


class Selection(Value):
    """The value at a place that is not decided yet, of which only that one is read.

    Args:
        index: The place; negative ones count from the end.
        options: Values and literals.
    """

    __slots__ = ("index", "options")

    def __init__(self, index: Value, options: tuple[object, ...]) -> None:
        self.index = index
        self.options = options

    def evaluate(self, read: Read) -> Literal:
        """See `Value.evaluate`."""
        option = self._at(self.index.evaluate(read))
        return option.evaluate(read) if isinstance(option, Value) else cast("Literal", option)

    def decisions(self) -> tuple[Decision, ...]:
        """See `Value.decisions`."""
        return joined_decisions((self.index, *self.options))

    def on(self, chosen: Mapping[Identity, Literal]) -> Literal:
        """See `Value.on`."""
        option = self._at(self.index.on(chosen))
        return option.on(chosen) if isinstance(option, Value) else cast("Literal", option)

    def possible(self) -> frozenset[Literal]:
        """See `Value.possible`; of very many combinations, what every option that may be selected can be."""
        try:
            return super().possible()
        except SpaceError:
            return frozenset().union(*(_possible(self._at(place)) for place in self.index.possible()))

    def _at(self, place: Literal) -> object:
        if isinstance(place, int) and -len(self.options) <= place < len(self.options):
            return self.options[place]
        raise SpaceError(
            f"nas.select ({caller()}) has {len(self.options)} values, and its index may be {place!r}.",
            hint="Give a value for every index; counts begin at 1, so write count - 1.",
        )

    def __repr__(self) -> str:
        return f"select({', '.join(map(repr, self.options))}; {self.index!r})"


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
    if isinstance(first, Selection) and isinstance(second, Selection):
        pairs = zip((first.index, *first.options), (second.index, *second.options), strict=False)
        return len(first.options) == len(second.options) and all(is_same_value(*pair) for pair in pairs)
    return not isinstance(first, Value) and not isinstance(second, Value) and first == second


def _fold(function: Callable[..., Literal], values: tuple[object, ...]) -> object:
    return operation(function, *values) if any(isinstance(value, Value) for value in values) else function(values)


def _possible(option: object) -> frozenset[Literal]:
    return option.possible() if isinstance(option, Value) else frozenset((cast("Literal", option),))


def _truth(value: Literal) -> Literal:
    return bool(value)


def _check_values(values: Sequence[object]) -> None:
    if not values:
        raise SpaceError(f"nas.select ({caller()}) has nothing to select from.")
    wrong = [each for each in values if not isinstance(each, (Value, bool, int, float, str))]
    if wrong:
        raise SpaceError(
            f"A choice between values ({caller()}) is given {wrong[0]!r}.",
            hint="Give numbers, texts or truth values; to choose between modules write nas.LayerChoice.",
        )
