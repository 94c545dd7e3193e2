"""The size of a space: a number, or between which two it lies. Not here: how it is found (``feasible``)."""

from __future__ import annotations

import math
from dataclasses import dataclass

_LARGEST_SHOWN = 10**18


@dataclass(frozen=True, slots=True)
class Size:
    """Number of architectures of a space.

    Attributes:
        low: At least so many; ``math.inf`` where a real range makes them uncountable.
        high: At most so many.
        is_exact: Whether the number is known; if not, constraints forbid some and there are too many to try.
    """

    low: int | float
    high: int | float
    is_exact: bool

    def __str__(self) -> str:
        if self.is_exact:
            return _shown(self.low)
        return f"between {_shown(self.low)} and {_shown(self.high)} (constraints: not enumerated)"


def _shown(number: int | float) -> str:
    if number == math.inf:
        return "infinitely many"
    if number < _LARGEST_SHOWN:
        return f"{number:,}"
    # By way of logarithms: Python refuses to print integers of more than 4300 digits.
    exponent = int(math.log10(number))
    mantissa = 10 ** (math.log10(number) - exponent)
    return f"about {mantissa:.2f}e+{exponent}"
