"""NNI's architectures: one to one with ours, byte for byte, and every fault with its place."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nascore.errors import ArchitectureError
from nascore.nni import (
    Choice,
    Dialect,
    InputChoice,
    LayerChoice,
    MutableLayer,
    Nested,
    NniSpace,
    Range,
    architecture_of,
    chosen_of,
    read_architecture,
    search_space_of,
    write_architecture,
)

DOCUMENTED = """{
    "mutable_1": {
        "layer_1": {
            "chosen_layer": "pool",
            "chosen_inputs": ["out1", "out3"]
        }
    }
}
"""
LAYERS = NniSpace(
    Dialect.BARE,
    (MutableLayer("mutable_1", "layer_1", ("conv(ch=128)", "pool", "identity"), ("out1", "out2", "out3"), (2, 2)),),
)
FLAT = NniSpace(
    Dialect.FLAT,
    (
        LayerChoice("op", ("conv", "pool")),
        InputChoice("in", ("", "", ""), 2),
        Range("rate", "quniform", (0.1, 0.5, 0.1)),
        Range("width", "quniform", (32, 512, 32)),
        Choice("layer", (Nested("conv", (Choice("kernel", (3, 5)),)), Nested("skip", ()))),
    ),
)
ANSWERS = {
    "op": {"_value": "pool", "_idx": 1},
    "in": {"_value": ["", ""], "_idx": [0, 2]},
    "rate": 0.30000000000000004,
    "width": 64.0,
    "layer": {"_name": "conv", "kernel": 5},
}


def faults_of(document: object, space: NniSpace | None) -> dict[str, str]:
    text = document if isinstance(document, str) else json.dumps(document)
    with pytest.raises(ArchitectureError) as caught:
        read_architecture(text, space)
    return {violation.field: violation.message for violation in caught.value.violations}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"chosen_layer": "poll"}, "did you mean 'pool'?"),
        ({"chosen_layer": "x"}, "there are conv(ch=128), pool, identity"),
        ({"chosen_layer": 1}, "1 is a number"),
        ({"chosen_inputs": "out1"}, 'write a list, such as ["out1"]'),
        ({"chosen_inputs": ["out1"]}, "1 inputs are chosen; the space asks for 2"),
        ({"chosen_inputs": ["out1", "out9"]}, "did you mean 'out"),
        ({"chosen_inputs": ["out1", "out2", "out2"]}, "inputs are subsets"),
        ({"chosen_lyer": "pool"}, "did you mean 'chosen_layer'?"),
    ],
)
def test_what_is_wrong_with_a_chosen_layer_is_said(fields: dict[str, object], message: str) -> None:
    layer = {"chosen_layer": "pool", "chosen_inputs": ["out1", "out3"]} | fields
    ((place, said),) = faults_of({"mutable_1": {"layer_1": layer}}, LAYERS).items()
    assert place.split(" ")[1].startswith("mutable_1.layer_1.chosen_")
    assert message in said


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"op": {"_value": "pool", "_idx": 0}}, "'pool' stands at 1, not at 0"),
        ({"op": {"_value": "poll", "_idx": 0}}, "'poll' is no candidate"),
        ({"op": {"_value": "pool"}}, "no _idx"),
        ({"op": {"_value": ["pool"], "_idx": [1]}}, "must be one name"),
        ({"op": {"_value": ["pool"], "_idx": 1}}, "one is a list"),
        ({"op": {"_value": ["pool"], "_idx": []}}, "as many of both"),
        ({"op": {"_value": "pool", "_idx": "1"}}, "counted from 0"),
        ({"op": "pool"}, "'op' is no hyper-parameter"),
        ({"in": {"_value": [""], "_idx": [0]}}, "1 inputs are chosen"),
        ({"in": {"_value": ["", ""], "_idx": [0, 0]}}, "chosen twice"),
        ({"rate": 0.31}, "0.31 is no value of 'rate'"),
        ({"rate": "0.3"}, "no value of 'rate'"),
        ({"width": 65}, "65 is no value of 'width'"),
        ({"layer": {"_name": "cnov"}}, "did you mean 'conv'?"),
        ({"layer": {"_name": "conv"}}, "a parameter 'kernel', which is not given"),
        ({"layer": {"_name": "skip", "kernel": 3}}, "no parameter 'kernel'"),
        ({"layer": {"_name": "conv", "kernel": 4}}, "there are 3, 5"),
        ({"layer": "conv"}, "no option of 'layer'"),
        ({"other": 1}, "the space has no 'other'"),
        ({"rate": {"_value": "x", "_idx": 0}}, "is a hyper-parameter"),
    ],
)
def test_what_is_wrong_with_an_answer_is_said(changed: dict[str, object], message: str) -> None:
    ((_, said),) = faults_of(ANSWERS | changed, FLAT).items()
    assert message in said


def test_everything_that_is_missing_or_unknown_is_listed() -> None:
    assert list(faults_of({"mutable_1": {"layer_2": {"chosen_layer": "x"}}}, LAYERS).values()) == [
        "nothing is chosen for 'mutable_1/layer_1'; the space asks for it",
        "the space has no 'mutable_1/layer_2'; did you mean 'mutable_1/layer_1'?",
    ]


def test_without_its_space_only_the_form_is_checked() -> None:
    assert read_architecture('{"b": {"l": {"chosen_layer": "anything"}}}').chosen
    assert "no chosen_layer" in str(faults_of({"b": {"l": {}}}, None))


def test_the_documented_architecture_is_written_back_and_is_one_of_ours() -> None:
    read = read_architecture(DOCUMENTED, LAYERS)
    assert write_architecture(read) == DOCUMENTED
    ours = architecture_of(read, LAYERS)
    assert dict(ours) == {"mutable_1:layer_1": "pool", "mutable_1:layer_1:inputs": ("out1", "out3")}
    assert write_architecture(chosen_of(ours, LAYERS)) == DOCUMENTED


def test_answers_of_every_kind_are_read_as_nnis_tuners_write_them() -> None:
    ours = architecture_of(read_architecture(json.dumps(ANSWERS), FLAT), FLAT)
    assert dict(ours) == {
        "op": "pool",
        "in": ("#0", "#2"),
        "rate": "0.3",
        "width": 64,
        "layer": "conv",
        "layer/conv/kernel": "5",
    }


def test_inputs_in_another_order_are_the_same_subset_and_keep_their_bytes() -> None:
    text = DOCUMENTED.replace('"out1", "out3"', '"out3", "out1"')
    assert write_architecture(read_architecture(text, LAYERS)) == text
    assert architecture_of(read_architecture(text), LAYERS) == architecture_of(read_architecture(DOCUMENTED), LAYERS)


def test_an_architecture_of_another_space_is_refused_by_path() -> None:
    with pytest.raises(ArchitectureError, match="b:l"):
        architecture_of(read_architecture('{"b": {"l": {"chosen_layer": "x"}}}'), LAYERS)
    with pytest.raises(ArchitectureError):
        chosen_of({"op": "x"}, LAYERS)


@settings(max_examples=40, deadline=None)
@given(st.data(), st.integers(0, 2**32))
def test_every_architecture_is_written_read_and_mapped_back(
    any_space: st.SearchStrategy[NniSpace], data: st.DataObject, seed: int
) -> None:
    space = data.draw(any_space)
    ours = search_space_of(space).sample(random.Random(seed))
    text = write_architecture(chosen_of(ours, space))
    read = read_architecture(text, space)
    assert architecture_of(read, space) == ours
    assert write_architecture(read) == text
    dumped = json.dumps(json.loads(text), indent=data.draw(st.none() | st.integers(0, 4)), sort_keys=True)
    assert write_architecture(read_architecture(dumped, space)) == dumped
    assert architecture_of(read_architecture(dumped, space), space) == ours
