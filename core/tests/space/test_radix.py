import math
import random

from hypothesis import given
from hypothesis import strategies as st
from nascore.space.radix import Radices

places = st.lists(st.tuples(st.integers(1, 7), st.integers(0, 6)), max_size=200).map(
    lambda pairs: [(count, digit % count) for count, digit in pairs]
)


@given(places)
def test_digits_make_an_index_and_the_index_gives_them_back(pairs):
    counts, digits = [count for count, _ in pairs], [digit for _, digit in pairs]
    radices = Radices(counts)
    index = radices.index(digits)
    assert 0 <= index < math.prod(counts)
    assert radices.digits(index) == digits
    one_by_one = 0
    for count, digit in pairs:
        one_by_one = one_by_one * count + digit
    assert index == one_by_one


def test_last_place_varies_fastest():
    radices = Radices([2, 3])
    assert [radices.digits(index) for index in range(6)] == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]


@given(st.lists(st.integers(1, 2**70), max_size=150))
def test_product_is_that_of_all_places(counts):
    assert Radices(counts).product(0, len(counts)) == math.prod(counts)


def test_many_places_are_as_if_peeled_off_one_by_one():
    rng = random.Random(1)
    counts = [rng.randint(1, 9) for _ in range(333)]
    digits = [rng.randrange(count) for count in counts]
    index = 0
    for count, digit in zip(counts, digits, strict=True):
        index = index * count + digit
    assert Radices(counts).index(digits) == index
    assert Radices(counts).digits(index) == digits
    assert Radices(counts).product(0, 333) == math.prod(counts)
