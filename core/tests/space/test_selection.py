"""Ways of choosing several, against itertools."""

from __future__ import annotations

import itertools
import math

import pytest
from nascore.space import Candidate, SomeOf
from nascore.space.selection import Selection

WAYS = {
    (False, False): itertools.combinations,
    (True, False): itertools.permutations,
    (False, True): itertools.combinations_with_replacement,
    (True, True): lambda places, repeat: itertools.product(places, repeat=repeat),
}


def node(candidates, low, high, *, ordered=False, with_replacement=False):
    keys = tuple(Candidate(str(index)) for index in range(candidates))
    return SomeOf("s", keys, low, high, ordered=ordered, with_replacement=with_replacement)


@pytest.mark.parametrize(("ordered", "with_replacement"), WAYS)
@pytest.mark.parametrize(("candidates", "low", "high"), [(3, 0, 2), (4, 2, 4), (1, 0, 1), (3, 3, 3), (4, 0, 0)])
def test_every_way_comes_once_and_can_be_found_again(ordered, with_replacement, candidates, low, high):
    several = node(candidates, low, high, ordered=ordered, with_replacement=with_replacement)
    weights = [1, 2, 1, 3][:candidates]
    selection = Selection(several, weights)
    picks = [selection.at(index) for index in range(selection.count)]
    expected = {
        (places, beneath)
        for many in range(low, high + 1)
        for places in WAYS[ordered, with_replacement](range(candidates), many)
        for beneath in itertools.product(*(range(weights[place]) for place in sorted(set(places))))
    }
    found = [(pick.places, tuple(pick.beneath[place] for place in sorted(pick.beneath))) for pick in picks]
    assert len(found) == len(expected)
    assert set(found) == expected
    assert [selection.index_of(pick) for pick in picks] == list(range(selection.count))


def test_counts_follow_the_textbook():
    assert Selection(node(30, 0, 30), [1] * 30).count == 2**30
    assert Selection(node(20, 20, 20, ordered=True), [1] * 20).count == math.factorial(20)
    assert Selection(node(10, 25, 25, with_replacement=True), [1] * 10).count == math.comb(34, 25)
    assert Selection(node(10, 25, 25, ordered=True, with_replacement=True), [1] * 10).count == 10**25


def test_last_of_very_many_ways_is_found():
    selection = Selection(node(40, 0, 30, ordered=True, with_replacement=True), [1] * 40)
    for index in (0, selection.count // 3, selection.count - 1):
        assert selection.index_of(selection.at(index)) == index


def test_number_beyond_the_last_is_refused():
    with pytest.raises(IndexError):
        Selection(node(3, 0, 1), [1] * 3).at(4)
