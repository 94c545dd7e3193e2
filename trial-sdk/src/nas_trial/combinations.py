"""Combinations of decisions: everything that choices can be together, one after the other, up to a limit."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterator, Sequence

from nascore.errors import SpaceError
from nascore.space import Literal

from nas_trial.decision import Decision, Identity, literals
from nas_trial.place import caller

MAX_COMBINATIONS = 100_000
"""Combinations of choices that are tried to find what an expression can be."""


def combinations(decisions: Sequence[Decision]) -> Iterator[dict[Identity, Literal]]:
    """What the decisions stand for together, by their keys; of a range of real numbers only its ends.

    Raises:
        SpaceError: There are more than `MAX_COMBINATIONS`.
    """
    options = [tuple(literals(decision.node)) for decision in decisions]
    check_count(options, len(decisions))
    keys = [decision.key for decision in decisions]
    return (dict(zip(keys, chosen, strict=True)) for chosen in itertools.product(*options))


def check_count(options: Sequence[Collection[Literal]], choices: int) -> None:
    """Refuses to try more than `MAX_COMBINATIONS`.

    Raises:
        SpaceError: There are more.
    """
    count = math.prod(map(len, options))
    if count > MAX_COMBINATIONS:
        raise SpaceError(
            f"An expression ({caller()}) depends on {choices} choices with {count:,} combinations, of which at most "
            f"{MAX_COMBINATIONS:,} are tried to find its largest value.",
            hint="Give the choices fewer values, or let the expression depend on fewer of them.",
        )


def described_combination(chosen: dict[Identity, Literal]) -> str:
    """A combination as error messages name it: ``width = 6, heads = 4``."""
    return ", ".join(f"{key if isinstance(key, str) else key.kind} = {value!r}" for key, value in chosen.items())
