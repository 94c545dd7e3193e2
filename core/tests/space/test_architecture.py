"""Architectures by themselves."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from nascore.errors import ArchitectureError
from nascore.space import Architecture, diff
from nascore.space.architecture import from_text, thawed


@pytest.mark.parametrize("value", [True, None, float("nan"), float("inf"), ["a"], ("a", 1), {"a": 1}])
def test_values_of_no_known_kind_are_refused_with_their_path(value):
    with pytest.raises(ArchitectureError, match=r"^Not an architecture: op: "):
        Architecture({"op": value})


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", "line 1, column 2"),
        ("[1]", "one JSON dictionary, but this is a list"),
        ('{"a": 1, "a": 2}', "'a' appears twice"),
        ('{"a": NaN}', "NaN is not a JSON number"),
        ('{"a": 1e999}', "beyond the range"),
        ('{"a": null}', "a: None is neither"),
        ('{"a": {"b": 1}}', "a: .* is neither"),
        ('{"a": ' + "9" * 5000 + "}", "Not a JSON text"),
        ('{"a": ' + "[" * 100_000, "nested too deeply"),
    ],
)
def test_faulty_json_is_refused_with_its_place(text, fault):
    with pytest.raises(ArchitectureError, match=fault):
        Architecture.from_json(text)


def test_it_is_sorted_hashable_and_immutable():
    first = Architecture({"b": 1, "a": ("x", "y"), "Z": "k"})
    second = Architecture({"Z": "k", "a": ("x", "y"), "b": 1})
    assert list(first) == ["Z", "a", "b"]
    assert first == second
    assert len({first, second}) == 1
    assert "a" in first
    assert first != {"Z": "k"}
    with pytest.raises(TypeError):
        first["a"] = "other"


def test_given_dictionary_is_not_kept():
    given = {"a": "x"}
    architecture = Architecture(given)
    given["a"] = "y"
    assert architecture["a"] == "x"


def test_json_is_one_flat_dictionary():
    text = '{"depth": 2, "inputs": ["out1", "out3"], "op": "conv5", "op/conv5/rate": 1.0}'
    architecture = Architecture.from_json(text)
    assert architecture.to_json() == text
    assert type(architecture["op/conv5/rate"]) is float


def test_canonical_form_keeps_large_integers_apart():
    first, second = Architecture({"n": 2**53}), Architecture({"n": 2**53 + 1})
    assert first.canonical_json() == b'{"n":"9007199254740992"}'
    assert first.fingerprint != second.fingerprint
    assert Architecture({"n": 5, "r": 0.5, "s": ("a",)}).canonical_json() == b'{"n":5,"r":0.5,"s":["a"]}'


def test_difference_is_readable():
    first = Architecture({"op": "conv3", "op/conv3/kernel": 3, "act": "relu"})
    second = Architecture({"op": "pool", "act": "relu", "n": 1})
    lines = ("n: (inactive) -> 1", 'op: "conv3" -> "pool"', "op/conv3/kernel: 3 -> (inactive)")
    assert diff(first, second) == first.diff(second) == lines
    assert first.diff(first) == ()


def test_architecture_of_a_text_is_the_one_that_was_written():
    text = '{"op":"conv5","act":"relu","op/conv5/rate":"slow"}'
    read = Architecture(json.loads(text))
    assert from_text(text) == read == from_text(text)
    assert hash(from_text(text)) == hash(read)
    assert list(from_text(text)) == ["act", "op", "op/conv5/rate"]
    assert from_text(text).fingerprint == read.fingerprint
    assert from_text(text)["op"] == "conv5"
    assert "act" in from_text(text)
    assert len(from_text(text)) == 3
    assert repr(from_text(text)) == repr(read)
    assert thawed(from_text(text)) == dict(read)


def test_text_is_read_once_and_its_names_are_kept_once():
    first, second = from_text('{"some path":"some key"}'), from_text('{"some path":"some key"}')
    assert next(iter(first)) is next(iter(second))
    assert first["some path"] is second["some path"]
    assert first.items() is not None
    assert thawed(first) is not thawed(first)
    with pytest.raises(AttributeError, match="'Architecture' object has no attribute 'nothing'"):
        first.nothing


def test_text_may_be_read_by_several_threads_at_once():
    for _ in range(50):
        architecture = from_text('{"a":"x","b":"y"}')
        with ThreadPoolExecutor(4) as threads:
            found = list(threads.map(lambda _, one=architecture: one["b"], range(8)))
        assert found == ["y"] * 8
