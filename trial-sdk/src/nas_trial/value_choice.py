"""Choices of plain values: widths, kernel sizes, rates, names of functions.

Written like classes, for that is how they read in a model, but what they return *is* the value: a plain number or text
wherever it is decided, and a `nas_trial.values.Value` in a supernet and during extraction. They are typed as the plain
value, since that is what user code works with.
"""

# ruff: noqa: N802 -- named like the other choices, see above

from __future__ import annotations

import ast
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import TypeGuard, TypeVar, cast

from nascore.errors import SpaceError
from nascore.space import Candidate, Literal, Node, OneOf
from nascore.space import Integer as IntegerNode
from nascore.space import Real as RealNode

from nas_trial.construction import construction, described
from nas_trial.decision import literal
from nas_trial.values import Leaf, Operation, Value

T = TypeVar("T", bool, int, float, str, tuple[int, ...], tuple[float, ...])


def ValueChoice(values: Sequence[T], *, label: str | None = None) -> T:
    """Chooses one of several numbers, texts or truth values, or one of several tuples of them.

    Tuples have the same length, and stay tuples in every mode: ``height, width = nas.ValueChoice([(3, 1), (1, 3)])``.

    Args:
        values: What there is to choose from; the first is the default. In an architecture each stands as text.
        label: Name of the decision; the same label with the same values is the same decision. Without one it is named
            after the attribute that holds it, or else the layer argument that uses it.

    Raises:
        SpaceError: There are no values, two that are written alike, or one that is no number, text or truth value.
    """
    size = _check(values, label)
    decided = _decided(OneOf("", tuple(map(_candidate, values))), "ValueChoice", label)
    return cast("T", decided if size is None else _entries(decided, size))


def Integer(low: int, high: int, *, step: int = 1, log: bool = False, label: str | None = None) -> int:
    """Chooses a whole number from ``low`` to ``high``, both included, in steps; the default is ``low``.

    Args:
        low: Smallest value.
        high: Largest value.
        step: Distance of neighbouring values.
        log: Whether it is sampled uniformly in its logarithm.
        label: As for `ValueChoice`.

    Raises:
        SpaceError: The bounds or the step are not valid.
    """
    return cast("int", _decided(IntegerNode("", low, high, step, log), "Integer", label))


def Real(low: float, high: float, *, log: bool = False, label: str | None = None) -> float:
    """Chooses a real number from ``low`` to ``high``, both included; the default is ``low``.

    Args:
        low: Smallest value.
        high: Largest value.
        log: Whether it is sampled uniformly in its logarithm.
        label: As for `ValueChoice`.

    Raises:
        SpaceError: The bounds are not valid.
    """
    return cast("float", _decided(RealNode("", float(low), float(high), log), "Real", label))


def _decided(node: Node, kind: str, label: str | None) -> Literal | Leaf:
    decision = construction().decide(node, kind, label=label)
    return Leaf(decision) if decision.is_open else literal(node, decision.get())


def _candidate(value: object) -> Candidate:
    return Candidate(str(value), value if isinstance(value, (bool, int, float)) else None)


def _entries(decided: Literal | Value, size: int) -> tuple[object, ...]:
    """The entries of a tuple that is decided as its text."""
    if isinstance(decided, Value):
        return tuple(Operation(_entry, (decided, index)) for index in range(size))
    return tuple(_entry(decided, index) for index in range(size))


def _entry(text: Literal, index: Literal) -> Literal:
    return _read(str(text))[cast("int", index)]


@lru_cache(maxsize=1024)
def _read(text: str) -> tuple[Literal, ...]:
    return cast("tuple[Literal, ...]", ast.literal_eval(text))


def _check(values: object, label: str | None) -> int | None:
    """The length of the tuples to choose from; None if the values are none."""
    listed: Sequence[object] = values if isinstance(values, Sequence) and not isinstance(values, str) else [None]
    if all(isinstance(value, (bool, int, float, str)) for value in listed):
        return None
    sizes = {len(value) for value in listed if _is_tuple(value)}
    if len(sizes) == 1 and all(map(_is_tuple, listed)) and sizes != {0}:
        return sizes.pop()
    raise SpaceError(
        f"{described('ValueChoice', label)} is given {values!r}.",
        hint="Give a list of numbers, texts or truth values, or of tuples of them, finite and of the same length; to "
        "choose between modules write nas.LayerChoice.",
    )


def _is_tuple(value: object) -> TypeGuard[tuple[object, ...]]:
    return isinstance(value, tuple) and all(map(_is_entry, value))


def _is_entry(entry: object) -> bool:
    return type(entry) in {bool, int, str} or (type(entry) is float and math.isfinite(entry))
