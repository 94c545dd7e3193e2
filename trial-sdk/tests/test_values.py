import math
import operator
from copy import deepcopy

import nas_trial as nas
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from nas_trial.decision import Decision
from nas_trial.value_functions import is_same_value
from nas_trial.values import Leaf
from nascore.errors import ArchitectureError, SpaceError, StateError
from nascore.space import Candidate, Integer, OneOf, Real, Repeat, SomeOf
from torch import nn

WIDTH = Leaf(Decision("w", OneOf("w", (Candidate("8", 8), Candidate("3", 3))), path="w", is_open=True))
RATE = Leaf(Decision("r", Real("r", -0.5, 2.0), path="a/r", is_open=True))

BINARY = [operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.pow]
UNARY = [operator.neg, operator.pos, abs, round, math.floor, math.ceil, math.trunc, lambda x: round(x, 1)]


@given(st.sampled_from(BINARY), st.sampled_from(["3", "8"]), st.floats(0.5, 2.0), st.integers(1, 5))
def test_binary_operators_do_what_python_does(function, key, rate, number) -> None:
    architecture, width = {"w": key, "a/r": rate}, int(key)
    assert function(WIDTH, RATE).at(architecture) == function(width, rate)
    assert function(WIDTH, number).at(architecture) == function(width, number)
    assert function(number, WIDTH).at(architecture) == function(number, width)
    assert function(function(number, WIDTH), number).at(architecture) == function(function(number, width), number)


@given(st.sampled_from(UNARY), st.floats(-3, 3))
def test_unary_operators_do_what_python_does(function, rate) -> None:
    assert function(RATE).at({"a/r": rate}) == function(rate)


def test_maximum_and_minimum_take_values_and_numbers() -> None:
    assert nas.maximum(WIDTH, 5, RATE).at({"w": "3", "a/r": 1.0}) == 5
    assert nas.minimum(WIDTH, 5).at({"w": "3"}) == 3
    assert (nas.maximum(2, 7), nas.minimum(2.5, 7)) == (7, 2.5)


def test_possible_values_are_all_combinations_of_what_is_decided_once() -> None:
    other = Leaf(Decision("v", OneOf("v", (Candidate("1", 1), Candidate("2", 2))), path="v"))
    assert (WIDTH * other).possible() == {3, 6, 8, 16}
    assert (WIDTH - WIDTH).possible() == {0}
    assert (10 - WIDTH).maximum() == 7
    assert (RATE * RATE * -1).maximum() == -0.25


