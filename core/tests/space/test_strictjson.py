"""Reading JSON from strangers; faults inside documents are tested where they are read."""

from __future__ import annotations

import pytest
from nascore.errors import SpaceError
from nascore.space import strictjson


def test_bytes_must_be_utf_8():
    assert strictjson.read_json('{"a": "½"}'.encode(), error=SpaceError) == {"a": "½"}
    with pytest.raises(SpaceError, match="Not a JSON text"):
        strictjson.read_json(b'{"a": "\xff"}', error=SpaceError)


def test_length_is_limited(monkeypatch):
    monkeypatch.setattr(strictjson, "MAX_CHARACTERS", 10)
    with pytest.raises(SpaceError, match="has 11 characters; at most 10"):
        strictjson.read_json('{"a": true}', error=SpaceError)


@pytest.mark.parametrize("depth", [201, 1_000, 100_000])
def test_levels_are_limited(depth):
    with pytest.raises(SpaceError, match="nested too deeply; at most 200"):
        strictjson.read_json("[" * depth + "]" * depth, error=SpaceError)


def test_what_is_long_but_not_deep_is_read():
    assert len(strictjson.read_json("[" + "[]," * 999 + "[]]", error=SpaceError)) == 1000
    assert strictjson.read_json("[" * 200 + "]" * 200, error=SpaceError)


@pytest.mark.parametrize("text", ["9" * 301, "-" + "9" * 301, "9" * 100_000])
def test_integers_that_fit_no_double_are_refused(text):
    with pytest.raises(SpaceError, match=r"an integer of [\d,]+ digits is beyond the range of a double"):
        strictjson.read_json(text, error=SpaceError)
    assert float(strictjson.read_json("9" * 300, error=SpaceError)) == 1e300


@pytest.mark.parametrize("text", ['"\\ud800"', '{"\\uDFFF": 1}', '["\ud800"]'])
def test_lone_surrogates_are_refused(text):
    with pytest.raises(SpaceError, match="lone surrogate"):
        strictjson.read_json(text, error=SpaceError)
    assert strictjson.read_json('"\\ud83e\\udde0"', error=SpaceError) == "\U0001f9e0"
