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
