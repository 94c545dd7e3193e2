"""Drawing: the distributions that are promised, and the stream of random numbers."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest
from nascore.errors import ConstraintError, UnsupportedError
from nascore.space import (
    Candidate,
    Constraint,
    Integer,
    OneOf,
    Operation,
    Operator,
    Real,
    Repeat,
    SearchSpace,
    SomeOf,
)
from nascore.testing import KNOWN_SPACES, choice, compared

DRAWS = 4000


def chi_square(observed, expected):
    return sum((observed[key] - count) ** 2 / count for key, count in expected.items())


def allowed(degrees):
    """Upper bound that chi-square with so many degrees of freedom exceeds once in about ten thousand times."""
    # Wilson and Hilferty's approximation with z = 3.72; seeds are fixed, so this is no matter of luck in practice.
    return degrees * (1 - 2 / (9 * degrees) + 3.72 * (2 / (9 * degrees)) ** 0.5) ** 3


UNEVEN = SearchSpace((OneOf("op", (Candidate("a", children=(choice("x", *"12345"),)), Candidate("b"))),))


def test_decisions_are_each_uniform():
    rng = random.Random(1)
    observed = Counter(UNEVEN.sample(rng)["op"] for _ in range(DRAWS))
    assert chi_square(observed, {"a": DRAWS / 2, "b": DRAWS / 2}) < allowed(1)


def test_architectures_are_each_uniform():
    rng = random.Random(2)
    observed = Counter(UNEVEN.sample(rng, uniform="architectures") for _ in range(DRAWS))
    assert chi_square(observed, dict.fromkeys(UNEVEN.enumerate(), DRAWS / 6)) < allowed(5)


@pytest.mark.parametrize("name", ["mixed", "shared", "constrained"])
def test_architectures_of_known_spaces_are_uniform(name):
    space, rng = KNOWN_SPACES[name], random.Random(3)
    everything = list(space.enumerate())
    observed = Counter(space.sample(rng, uniform="architectures") for _ in range(DRAWS))
    assert chi_square(observed, {each: DRAWS / len(everything) for each in everything}) < allowed(len(everything) - 1)


@pytest.mark.parametrize(("ordered", "with_replacement"), [(False, False), (True, False), (False, True), (True, True)])
def test_ways_of_choosing_several_are_equally_likely(ordered, with_replacement):
    node = SomeOf("s", tuple(map(Candidate, "abc")), 0, 2, ordered=ordered, with_replacement=with_replacement)
    space, rng = SearchSpace((node,)), random.Random(4)
    everything = list(space.enumerate())
    observed = Counter(space.sample(rng) for _ in range(DRAWS))
    assert chi_square(observed, {each: DRAWS / len(everything) for each in everything}) < allowed(len(everything) - 1)


def test_log_integers_are_drawn_by_logarithm():
    space, rng = SearchSpace((Integer("n", 1, 1023, log=True),)), random.Random(5)
    observed = Counter(space.sample(rng)["n"].bit_length() for _ in range(DRAWS))
    assert chi_square(observed, dict.fromkeys(range(1, 11), DRAWS / 10)) < allowed(9)


def test_log_reals_are_drawn_by_logarithm():
    space, rng = SearchSpace((Real("r", 1e-4, 1.0, log=True),)), random.Random(6)
    observed = Counter(int(-math.log10(space.sample(rng)["r"])) for _ in range(DRAWS))
    assert chi_square(observed, dict.fromkeys(range(4), DRAWS / 4)) < allowed(3)


def test_widest_real_range_does_not_overflow():
    space, rng = SearchSpace((Real("r", -1.7e308, 1.7e308),)), random.Random(7)
    drawn = [space.sample(rng)["r"] for _ in range(50)]
    assert min(drawn) < -1e307
    assert max(drawn) > 1e307


def test_only_random_is_drawn_from_the_generator():
    class OnlyRandom(random.Random):
        def getrandbits(self, k):
            raise AssertionError("getrandbits may change between versions of Python")

    space, rng = KNOWN_SPACES["nested"], OnlyRandom(8)
    first = space.sample(rng)
    second = space.sample(rng, uniform="architectures")
    space.crossover(first, space.mutate(second, rng), rng)


def test_seed_gives_the_same_architectures_for_ever():
    # Guards the stream: what was proposed from a logged seed must be proposed again after an update.
    drawn = KNOWN_SPACES["repeats"].sample(random.Random(2024))
    assert drawn.to_json() == (
        '{"stage": 2, "stage[0]/act": "gelu", "stage[0]/width": 8, "stage[1]/act": "gelu", "stage[1]/width": 16, '
        '"tail": 2, "tail/pool": "max"}'
    )
    counted = KNOWN_SPACES["repeats"].sample(random.Random(2024), uniform="architectures")
    assert counted.to_json() == (
        '{"stage": 3, "stage[0]/act": "gelu", "stage[0]/width": 16, "stage[1]/act": "relu", "stage[1]/width": 16, '
        '"stage[2]/act": "relu", "stage[2]/width": 8, "tail": 1, "tail/pool": "mean"}'
    )


def test_uncountable_space_cannot_be_drawn_by_architecture_or_numbered():
    space = KNOWN_SPACES["numeric"]
    for ask in (
        lambda: space.sample(random.Random(0), uniform="architectures"),
        space.enumerate,
        lambda: space.at(0),
        lambda: space.index_of(space.default()),
    ):
        with pytest.raises(UnsupportedError, match="real numbers"):
            ask()


def test_rare_architectures_are_found_by_trying_all():
    nodes = tuple(choice(f"n{index}", *"0123456789") for index in range(4))
    wanted = Operation(Operator.AND, tuple(compared(f"n{index}", Operator.EQUAL, "7") for index in range(4)))
    space = SearchSpace(nodes, (Constraint("all seven", wanted),))
    assert set(space.sample(random.Random(0)).values()) == {"7"}
    assert space.default() == space.sample(random.Random(1), uniform="architectures")


def test_constraint_that_nothing_satisfies_is_named():
    nodes = (*(choice(f"n{index}", *"0123456789") for index in range(9)), Repeat("d", (), 1, 2))
    impossible = compared("d", Operator.GREATER, 2)
    space = SearchSpace(
        nodes, (Constraint("deep enough", impossible), Constraint("fine", compared("n0", Operator.EQUAL, "3")))
    )
    for ask in (lambda: space.sample(random.Random(0)), space.default):
        with pytest.raises(ConstraintError, match="'deep enough'"):
            ask()
