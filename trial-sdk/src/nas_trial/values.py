"""Arithmetic on numbers that are not decided yet.

`nas_trial.ValueChoice`, `Integer` and `Real` give plain Python values wherever the architecture is known. In a
supernet, and while a space is extracted, they give a `Value`: a small expression that layers of this package
understand, so that ``nas.Linear(width, width * 2)`` works in every mode. ``+ - * / // % **``, ``-x``, ``abs``,
``round``, ``math.floor``, ``math.ceil``, ``math.trunc``, ``nas.maximum`` and ``nas.minimum`` make expressions; whatever
would need the number at once (``if``, comparisons, ``range``, ``int``) is refused, with what to write instead.

Not here: making a choice (``value_choice``), cutting weights (``layers``).
"""

from __future__ import annotations

import itertools
import math
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import NoReturn, cast

import torch
from nascore.errors import ArchitectureError, SpaceError
from nascore.space import Literal
from nascore.space import Value as Decided

from nas_trial.decision import Decision, Identity, literal, literals
from nas_trial.place import caller, is_called_by_torch

MAX_COMBINATIONS = 100_000
"""Combinations of choices that are tried to find the largest value of an expression."""

LAYERS_HINT = "Layers of torch.nn take no choices: write nas.Linear for nn.Linear, and so on."

Read = Callable[[Decision], Decided]


class Value(ABC):
    """A number (or text) that depends on the architecture; immutable.

    It has no truth value, no order and no equality: two values can be compared only once they are decided.
    """

    __slots__ = ()

    @abstractmethod
    def evaluate(self, read: Read) -> Literal:
        """The value, given what is decided."""

    @abstractmethod
    def decisions(self) -> tuple[Decision, ...]:
        """The decisions that it depends on, each once, in the order in which they are met."""

    @abstractmethod
    def _on(self, chosen: Mapping[Identity, Literal]) -> Literal:
        """The value, given a literal for the key of every decision."""

    def at(self, architecture: Mapping[str, Decided]) -> Literal:
        """The value under an architecture.

        Raises:
            ArchitectureError: The architecture does not decide what the value depends on.
        """
        return self.evaluate(lambda decision: _decided(architecture, decision))

    def current(self) -> Literal:
        """The value under the active architecture.

        Raises:
            StateError: No architecture is active.
        """
        return self.evaluate(Decision.get)

    def possible(self) -> frozenset[Literal]:
        """Everything it can be; where a range of real numbers takes part, only what its ends give.

        Raises:
            SpaceError: There are more than `MAX_COMBINATIONS` combinations.
        """
        decisions = self.decisions()
        count = math.prod(sum(1 for _ in literals(decision.node)) for decision in decisions)
        if count > MAX_COMBINATIONS:
            raise SpaceError(
                f"An expression ({caller()}) depends on {len(decisions)} choices with {count:,} combinations, of which "
                f"at most {MAX_COMBINATIONS:,} are tried to find its largest value.",
                hint="Give the choices fewer values, or let the expression depend on fewer of them.",
            )
        keys = [decision.key for decision in decisions]
        options = (literals(decision.node) for decision in decisions)
        return frozenset(self._on(dict(zip(keys, chosen, strict=True))) for chosen in itertools.product(*options))

    def maximum(self) -> Literal:
        """The largest of `possible`: what a supernet allocates.

        Raises:
            SpaceError: The value is a text, or has too many combinations.
        """
        possible = self.possible()
        if any(isinstance(value, str) for value in possible):
            raise SpaceError(f"A choice between texts ({caller()}) is used as a number.")
        return max(cast("frozenset[int | float]", possible))

    def __add__(self, other: object) -> Value:
        return operation(operator.add, self, other)

    def __radd__(self, other: object) -> Value:
        return operation(operator.add, other, self)

    def __sub__(self, other: object) -> Value:
        return operation(operator.sub, self, other)

    def __rsub__(self, other: object) -> Value:
        return operation(operator.sub, other, self)

    def __mul__(self, other: object) -> Value:
        return operation(operator.mul, self, other)

    def __rmul__(self, other: object) -> Value:
        return operation(operator.mul, other, self)

    def __truediv__(self, other: object) -> Value:
        return operation(operator.truediv, self, other)

    def __rtruediv__(self, other: object) -> Value:
        return operation(operator.truediv, other, self)

    def __floordiv__(self, other: object) -> Value:
        return operation(operator.floordiv, self, other)

    def __rfloordiv__(self, other: object) -> Value:
        return operation(operator.floordiv, other, self)

    def __mod__(self, other: object) -> Value:
        return operation(operator.mod, self, other)

    def __rmod__(self, other: object) -> Value:
        return operation(operator.mod, other, self)

    def __pow__(self, other: object) -> Value:
        return operation(operator.pow, self, other)

    def __rpow__(self, other: object) -> Value:
        return operation(operator.pow, other, self)

    def __neg__(self) -> Value:
        return operation(operator.neg, self)

    def __pos__(self) -> Value:
        return self

    def __abs__(self) -> Value:
        return operation(operator.abs, self)

    def __round__(self, digits: int | None = None) -> Value:
        return operation(round, self) if digits is None else operation(round, self, digits)

    def __floor__(self) -> Value:
        return operation(math.floor, self)

    def __ceil__(self) -> Value:
        return operation(math.ceil, self)

    def __trunc__(self) -> Value:
        return operation(math.trunc, self)

    def __bool__(self) -> NoReturn:  # noqa: PLE0304 -- refused
        _refuse("as a condition", "Write nas.LayerChoice for parts that differ, or nas.Repeat for parts that repeat.")

    def __eq__(self, other: object) -> NoReturn:
        _refuse("in a comparison", "Write nas.LayerChoice for parts that differ.")

    def __lt__(self, other: object) -> NoReturn:
        _refuse("in a comparison", "Write nas.maximum or nas.minimum instead of max and min.")

    __le__ = __gt__ = __ge__ = __lt__
    __hash__ = object.__hash__

    def __int__(self) -> NoReturn:
        _refuse("in int()", "Write round(), math.floor() or // instead.")

    def __float__(self) -> NoReturn:
        _refuse("in float()", "Leave float() out, or multiply by 1.0.")

    def __index__(self) -> NoReturn:  # noqa: PLE0305 -- refused
        _refuse("as a size or a count", "Write nas.Repeat instead of range, and nas.Linear instead of nn.Linear.")


