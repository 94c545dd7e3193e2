"""Scales: which number of Katib's each place of a whole-number decision stands for.

A grid has its points at equal distances; a bell has them at equal probabilities of a normal distribution, closest in
its middle, so that a tuner that draws evenly draws from that distribution.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from statistics import NormalDist
from typing import Protocol

BELL_PLACES = 10_000
_WIDTH = 3.0
"""Katib takes min and max for three standard deviations off the middle."""
_NORMAL = NormalDist()
_TAIL = _NORMAL.cdf(-_WIDTH)
_NARROWEST = 1e-9


class Scale(Protocol):
    """Places, from 0, and their numbers."""

    def text(self, place: int) -> str:
        """Return the number of a place as Katib writes it."""

    def place(self, number: Decimal) -> Decimal | None:
        """Return where a number lies, which need not be a whole place; ``None`` if it lies outside."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Points at equal distances.

    Attributes:
        low: The lowest.
        step: From each to the next.
    """

    low: Decimal
    step: Decimal

    def text(self, place: int) -> str:
        """Return the number of a place, exactly."""
        return format(self.low + place * self.step, "f")

    def place(self, number: Decimal) -> Decimal | None:
        """Return where a number lies between the points."""
        return (number - self.low) / self.step


@dataclass(frozen=True, slots=True)
class Bell:
    """`BELL_PLACES` parts of equal probability under a normal distribution, each with the number in its middle.

    The distribution is cut off at both ends, which Katib's own services pass in one draw of 370.

    Attributes:
        low: Three standard deviations below the middle.
        high: As many above it.
        is_log: Whether it is the logarithm that is distributed so.
    """

    low: float
    high: float
    is_log: bool

    @property
    def is_too_narrow(self) -> bool:
        """Whether floating-point numbers could not tell its places apart."""
        return self.high - self.low <= _NARROWEST * max(abs(self.low), abs(self.high))

    def text(self, place: int) -> str:
        """Return the number in the middle of a part."""
        deviations = _NORMAL.inv_cdf(_TAIL + (1 - 2 * _TAIL) * (place + 0.5) / BELL_PLACES)
        share = (deviations / _WIDTH + 1) / 2
        low, high = self._bounds
        found = low + share * (high - low)
        return repr(min(max(math.exp(found) if self.is_log else found, self.low), self.high))

    def place(self, number: Decimal) -> Decimal | None:
        """Return the part in which a number lies."""
        value = float(number)
        if not self.low <= value <= self.high:
            return None
        low, high = self._bounds
        share = ((math.log(value) if self.is_log else value) - low) / (high - low)
        probability = (_NORMAL.cdf((2 * share - 1) * _WIDTH) - _TAIL) / (1 - 2 * _TAIL)
        return Decimal(min(max(int(probability * BELL_PLACES), 0), BELL_PLACES - 1))

    @property
    def _bounds(self) -> tuple[float, float]:
        return (math.log(self.low), math.log(self.high)) if self.is_log else (self.low, self.high)
