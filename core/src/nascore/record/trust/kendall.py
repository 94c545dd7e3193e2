"""Kendall's tau-b: how alike two scores rank the same things (Kendall, 1945, "The treatment of ties in ranking").

With C concordant and D discordant pairs, n0 all pairs, and n1, n2 the pairs tied in the first and the second score:
tau = (C - D) / sqrt((n0 - n1) (n0 - n2)). 1: the same order, -1: the reverse, about 0: nothing to do with each other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations


def kendall_tau(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Return tau-b of two scores of the same things; ``None`` where one of them ranks nothing.

    Takes time in the square of their number, which is a few dozen.

    Raises:
        ValueError: They are not of one length.
    """
    pairs = list(combinations(zip(first, second, strict=True), 2))
    differences = [(one[0] - other[0], one[1] - other[1]) for one, other in pairs]
    ranked_first = sum(by_first != 0 for by_first, _ in differences)
    ranked_second = sum(by_second != 0 for _, by_second in differences)
    if not ranked_first or not ranked_second:
        return None
    agreement = sum(_sign(by_first) * _sign(by_second) for by_first, by_second in differences)
    return agreement / math.sqrt(ranked_first * ranked_second)


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)
