"""Arithmetic on numbers that are not decided yet.

`nas_trial.ValueChoice`, `Integer` and `Real` give plain Python values wherever the architecture is known. In a
supernet, and while a space is extracted, they give a `Value`: a small expression that layers of this package
understand, so that ``nas.Linear(width, width * 2)`` works in every mode. ``+ - * / // % **``, ``-x``, ``abs``,
``round``, ``math.floor``, ``math.ceil``, ``math.trunc``, comparisons, ``&`` and ``|`` of comparisons make expressions;
whatever would need the number at once (``if``, ``range``, ``int``) is refused, with what to write instead.

Not here: functions such as ``nas.choose`` (``value_functions``), making a choice (``value_choice``), cutting weights
(``layers``).
"""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn, cast

import torch
from nascore.errors import ArchitectureError, SpaceError
from nascore.space import Literal
from nascore.space import Value as Decided

from nas_trial.arithmetic import Arithmetic
from nas_trial.combinations import check_count, combinations
from nas_trial.decision import Decision, Identity, literal
from nas_trial.place import caller, is_called_by_torch

LAYERS_HINT = "Layers of torch.nn take no choices: write nas.Linear for nn.Linear, and so on."

Read = Callable[[Decision], Decided]


class Value(Arithmetic["Value"]):
    """A number (or text) that depends on the architecture; immutable.

    It has no truth value: comparisons are expressions themselves, for ``nas.choose(width > 16, 1, 2)``.
    """

    __slots__ = ()

    @abstractmethod
    def evaluate(self, read: Read) -> Literal:
        """The value, given what is decided."""

    @abstractmethod
    def decisions(self) -> tuple[Decision, ...]:
        """The decisions that it depends on, each once, in the order in which they are met."""

    @abstractmethod
    def on(self, chosen: Mapping[Identity, Literal]) -> Literal:
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
            SpaceError: There are too many combinations, or one of them cannot be computed.
        """
        return frozenset(self.on(chosen) for chosen in combinations(self.decisions()))

    def maximum(self) -> Literal:
        """The largest of `possible`: what a supernet allocates.

        Raises:
            SpaceError: The value is a text, or has too many combinations.
        """
        possible = self.possible()
        if any(isinstance(value, str) for value in possible):
            raise SpaceError(f"A choice between texts ({caller()}) is used as a number.")
        return max(cast("frozenset[int | float]", possible))

    def _combined(self, function: Callable[..., Literal], *operands: object) -> Value:
        return operation(function, *operands)

    def __pos__(self) -> Value:
        return self

    def __bool__(self) -> NoReturn:  # noqa: PLE0304 -- refused
        _refuse(
            "as a condition",
            "Write nas.choose(condition, a, b) for a number, nas.maximum and nas.minimum for max and min, "
            "nas.LayerChoice for parts that differ, or nas.Repeat for parts that repeat.",
        )

    def __int__(self) -> NoReturn:
        _refuse("in int()", "Write math.trunc(), which does the same, round() or // instead.")

    def __float__(self) -> NoReturn:
        _refuse("in float()", "Leave float() out, or multiply by 1.0.")

    def __index__(self) -> NoReturn:  # noqa: PLE0305 -- refused
        _refuse(
            "as a size, a count or an index",
            "Write nas.Repeat instead of range, nas.Linear instead of nn.Linear, and nas.select(numbers, index).",
        )


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

    def on(self, chosen: Mapping[Identity, Literal]) -> Literal:
        """See `Value.on`."""
        return chosen[self.decision.key]

    def __repr__(self) -> str:
        return str(self.decision.key)


class Operation(Value):
    """A function of values and numbers.

    Args:
        function: From ``operator``, ``math`` or ``builtins``.
        operands: Values and literals.
    """

    __slots__ = ("_decisions", "_possible", "function", "operands")

    def __init__(self, function: Callable[..., Literal], operands: tuple[Value | Literal, ...]) -> None:
        self.function = function
        self.operands = operands
        self._decisions = joined_decisions(operands)
        self._possible: frozenset[Literal] | None = None

    def evaluate(self, read: Read) -> Literal:
        """See `Value.evaluate`."""
        return self._applied([each.evaluate(read) if isinstance(each, Value) else each for each in self.operands])

    def decisions(self) -> tuple[Decision, ...]:
        """See `Value.decisions`."""
        return self._decisions

    def on(self, chosen: Mapping[Identity, Literal]) -> Literal:
        """See `Value.on`."""
        return self._applied([each.on(chosen) if isinstance(each, Value) else each for each in self.operands])

    def possible(self) -> frozenset[Literal]:
        """See `Value.possible`; what depends on different decisions is tried apart, so sums of many counts are few."""
        if self._possible is None:
            self._possible = self._apart() if self._has_independent_operands() else super().possible()
        return self._possible

    def _has_independent_operands(self) -> bool:
        alone = (len(each.decisions()) for each in self.operands if isinstance(each, Value))
        return sum(alone) == len(self._decisions)

    def _apart(self) -> frozenset[Literal]:
        options = [each.possible() if isinstance(each, Value) else frozenset((each,)) for each in self.operands]
        check_count(options, len(self._decisions))
        return frozenset(map(self._applied, itertools.product(*options)))

    def _applied(self, operands: Sequence[Literal]) -> Literal:
        try:
            return self.function(*operands)
        except (ArithmeticError, TypeError, ValueError) as error:
            shown = f"{self.function.__name__}({', '.join(map(repr, operands))})"
            raise SpaceError(
                f"An expression of choices ({caller()}) cannot be computed for all of them: {shown}: {error}.",
                hint="Leave out the values for which it has no result.",
            ) from error

    def __repr__(self) -> str:
        return f"{self.function.__name__}({', '.join(map(repr, self.operands))})"


def joined_decisions(operands: Sequence[object]) -> tuple[Decision, ...]:
    """The decisions that the values among operands depend on, each once."""
    met = itertools.chain.from_iterable(each.decisions() for each in operands if isinstance(each, Value))
    return tuple({decision.key: decision for decision in met}.values())


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