def test_possible_values_follow_the_kind_of_decision() -> None:
    nodes = {
        Integer("i", 2, 9, 3): {2, 5, 8},
        Repeat("n", (), 0, 2): {0, 1, 2},
        SomeOf("s", (Candidate("a"), Candidate("b"), Candidate("c")), 1, 2): {1, 2},
        OneOf("o", (Candidate("x"), Candidate("y", 1), Candidate("z", search_only=True))): {"x", 1},
        Integer("huge", 0, 2**60, 7): {0, 2**60 // 7 * 7},
    }
    for node, expected in nodes.items():
        assert Leaf(Decision(node.label, node)).possible() == expected


def test_value_of_a_subset_is_its_size() -> None:
    leaf = Leaf(Decision("s", SomeOf("s", (Candidate("a"), Candidate("b")), 0, 2), path="s"))
    assert [leaf.at({"s": chosen}) for chosen in ((), ("a",), ("a", "b"))] == [0, 1, 2]


def test_too_many_combinations_are_refused() -> None:
    wide = [Leaf(Decision(f"{i}", Integer(f"{i}", 0, 99), path=f"{i}")) for i in range(3)]
    with pytest.raises(SpaceError, match="1,000,000"):
        (wide[0] + wide[1] + wide[2] + wide[0]).maximum()


def test_sum_of_many_independent_choices_has_its_largest_value() -> None:
    counts = [Leaf(Decision(f"{i}", Integer(f"{i}", 0, 8), path=f"{i}")) for i in range(20)]
    assert (sum(counts) * 16).maximum() == 20 * 8 * 16


COMPARISONS = [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge]


@given(st.sampled_from(COMPARISONS), st.sampled_from(["3", "8"]), st.sampled_from([3, 5, 8]))
def test_comparisons_do_what_python_does(function, key, number) -> None:
    assert function(WIDTH, number).at({"w": key}) is function(int(key), number)
    assert function(number, WIDTH).at({"w": key}) is function(number, int(key))
    both = (WIDTH > 2) & function(WIDTH, number) | (number == WIDTH)
    assert both.at({"w": key}) is (function(int(key), number) or int(key) == number)


@pytest.mark.parametrize("key", ["3", "8"])
def test_condition_chooses_between_values_and_numbers(key) -> None:
    assert nas.choose(WIDTH > 5, WIDTH * 2, 1).at({"w": key}) == (16 if key == "8" else 1)
    assert nas.choose(WIDTH > 5, "big", "small").possible() == {"big", "small"}
    assert nas.choose(True, WIDTH, 1) is WIDTH
    assert (nas.choose(False, 1, 2), nas.choose(7, 1, 2)) == (2, 1)


def test_selection_reads_only_what_it_selects() -> None:
    depth = Leaf(Decision("d", Repeat("d", (), 1, 2), path="d"))
    last = nas.select([WIDTH, RATE], depth - 1)
    assert last.at({"d": 1, "w": "8"}) == 8
    assert last.at({"d": 2, "a/r": 0.5}) == 0.5
    assert nas.select([4, 6], 1) == 6
    with pytest.raises(SpaceError, match=r"test_values.py:\d+. has 2 values, and its index may be 2"):
        nas.select([WIDTH, 1], depth).possible()


def test_selection_among_very_many_combinations_is_bounded_by_its_options() -> None:
    widths = [Leaf(Decision(f"{i}", Integer(f"{i}", 1, 99), path=f"{i}")) for i in range(6)]
    depth = Leaf(Decision("d", Repeat("d", (), 1, 6), path="d"))
    assert nas.select(widths, depth - 1).maximum() == 99


def test_expression_that_has_no_result_for_a_choice_is_refused() -> None:
    for wrong in (1 // (WIDTH - 3), WIDTH + Leaf(Decision("t", OneOf("t", (Candidate("relu"),)), path="t"))):
        with pytest.raises(SpaceError, match=r"cannot be computed for all of them: .*Leave out the values"):
            wrong.possible()


@pytest.mark.parametrize("wrong", [None, nn.ReLU, [1]])
def test_choice_by_a_condition_is_between_values_only(wrong) -> None:
    for write in (lambda: nas.choose(WIDTH > 3, wrong, 1), lambda: nas.choose(True, 1, wrong)):
        with pytest.raises(SpaceError, match=r"test_values.py:\d+.*nas\.LayerChoice"):
            write()
    with pytest.raises(SpaceError, match="nothing to select"):
        nas.select([], 0)


def test_tuples_stay_tuples_in_every_mode() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kernel = nas.ValueChoice([(3, 1), (1, 5)])
            height, width = self.kernel
            self.conv = nas.Conv2d(1, 1, self.kernel, padding=(height // 2, width // 2))

        def forward(self, x):
            return self.conv(x) * nas.current(self.kernel)[0]

    assert Net().kernel == (3, 1)
    assert [row.path for row in nas.extract(Net).decisions] == ["kernel"]
    built, supernet = nas.build(Net, {"kernel": "(1, 5)"}), nas.build(Net, None)
    assert (built.kernel, built.conv.kernel_size, supernet.conv.kernel_size) == ((1, 5), (1, 5), (3, 5))
    nas.activate(supernet, {"kernel": "(1, 5)"})
    nas.copy_weights(supernet.state_dict(), built, slices=nas.slices(supernet, {"kernel": "(1, 5)"}))
    x = torch.randn(1, 1, 6, 6)
    torch.testing.assert_close(supernet(x), built(x))


@pytest.mark.parametrize(
    ("use", "instead"),
    [
        (lambda: 1 if WIDTH else 0, "nas.LayerChoice"),
        (lambda: 1 if WIDTH > 3 else 0, "nas.choose"),
        (lambda: WIDTH == 3 and 1, "nas.choose"),
        (lambda: WIDTH in [4, 5], "nas.choose"),
        (lambda: [1, 2][WIDTH], "nas.select"),
        (lambda: int(WIDTH), "math.trunc"),
        (lambda: float(WIDTH), "1.0"),
        (lambda: range(WIDTH), "nas.Repeat"),
        (lambda: nn.Conv2d(WIDTH, 3, 1), "nas.Linear for nn.Linear"),
        (lambda: max(WIDTH, 3), "nas.maximum"),
    ],
)
def test_uses_that_need_the_number_say_where_and_what_to_write(use, instead) -> None:
    with pytest.raises(SpaceError, match=rf"test_values\.py:\d+.*{instead}"):
        use()


def test_combining_with_what_is_no_number_is_refused() -> None:
    with pytest.raises(SpaceError, match="None"):
        WIDTH + None


def test_reading_an_inactive_decision_is_refused() -> None:
    with pytest.raises(ArchitectureError, match="'a/r'"):
        RATE.at({"w": "3"})
    with pytest.raises(StateError, match=r"'w'.*nas\.activate"):
        WIDTH.current()


def test_current_is_the_active_value_and_leaves_plain_ones() -> None:
    leaf = Leaf(Decision("t", OneOf("t", (Candidate("relu"), Candidate("gelu"))), path="t", value="gelu"))
    assert nas.current(leaf) == "gelu"
    assert nas.current("relu") == "relu"


def test_arithmetic_with_a_tensor_is_done_at_once() -> None:
    leaf = Leaf(Decision("w", Real("w", 0, 4), path="w", value=2.0))
    ones = torch.ones(3)
    for result in (ones * leaf, leaf * ones, 3 - (leaf - 1) * ones, ones + leaf - 1, leaf**ones):
        assert torch.equal(result, ones * 2)


def test_same_value_is_the_same_expression_of_the_same_decision() -> None:
    other = Leaf(Decision("v", WIDTH.decision.node, path="v"))
    assert is_same_value(WIDTH * 2, WIDTH * 2)
    assert is_same_value(4, 4)
    for first, second in [
        (WIDTH, other),
        (WIDTH * 2, WIDTH * 3),
        (WIDTH * 2, WIDTH + 2),
        (WIDTH, 8),
        (WIDTH * 2, WIDTH),
    ]:
        assert not is_same_value(first, second)


def test_copied_expression_follows_the_copied_decision() -> None:
    decision = Decision("w", Integer("w", 1, 9), path="w", value=4)
    first, second = deepcopy((Leaf(decision) * 2, Leaf(decision)))
    second.decision.value = 5
    assert (first.current(), (Leaf(decision) * 2).current()) == (10, 8)


def test_choice_of_values_is_the_default_outside_of_any_construction() -> None:
    assert nas.ValueChoice([16, 8], label="a") == 16
    assert nas.ValueChoice(["relu", "gelu"]) == "relu"
    assert nas.ValueChoice([False, True]) is False
    assert (nas.Integer(4, 16, step=4), nas.Real(0.25, 0.5)) == (4, 0.25)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda: nas.ValueChoice([], label="w"), "'w'"),
        (lambda: nas.ValueChoice([1, "1"], label="w"), "1"),
        (lambda: nas.ValueChoice("relu"), "list"),
        (lambda: nas.ValueChoice([nn.ReLU]), "LayerChoice"),
        (lambda: nas.ValueChoice([1, math.nan]), "nan"),
        (lambda: nas.ValueChoice([(1, 2), (3,)]), "same length"),
        (lambda: nas.ValueChoice([(1, 2), 3]), "same length"),
        (lambda: nas.ValueChoice([()]), "same length"),
        (lambda: nas.ValueChoice([(1, math.inf)]), "finite|same length"),
        (lambda: nas.ValueChoice([(1, nn.ReLU)]), "same length"),
        (lambda: nas.ValueChoice([1], label=""), "label"),
        (lambda: nas.ValueChoice([1], label=3), "label"),
        (lambda: nas.Integer(4, 2, label="w"), "'w'"),
        (lambda: nas.Integer(4, 8, step=0), "step"),
        (lambda: nas.Real(0.0, 1.0, log=True), "log"),
    ],
)
def test_wrong_choices_of_values_are_refused_with_their_line(write, message) -> None:
    with pytest.raises(SpaceError, match=message) as caught:
        write()
    assert "test_values.py:" in str(caught.value)
