"""NNI's spaces as spaces of ours: nothing is lost in either direction, and what NNI cannot say is named."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nascore.errors import SpaceError
from nascore.nni import (
    Choice,
    Dialect,
    InputChoice,
    LayerChoice,
    MutableLayer,
    Nested,
    NniSpace,
    Range,
    nni_space_of,
    search_space_of,
)
from nascore.space import (
    Candidate,
    Constraint,
    DecisionValue,
    Group,
    Integer,
    LiteralValue,
    OneOf,
    Operation,
    Operator,
    Real,
    Repeat,
    SearchSpace,
    SomeOf,
)

AB = (Candidate("a"), Candidate("b"))
LAYER = MutableLayer("block", "layer", ("conv()", "pool()"), ("x", "y", "z"), (0, 2))


def test_three_inputs_of_which_up_to_two_are_chosen_are_seven_possibilities() -> None:
    space = search_space_of(NniSpace(Dialect.BARE, (replace(LAYER, layer_choice=("conv()",)),)))
    assert str(space.size()) == "7"


def test_a_range_includes_both_its_ends() -> None:
    node = search_space_of(NniSpace(Dialect.BARE, (LAYER,))).nodes[1]
    assert isinstance(node, SomeOf)
    assert (node.min_chosen, node.max_chosen, node.ordered, node.with_replacement) == (0, 2, False, False)


def test_a_layer_is_labelled_by_its_keys_and_its_inputs_too() -> None:
    nodes = search_space_of(NniSpace(Dialect.BARE, (LAYER, replace(LAYER, block="a:b", optional_inputs=())))).nodes
    assert [node.label for node in nodes] == ["block:layer", "block:layer:inputs", "a\\:b:layer"]


def test_layers_of_one_name_in_two_blocks_decide_for_themselves() -> None:
    space = search_space_of(NniSpace(Dialect.BARE, (LAYER, replace(LAYER, block="other"))))
    assert str(space.size()) == "196"


def test_parameters_of_one_name_in_two_options_decide_for_themselves() -> None:
    kernel = Choice("kernel", (3, 5))
    choice = Choice("op", (Nested("conv", (kernel,)), Nested("pool", (kernel,)), Nested("skip", ())))
    space = search_space_of(NniSpace(Dialect.FLAT, (choice,)))
    assert [info.path for info in space.decisions] == ["op", "op/conv/op.conv.kernel", "op/pool/op.pool.kernel"]
    assert str(space.size()) == "5"


@pytest.mark.parametrize(
    ("bounds", "keys"),
    [
        ((0.1, 0.5, 0.1), ["0.1", "0.2", "0.3", "0.4", "0.5"]),
        ((1, 6, 2.5), ["1.0", "2.5", "5.0"]),  # NNI rounds 0.4 steps to 0 and 2.4 to 2, and clips 0 to 1
    ],
)
def test_steps_that_are_no_whole_numbers_are_the_values_that_nni_gives(
    bounds: tuple[float, ...], keys: list[str]
) -> None:
    (node,) = search_space_of(NniSpace(Dialect.FLAT, (Range("x", "quniform", bounds),))).nodes
    assert isinstance(node, OneOf)
    assert [candidate.key for candidate in node.candidates] == keys


def test_values_of_different_kinds_that_are_written_alike_stay_apart() -> None:
    options = ("1", 1, 1.0, True, "True", None, "null", (1, 2), "[1, 2]", "", "relu")
    space = search_space_of(NniSpace(Dialect.FLAT, (Choice("x", options),)))
    (node,) = space.nodes
    assert isinstance(node, OneOf)
    assert len({candidate.key for candidate in node.candidates}) == len(options)
    (back,) = nni_space_of(space, Dialect.FLAT).entries
    assert isinstance(back, Choice)
    assert list(map(repr, back.options)) == list(map(repr, options))


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_what_is_mapped_to_a_space_of_ours_comes_back(
    any_space: st.SearchStrategy[NniSpace], data: st.DataObject
) -> None:
    space = data.draw(any_space)
    back = nni_space_of(search_space_of(space), space.dialect)
    assert list(map(repr, back.entries)) == list(map(repr, map(_as_it_returns, space.entries)))
    assert search_space_of(back) == search_space_of(space)


def _as_it_returns(entry: object) -> object:
    """Sizes of what has no inputs say nothing; an input_choice of all of them may choose none if it was any number."""
    if isinstance(entry, MutableLayer) and not entry.optional_inputs:
        return replace(entry, optional_input_size=(0, 0))
    if isinstance(entry, Choice):
        parts = (
            replace(each, parameters=tuple(map(_as_it_returns, each.parameters))) if isinstance(each, Nested) else each
            for each in entry.options
        )
        return replace(entry, options=tuple(parts))
    if isinstance(entry, Range) and "uniform" in entry.kind and len(entry.bounds) == 2:
        return replace(entry, bounds=tuple(map(float, entry.bounds)))
    return entry


OURS = SearchSpace(
    (
        OneOf("op", (Candidate("conv", children=(Integer("kernel", 0, 8, step=2),)), Candidate("skip"))),
        OneOf("width", (Candidate("16", 16), Candidate("32", 32))),
        OneOf("norm", AB),
        SomeOf("inputs", AB, 0, 2),
        SomeOf("one", AB, 1, 1),
        Real("rate", 0.001, 0.1, log=True),
        Integer("depth", 1, 5),
    )
)


def test_a_space_of_ours_is_written_flat_and_read_back_the_same() -> None:
    flat = nni_space_of(OURS, Dialect.FLAT)
    assert [type(entry) for entry in flat.entries] == [
        Choice,
        Choice,
        LayerChoice,
        InputChoice,
        InputChoice,
        Range,
        Range,
    ]
    assert search_space_of(flat) == OURS


@pytest.mark.parametrize(
    ("nodes", "named"),
    [
        ((Repeat("depth", AB[:0] or (Integer("x", 1, 2),), 1, 3),), "'depth', a Repeat"),
        ((Group("part", (Integer("x", 1, 2),)),), "'part', a Group"),
        ((SomeOf("in", AB, 0, 1),), "'in', which chooses 0 to 1 of 2"),
        ((SomeOf("in", AB, 1, 1, ordered=True),), "'in', which chooses in an order"),
        ((SomeOf("in", AB, 1, 1, with_replacement=True),), "'in', which chooses with repetitions"),
        ((OneOf("op", (*AB, Candidate("none", search_only=True))),), "'none' of 'op'"),
        ((OneOf("op", (Candidate("one", 1),)),), "'one' stands for 1"),
        ((Integer("x", 1, 9, step=2),), "'x' goes from 1 to 9 in steps of 2"),
        (
            (
                OneOf(
                    "op",
                    (Candidate("a", children=(Integer("x", 1, 2),)), Candidate("b", children=(Integer("x", 1, 2),))),
                ),
            ),
            "'x'|'op'",
        ),
        ((OneOf("op", (Candidate("a", children=(Integer("op.a.x", 1, 2),)),)),), "'op' so that it can be read back"),
    ],
)
def test_what_nni_cannot_say_is_named(nodes: tuple[object, ...], named: str) -> None:
    with pytest.raises(SpaceError, match=named):
        nni_space_of(SearchSpace(nodes), Dialect.FLAT)  # type: ignore[arg-type]


def test_constraints_and_decisions_that_are_no_layers_are_refused() -> None:
    constraint = Constraint("small", Operation(Operator.LESS_OR_EQUAL, (DecisionValue("x"), LiteralValue(1))))
    with pytest.raises(SpaceError, match="its constraints"):
        nni_space_of(SearchSpace((Integer("x", 1, 2),), (constraint,)), Dialect.FLAT)
    for dialect in (Dialect.BARE, Dialect.WRAPPED):
        with pytest.raises(SpaceError, match="'a:b:inputs'"):
            nni_space_of(SearchSpace((SomeOf("a:b:inputs", AB, 1, 1),)), dialect)
    with pytest.raises(SpaceError, match="'op', which is no mutable layer") as caught:
        nni_space_of(SearchSpace((OneOf("op", AB),)), Dialect.BARE)
    assert "nni-flat" in caught.value.hint


def test_layers_are_gathered_by_block_wherever_their_decisions_stand() -> None:
    nodes = (OneOf("a:x", AB), OneOf("b:x", AB), SomeOf("a:x:inputs", AB, 1, 1), OneOf("a:y", AB), Integer("n", 1, 2))
    written = nni_space_of(SearchSpace(nodes), Dialect.WRAPPED)
    assert [(each.block, each.layer) for each in written.layers] == [("a", "x"), ("a", "y"), ("b", "x")]
    assert written.entries[-1] == Range("n", "randint", (1, 3))
