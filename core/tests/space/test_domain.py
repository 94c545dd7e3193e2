"""Drawing numbers below a bound, and walking what has no end."""

from __future__ import annotations

import itertools
import random

from nascore.space import Integer, Real
from nascore.space.domain import below, domain_of


def test_every_number_below_is_reached_and_none_beyond():
    rng = random.Random(0)
    for count in (1, 2, 3, 1000):
        drawn = {below(rng.random, count) for _ in range(count * 12)}
        assert drawn == set(range(count))


def test_large_numbers_use_all_their_bits():
    rng = random.Random(1)
    count = 3 << 199
    drawn = [below(rng.random, count) for _ in range(300)]
    assert max(drawn) < count
    assert max(drawn).bit_length() == count.bit_length()
    assert len({number & 0xFFFF for number in drawn}) > 250


def test_generator_that_always_says_the_same_does_not_hang_a_mutation():
    for node, value in ((Real("r", 0, 1), 0.5), (Integer("n", 1, 100, log=True), 10)):
        domain = domain_of(node)
        assert domain.redraw(value, lambda: 0.5) != value


def test_full_range_of_64_bits_can_be_numbered_and_walked():
    domain = domain_of(Integer("n", -(2**63), 2**63 - 1))
    assert domain.count == 2**64
    assert domain.at(2**64 - 1) == 2**63 - 1
    assert domain.index_of(0) == 2**63
    assert list(itertools.islice(domain.others(-(2**63)), 2)) == [-(2**63) + 1, -(2**63) + 2]
    assert domain.fault(domain.draw(random.Random(0).random)) is None


def test_step_that_misses_the_upper_bound_stops_before_it():
    domain = domain_of(Integer("n", 1, 10, step=4))
    assert [domain.at(index) for index in range(domain.count)] == [1, 5, 9]
    assert domain.fault(10) == "the integer 10 is not one of 1 to 10 in steps of 4"
