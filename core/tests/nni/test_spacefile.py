"""NNI's search-space files: what is wrong is listed with its place, what is right is written back byte for byte."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nascore.errors import SpaceError
from nascore.nni import (
    Dialect,
    LayerChoice,
    MutableLayer,
    NniSpace,
    is_nni_space,
    read_space,
    write_space,
)

DOCUMENTED = """{
    "mutable_1": {
        "layer_1": {
            "layer_choice": ["conv(ch=128)", "pool", "identity"],
            "optional_inputs": ["out1", "out2", "out3"],
            "optional_input_size": 2
        },
        "layer_2": {
            "layer_choice": ["conv(ch=128)"],
            "optional_inputs": [],
            "optional_input_size": 0
        }
    }
}
"""


def layer(**fields: object) -> str:
    given_fields = {"layer_choice": ["conv()"], "optional_inputs": ["x", "y"], "optional_input_size": 1} | fields
    return json.dumps({"b": {"l": {name: value for name, value in given_fields.items() if value != "absent"}}})


def faults_of(text: str) -> dict[str, str]:
    with pytest.raises(SpaceError) as caught:
        read_space(text)
    return {violation.field: violation.message for violation in caught.value.violations}


@pytest.mark.parametrize(
    ("size", "write", "lenient"),
    [
        ("1", "write 1", (1, 1)),
        (1.5, "write 1", (1, 1)),
        (2.0, "write 2", (2, 2)),
        (True, "write 1", (1, 1)),
        ([2, 1], "write [1, 2]", (1, 2)),
        ([0, 1, 2], "write [0, 1]", (0, 1)),
        ([1, 5], "write [1, 2]", (1, 2)),
        (5, "write 2", (2, 2)),
        (["0", 1], "write 0", (0, 1)),
    ],
)
def test_a_size_that_nni_accepted_in_silence_is_wrong_unless_read_leniently(
    size: object, write: str, lenient: tuple[int, int]
) -> None:
    text = layer(optional_input_size=size)
    ((place, message),) = faults_of(text).items()
    assert "b.l.optional_input_size" in place
    assert message.endswith(write)
    read = read_space(text, lenient=True)
    assert read.layers[0].optional_input_size == lenient
    assert len(read.forgiven) == 1


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"optional_input_size": -1}, "below 0"),
        ({"optional_input_size": [1]}, "write 1, or [0, 1]"),
        ({"optional_input_size": []}, "no range"),
        ({"optional_input_size": None}, "no size"),
        ({"optional_input_size": "many"}, "no size"),
        ({"layer_choice": []}, "no layer to choose"),
        ({"layer_choice": "conv()"}, 'write a list, such as ["conv()"]'),
        ({"layer_choice": [3]}, "3 is a number"),
        ({"layer_choice": [""]}, "is empty"),
        ({"layer_choice": ["x" * 257]}, "257 characters"),
        ({"layer_choice": "absent"}, "has no layer_choice"),
        ({"optional_inputs": {"x": 1}}, "is a dictionary"),
        ({"optional_inputs": [str(i) for i in range(513)]}, "at most 512"),
    ],
)
def test_what_nni_could_not_use_is_wrong_also_when_read_leniently(fields: dict[str, object], message: str) -> None:
    assert any(message in each for each in faults_of(layer(**fields)).values())
    with pytest.raises(SpaceError):
        read_space(layer(**fields), lenient=True)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"layer_choice": ["conv()", "conv()"]}, "stands twice"),
        ({"optional_inputs": ["x", "x", "y"]}, "stands twice"),
        ({"layer_choice": ["'conv()'"]}, 'write "conv()"'),
        ({"layer_choice": [" conv()"]}, 'write "conv()"'),
        ({"optional_input_size": "absent"}, "range such as [1, 2]"),
        ({"optional_inputs": "absent"}, "there are 0 optional inputs; write 0"),
        ({"optional_imputs": []}, "did you mean 'optional_inputs'?"),
        ({"fixed_inputs": []}, "there is no field 'fixed_inputs'"),
    ],
)
def test_what_nni_ignored_is_wrong_and_says_what_to_write(fields: dict[str, object], message: str) -> None:
    assert [message in each for each in faults_of(layer(**fields)).values()] == [True]
    assert len(read_space(layer(**fields), lenient=True).forgiven) == 1


def test_everything_wrong_is_listed_in_one_run_in_the_order_of_the_file() -> None:
    text = '{"b": {"k": {"layer_choice": [], "optional_inputs": []},\n "k": {},\n "m": {"layer_choice": [1, 2]}}}'
    assert list(faults_of(text)) == ["2:2 b.k", "2:7 b.k", "3:25 b.m.layer_choice[0]", "3:28 b.m.layer_choice[1]"]


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("", "1:1", "ends too early"),
        ('{"b": {},}', "1:10", "a name in double quotes"),
        ('{"b": [1,]}', "1:10", "a value must stand here"),
        ("{'b': {}}", "1:2", "a name in double quotes"),
        ('{"b" {}}', "1:6", "':' must stand here"),
        ('{"b": {}} {}', "1:11", "something follows"),
        ('{"b": NaN}', "1:7", "a value must stand here"),
        ('{"b": 1e999}', "1:7", "beyond the range"),
        ('{"b":\n "a\tb"}', "2:4", "ontrol character"),
        ('{"b": "\\ud800"}', "1:7", "surrogate"),
        ("\ufeff{}", "1:1", "byte order mark"),
        ("[" * 1000, "1:202", "in each other"),
        ("[]", "1:1", "write a dictionary"),
        ("{}", "1:1", "nothing to choose"),
    ],
)
def test_text_that_is_no_json_is_refused_with_line_and_column(text: str, place: str, message: str) -> None:
    ((found, said),) = faults_of(text).items()
    assert found.split(" ")[0] == place
    assert message in said


def test_bytes_that_are_no_utf8_are_refused_with_their_line() -> None:
    with pytest.raises(SpaceError, match="line 2"):
        read_space(b'{\n"\xff": {}}')


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"_type": "choise", "_value": [1]}, "did you mean 'choice'?"),
        ({"_type": "choice"}, "no _value"),
        ({"_value": [1]}, "no _type"),
        ({"_type": 3, "_value": [1]}, "3 is a number"),
        ({"_type": "choice", "_value": []}, "nothing to choose"),
        ({"_type": "choice", "_value": [1, 1]}, "stands twice"),
        ({"_type": "choice", "_value": [{"kernel": 3}]}, "no _name"),
        ({"_type": "choice", "_value": [{"_name": "a"}, {"_name": "b"}]}, "write their names alone"),
        ({"_type": "choice", "_value": [{"_name": "a", "k": 3}]}, '"_value": [3]'),
        ({"_type": "choice", "_value": [2**63]}, "64 bits"),
        ({"_type": "uniform", "_value": [0]}, "write [low, high]"),
        ({"_type": "uniform", "_value": [1, 0]}, "write [0, 1]"),
        ({"_type": "uniform", "_value": ["0", 1]}, "write a number"),
        ({"_type": "loguniform", "_value": [0, 1]}, "above 0"),
        ({"_type": "quniform", "_value": [0, 1, 0]}, "above 0"),
        ({"_type": "quniform", "_value": [0, 1, 1e-9]}, "too many"),
        ({"_type": "qloguniform", "_value": [0.1, 1, 0.1]}, "write loguniform"),
        ({"_type": "randint", "_value": [5, 5]}, "write [5, 6]"),
        ({"_type": "randint", "_value": [5]}, "write [0, 5]"),
        ({"_type": "normal", "_value": [0, 2]}, '{"_type": "uniform", "_value": [-6, 6]}'),
        ({"_type": "qnormal", "_value": [0, 2, 1]}, '{"_type": "quniform", "_value": [-6, 6, 1]}'),
        ({"_type": "lognormal", "_value": [0, 1]}, '"loguniform", "_value": [0.0497871, 20.0855]'),
        ({"_type": "qlognormal", "_value": []}, "[low, high, step]"),
        ({"_type": "layer_choice", "_value": []}, "no candidate"),
        ({"_type": "input_choice", "_value": {"candidates": ["a"]}}, "no n_chosen"),
        ({"_type": "input_choice", "_value": {"candidates": ["a"], "n_chosen": 2}}, "write 1"),
        ({"_type": "input_choice", "_value": {"candidates": ["a"], "n_chosen": "1"}}, "whole number"),
        ({"_type": "input_choice", "_value": {"candidates": ["#1"], "n_chosen": 1}}, "write another"),
        ({"_type": "mutable_layer", "_value": []}, "block of layers"),
    ],
)
def test_what_is_wrong_with_a_typed_entry_is_said_with_what_to_write(entry: object, message: str) -> None:
    ((place, said),) = faults_of(json.dumps({"k": entry})).items()
    assert message in said
    assert " k" in place


def test_the_three_dialects_are_recognised() -> None:
    block = json.loads(DOCUMENTED)["mutable_1"]
    assert read_space(DOCUMENTED).dialect is Dialect.BARE
    wrapped = json.dumps({"mutable_1": {"_type": "mutable_layer", "_value": block}})
    assert read_space(wrapped).dialect is Dialect.WRAPPED
    assert read_space(wrapped).entries == read_space(DOCUMENTED).entries
    assert read_space('{"x": {"_type": "layer_choice", "_value": ["a"]}}').dialect is Dialect.FLAT


def test_a_file_of_ours_is_not_taken_for_one_of_nnis() -> None:
    assert not is_nni_space('{"specVersion": 1, "nodes": [{"label": "x", "integer": {"low": "1", "high": "2"}}]}')
    assert not is_nni_space('{"specVersion": 1, "nodes": [}')
    assert is_nni_space(DOCUMENTED)
    assert is_nni_space(DOCUMENTED.replace("2", '"2",'))


def test_a_missing_field_that_means_nothing_may_be_missing_and_stays_so() -> None:
    text = '{"b":{"l":{"layer_choice":["a"]}}}'
    assert read_space(text).layers == (MutableLayer("b", "l", ("a",)),)
    assert write_space(read_space(text)) == text


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_every_file_that_json_dumps_writes_is_written_back_byte_for_byte(
    any_space: st.SearchStrategy[NniSpace], data: st.DataObject
) -> None:
    space = data.draw(any_space)
    document = json.loads(write_space(space))
    indent = data.draw(st.none() | st.integers(0, 6) | st.just("\t"))
    blank = st.sampled_from(["", " ", "  "])
    separators = (f"{data.draw(blank)},{data.draw(blank)}", f"{data.draw(blank)}:{data.draw(blank)}")
    text = json.dumps(
        document,
        indent=indent,
        separators=separators,
        ensure_ascii=data.draw(st.booleans()),
        sort_keys=(is_sorted := data.draw(st.booleans())),
    ) + data.draw(st.sampled_from(["", "\n"]))
    read = read_space(text)
    assert is_sorted or read.entries == space.entries
    assert write_space(read) == text
    if text.isascii() or "\\u" not in text:
        anew = replace(read, original=None)
        assert json.loads(write_space(anew)) == json.loads(text)


@settings(max_examples=40, deadline=None)
@given(st.data(), st.sampled_from([None, 0, 1, 4, "\t"]), st.booleans())
def test_a_changed_file_keeps_the_layout_that_was_found(
    any_layers: st.SearchStrategy[tuple[MutableLayer, ...]],
    data: st.DataObject,
    indent: int | str | None,
    is_ascii: bool,
) -> None:
    layers = data.draw(any_layers)
    text = json.dumps(json.loads(write_space(NniSpace(Dialect.BARE, layers))), indent=indent, ensure_ascii=is_ascii)
    changed = replace(layers[0], layer_choice=("changed(é)",))
    written = write_space(replace(read_space(text), entries=(changed, *layers[1:])))
    document = json.loads(text)
    document[changed.block][changed.layer]["layer_choice"] = ["changed(é)"]
    # A backslash that is itself written with one begins no escape.
    has_escapes = re.search(r"(?<!\\)(?:\\\\)*\\u", text) is not None
    assert written == json.dumps(document, indent=indent, ensure_ascii=has_escapes)


@given(st.text(max_size=60) | st.text('{}[]":,\\ \nabc019.-eE_', max_size=60))
def test_no_text_at_all_breaks_the_reader(text: str) -> None:
    read = None
    with suppress(SpaceError):
        read = read_space(text)
    assert read is None or write_space(read) == text


def test_hand_written_layout_survives_byte_for_byte() -> None:
    text = DOCUMENTED.replace('"pool", "identity"', '"pool",\r\n   "identity"').replace("[]", "[ ]") + "\n\n"
    assert write_space(read_space(text)) == text
    assert write_space(replace(read_space(DOCUMENTED), original=None)) == DOCUMENTED


def test_what_was_forgiven_is_written_as_it_should_be() -> None:
    read = read_space(layer(optional_input_size="1"), lenient=True)
    assert read_space(write_space(read)).entries == read.entries


def test_the_bare_dialect_refuses_what_it_cannot_hold() -> None:
    with pytest.raises(SpaceError, match="'x' is no mutable layer"):
        write_space(NniSpace(Dialect.BARE, (LayerChoice("x", ("a",)),)))
