"""Numbers of mixed radix: one digit for each of many places, and the index that they make; the last varies fastest.

Indices of large spaces have thousands of digits. Peeling them off one by one divides the whole index each time; here
it is halved instead, as in the divide-and-conquer conversion of Knuth, The Art of Computer Programming, volume 2,
section 4.4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

_FEW = 32
"""So many places are peeled off one by one, which is faster for few."""


class Radices:
    """How many digits each place has.

    Args:
        counts: The number of digits of each place, 1 or more.
    """

    def __init__(self, counts: Sequence[int]) -> None:
        self._counts = counts
        self._products: dict[tuple[int, int], int] = {}

    def digits(self, index: int) -> list[int]:
        """The digits of an index, from 0 to the product of all counts less one."""
        digits = [0] * len(self._counts)
        self._fill(digits, index, 0, len(digits))
        return digits

    def index(self, digits: Sequence[int]) -> int:
        """The index that digits make; the inverse of `digits`."""
        return self._gathered(digits, 0, len(digits))

    def product(self, start: int, stop: int) -> int:
        """How many indices the places from ``start`` to ``stop`` make."""
        if stop - start <= _FEW:
            return math.prod(self._counts[start:stop])
        known = self._products.get((start, stop))
        if known is None:
            middle = (start + stop) // 2
            known = self._products[start, stop] = self.product(start, middle) * self.product(middle, stop)
        return known

    def _fill(self, digits: list[int], index: int, start: int, stop: int) -> None:
        if stop - start <= _FEW:
            for place in range(stop - 1, start - 1, -1):
                index, digits[place] = divmod(index, self._counts[place])
            return
        middle = (start + stop) // 2
        high, low = divmod(index, self.product(middle, stop))
        self._fill(digits, high, start, middle)
        self._fill(digits, low, middle, stop)

    def _gathered(self, digits: Sequence[int], start: int, stop: int) -> int:
        if stop - start <= _FEW:
            index = 0
            for place in range(start, stop):
                index = index * self._counts[place] + digits[place]
            return index
        middle = (start + stop) // 2
        high, low = self._gathered(digits, start, middle), self._gathered(digits, middle, stop)
        return high * self.product(middle, stop) + low