class Leaf(Value):
    """What one decision stands for.

    Args:
        decision: The decision, which may stand in several expressions.
    """

    __slots__ = ("decision",)

    def __init__(self, decision: Decision) -> None:
        self.decision = decision

    def evaluate(self, read: Read) -> Literal:
        """See `Value.evaluate`."""
        return literal(self.decision.node, read(self.decision))

    def decisions(self) -> tuple[Decision, ...]:
        """See `Value.decisions`."""
        return (self.decision,)

    def _on(self, chosen: Mapping[Identity, Literal]) -> Literal:
        return chosen[self.decision.key]

    def __repr__(self) -> str:
        return str(self.decision.key)


class Operation(Value):
    """A function of values and numbers.

    Args:
        function: From ``operator``, ``math`` or ``builtins``.
        operands: Values and literals.
    """

    __slots__ = ("function", "operands")

    def __init__(self, function: Callable[..., Literal], operands: tuple[Value | Literal, ...]) -> None:
        self.function = function
        self.operands = operands

    def evaluate(self, read: Read) -> Literal:
        """See `Value.evaluate`."""
        return self.function(*(each.evaluate(read) if isinstance(each, Value) else each for each in self.operands))

    def decisions(self) -> tuple[Decision, ...]:
        """See `Value.decisions`."""
        met = itertools.chain.from_iterable(each.decisions() for each in self.operands if isinstance(each, Value))
        return tuple({decision.key: decision for decision in met}.values())

    def _on(self, chosen: Mapping[Identity, Literal]) -> Literal:
        return self.function(*(each._on(chosen) if isinstance(each, Value) else each for each in self.operands))

    def __repr__(self) -> str:
        return f"{self.function.__name__}({', '.join(map(repr, self.operands))})"


def operation(function: Callable[..., Literal], *operands: object) -> Value:
    """The function of values and numbers as an expression; of a tensor at once, with the values as they are decided.

    Raises:
        SpaceError: An operand is no number.
        StateError: There is a tensor, and no architecture is active.
    """
    if any(isinstance(each, torch.Tensor) for each in operands):
        return cast("Value", function(*(each.current() if isinstance(each, Value) else each for each in operands)))
    wrong = [each for each in operands if not isinstance(each, (Value, bool, int, float, str))]
    if wrong:
        raise SpaceError(f"A choice ({caller()}) is combined with {wrong[0]!r}, which is no number.")
    return Operation(function, cast("tuple[Value | Literal, ...]", operands))


def _decided(architecture: Mapping[str, Decided], decision: Decision) -> Decided:
    if decision.path not in architecture:
        raise ArchitectureError(f"The architecture does not decide {decision.path!r}, which a layer in it depends on.")
    return architecture[decision.path]


def _refuse(use: str, instead: str) -> NoReturn:
    if is_called_by_torch():
        instead = LAYERS_HINT
    raise SpaceError(
        f"A choice that is not decided yet is used {use} at {caller()}, while a whole space is being built.",
        hint=instead,
    )
