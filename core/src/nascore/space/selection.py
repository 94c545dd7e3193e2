"""Choosing several: how many ways there are, and which is the n-th.

A way of choosing is split in two: the *support*, the set of distinct candidates that appear, and the *arrangement*, how
a selection is made of exactly these. The number of arrangements depends only on the size s of the support:

============  ===============  =====================================
ordered       repetition       arrangements of length k on s distinct
============  ===============  =====================================
no            no               1 if k = s
yes           no               s! if k = s
no            yes              C(k - 1, s - 1), compositions of k
yes           yes              surjections from k places onto s
============  ===============  =====================================

So the number of ways is the sum over s of e_s(w) times the arrangements, where e_s is the elementary symmetric
polynomial of the weights w; a weight is the number of ways to decide what lies beneath a candidate (1 where nothing
does). All numbers are exact. They are ordered by size of the support, then by support, by length, and by arrangement.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from nascore.space.nodes import SomeOf


@dataclass(frozen=True)
class Pick:
    """One way of choosing: the places chosen, in order, and which way was taken beneath each distinct one."""

    places: tuple[int, ...]
    beneath: dict[int, int]


class Selection:
    """The ways of choosing from candidates with given weights.

    Args:
        node: How many to choose, and how.
        weights: Number of ways beneath each candidate that may be chosen.
    """

    def __init__(self, node: SomeOf, weights: Sequence[int]) -> None:
        self._node = node
        self._weights = tuple(weights)
        self._largest = min(len(self._weights), node.max_chosen)

    @cached_property
    def count(self) -> int:
        """Number of ways."""
        return sum(ways * sum(self._arrangements[size]) for size, ways in enumerate(self._suffix_ways[0]))

    def at(self, index: int) -> Pick:
        """The way with a number from 0 to ``count - 1``."""
        for size, ways in enumerate(self._suffix_ways[0]):
            arrangements = sum(self._arrangements[size])
            if index < ways * arrangements:
                support_index, arrangement = divmod(index, arrangements)
                support, beneath = self._support_at(size, support_index)
                return Pick(self._arranged(support, arrangement), beneath)
            index -= ways * arrangements
        raise IndexError(index)

    def index_of(self, pick: Pick) -> int:
        """The number of a way; the inverse of `at`."""
        support = sorted(set(pick.places))
        size = len(support)
        smaller = zip(self._suffix_ways[0][:size], self._arrangements[:size], strict=True)
        before = sum(ways * sum(arrangements) for ways, arrangements in smaller)
        support_index = self._support_index(support, pick.beneath)
        return before + support_index * sum(self._arrangements[size]) + self._arrangement_index(support, pick.places)

    @cached_property
    def _suffix_ways(self) -> list[list[int]]:
        """[i][s]: ways to take s of the candidates from place i on, with everything beneath them (e_s of a suffix)."""
        rows = [[1] + [0] * self._largest]
        for weight in reversed(self._weights):
            after = rows[-1]
            rows.append([1] + [after[size] + weight * after[size - 1] for size in range(1, self._largest + 1)])
        return rows[::-1]

    @cached_property
    def _arrangements(self) -> list[list[int]]:
        """[s][k - min_chosen]: arrangements of length k on a support of size s."""
        lengths = range(self._node.min_chosen, self._node.max_chosen + 1)
        if self._node.ordered and self._node.with_replacement:
            table = _surjections(self._node.max_chosen, self._largest)
            return [[table[length][size] for length in lengths] for size in range(self._largest + 1)]
        return [[self._simple_arrangements(size, length) for length in lengths] for size in range(self._largest + 1)]

    def _simple_arrangements(self, size: int, length: int) -> int:
        if self._node.with_replacement:
            return _compositions(length, size)
        if length != size:
            return 0
        return math.factorial(size) if self._node.ordered else 1

    def _support_at(self, size: int, index: int) -> tuple[list[int], dict[int, int]]:
        support: list[int] = []
        beneath: dict[int, int] = {}
        for place, weight in enumerate(self._weights):
            if len(support) == size:
                break
            after = self._suffix_ways[place + 1]
            ways = after[size - len(support) - 1]
            if index < weight * ways:
                beneath[place], index = divmod(index, ways)
                support.append(place)
            else:
                index -= weight * ways
        return support, beneath

    def _support_index(self, support: list[int], beneath: dict[int, int]) -> int:
        index, taken = 0, 0
        for place, weight in enumerate(self._weights):
            if taken == len(support):
                break
            ways = self._suffix_ways[place + 1][len(support) - taken - 1]
            if support[taken] == place:
                index += beneath[place] * ways
                taken += 1
            else:
                index += weight * ways
        return index

    def _arranged(self, support: list[int], index: int) -> tuple[int, ...]:
        for offset, count in enumerate(self._arrangements[len(support)]):
            if index < count:
                return tuple(self._arranged_at(support, self._node.min_chosen + offset, index))
            index -= count
        raise IndexError(index)

    def _arranged_at(self, support: list[int], length: int, index: int) -> list[int]:
        if not self._node.with_replacement:
            return _permutation_at(support, index) if self._node.ordered else support
        if self._node.ordered:
            return _surjection_at(support, length, index)
        parts = _composition_at(length, len(support), index)
        return [place for place, part in zip(support, parts, strict=True) for _ in range(part)]

    def _arrangement_index(self, support: list[int], places: tuple[int, ...]) -> int:
        before = sum(self._arrangements[len(support)][: len(places) - self._node.min_chosen])
        if not self._node.with_replacement:
            return before + (_permutation_index(support, places) if self._node.ordered else 0)
        if self._node.ordered:
            return before + _surjection_index(support, places)
        return before + _composition_index([places.count(place) for place in support])


def _compositions(total: int, parts: int) -> int:
    """Ways to write a total as a sum of so many positive parts."""
    if parts == 0 or total == 0:
        return int(parts == total)
    return math.comb(total - 1, parts - 1)


def _composition_at(total: int, parts: int, index: int) -> list[int]:
    found: list[int] = []
    for remaining in range(parts - 1, -1, -1):
        part = 1
        while index >= (ways := _compositions(total - part, remaining)):
            index -= ways
            part += 1
        found.append(part)
        total -= part
    return found


def _composition_index(parts: list[int]) -> int:
    index, total = 0, sum(parts)
    for position, part in enumerate(parts):
        remaining = len(parts) - position - 1
        index += sum(_compositions(total - smaller, remaining) for smaller in range(1, part))
        total -= part
    return index


def _permutation_at(items: list[int], index: int) -> list[int]:
    left, found = list(items), []
    for remaining in range(len(items) - 1, -1, -1):
        place, index = divmod(index, math.factorial(remaining))
        found.append(left.pop(place))
    return found


def _permutation_index(items: list[int], places: tuple[int, ...]) -> int:
    left, index = list(items), 0
    for place in places:
        position = left.index(place)
        left.pop(position)
        index += position * math.factorial(len(left))
    return index


def _surjections(longest: int, largest: int) -> list[list[int]]:
    """[k][s]: ways to fill k places with s things so that each appears: s * (f(k-1, s) + f(k-1, s-1))."""
    table = [[1] + [0] * largest]
    for _ in range(longest):
        before = table[-1]
        table.append([0] + [size * (before[size] + before[size - 1]) for size in range(1, largest + 1)])
    return table


def _covering(size: int, length: int, missing: int) -> int:
    """Sequences over ``size`` things in which ``missing`` given ones all appear, by inclusion and exclusion."""
    terms = (math.comb(missing, left) * int((size - left) ** length) for left in range(missing + 1))
    return sum(-term if left % 2 else term for left, term in enumerate(terms))


def _surjection_at(support: list[int], length: int, index: int) -> list[int]:
    found: list[int] = []
    missing = set(support)
    for remaining in range(length - 1, -1, -1):
        for place in support:
            ways = _covering(len(support), remaining, len(missing - {place}))
            if index < ways:
                found.append(place)
                missing.discard(place)
                break
            index -= ways
    return found


def _surjection_index(support: list[int], places: tuple[int, ...]) -> int:
    index, missing = 0, set(support)
    for position, chosen in enumerate(places):
        remaining = len(places) - position - 1
        for place in support:
            if place == chosen:
                break
            index += _covering(len(support), remaining, len(missing - {place}))
        missing.discard(chosen)
    return index
