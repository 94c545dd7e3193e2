import nas_trial as nas
import pytest
import torch
from nascore.errors import InvalidInputError, SpaceError
from nascore.space import Candidate, OneOf, SomeOf
from torch import nn

INPUTS = [torch.full((1, 2), float(i)) for i in (1, 2, 6)]


def built(chosen, **settings):
    return nas.build(lambda: nas.InputChoice(["a", "b", "c"], label="in", **settings), {"in": chosen})


@pytest.mark.parametrize(
    ("settings", "node"),
    [
        ({}, OneOf("in", (Candidate("0"), Candidate("1")))),
        ({"n_chosen": 2}, SomeOf("in", (Candidate("0"), Candidate("1")), 2, 2)),
        ({"n_chosen": (1, 1)}, SomeOf("in", (Candidate("0"), Candidate("1")), 1, 1)),
        ({"n_chosen": None}, SomeOf("in", (Candidate("0"), Candidate("1")), 0, 2)),
    ],
)
def test_number_chosen_makes_the_node(settings, node) -> None:
    assert nas.extract(lambda: nas.InputChoice(2, label="in", **settings)).nodes == (node,)


@pytest.mark.parametrize(
    ("reduction", "expected"), [("sum", [7.0, 7.0]), ("mean", [3.5, 3.5]), ("concat", [1.0, 1.0, 6.0, 6.0])]
)
def test_chosen_inputs_are_reduced(reduction, expected) -> None:
    assert built(("a", "c"), n_chosen=(1, 3), reduction=reduction)(INPUTS).tolist() == [expected]


def test_without_reduction_the_chosen_inputs_come_in_their_order() -> None:
    assert [t[0, 0].item() for t in built(("b", "c"), n_chosen=2, reduction="none")(INPUTS)] == [2, 6]
    assert [t[0, 0].item() for t in built("b", reduction="none")(INPUTS)] == [2]


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_nothing_chosen_is_zeros_like_the_first_input(reduction) -> None:
    assert built((), n_chosen=None, reduction=reduction)(INPUTS).tolist() == [[0, 0]]


def test_a_single_chosen_input_is_not_copied() -> None:
    assert built("b")(INPUTS) is INPUTS[1]


def test_count_follows_the_choice() -> None:
    assert built(("a", "c"), n_chosen=(1, 3)).count == 2
    assert built("a").count == 1


def test_inputs_may_be_concatenated_along_another_dimension() -> None:
    assert built(("a", "c"), n_chosen=2, reduction="concat", dim=0)(INPUTS).shape == (2, 2)


def test_default_is_the_fewest_first_inputs() -> None:
    assert nas.InputChoice(3).chosen == ("0",)
    assert nas.InputChoice(3, n_chosen=(2, 3)).chosen == ("0", "1")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"inputs": 0}, "no inputs"),
        ({"inputs": 2, "n_chosen": 3}, "3 to 3, of 2 inputs"),
        ({"inputs": 2, "n_chosen": (2, 1)}, "2 to 1"),
        ({"inputs": 2, "n_chosen": 0}, "0 to 0"),
        ({"inputs": 2, "n_chosen": -1}, "-1"),
        ({"inputs": 2, "reduction": "max"}, "'max' is none of sum"),
        ({"inputs": 2, "n_chosen": None, "reduction": "concat"}, r"nothing to concatenate.*n_chosen=\(1, 2\)"),
        ({"inputs": ["a", "a"]}, "a"),
        ({"inputs": True}, "inputs is True"),
        ({"inputs": -2}, "no inputs"),
        ({"inputs": "abc"}, "inputs is 'abc'"),
        ({"inputs": ["a", 1]}, "list of their names"),
        ({"inputs": 2, "n_chosen": True}, "n_chosen is True"),
        ({"inputs": 2, "n_chosen": (0, True)}, "n_chosen is"),
        ({"inputs": 2, "n_chosen": 1.0}, "n_chosen is 1.0"),
        ({"inputs": 2, "n_chosen": (1, 2, 3)}, "inclusive range"),
    ],
)
def test_wrong_choices_of_inputs_are_refused_with_their_line(arguments, message) -> None:
    with pytest.raises(SpaceError, match=message) as caught:
        nas.InputChoice(arguments.pop("inputs"), label="in", **arguments)
    assert "'in' (test_input_choice.py:" in str(caught.value)


def test_another_number_of_inputs_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="3 inputs, but 2"):
        built("a")(INPUTS[:2])


def test_choice_of_inputs_holds_no_tensors() -> None:
    assert isinstance(built("a"), nn.Module)
    assert built("a").state_dict() == {}
