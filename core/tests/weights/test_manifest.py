from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nascore.errors import InvalidInputError
from nascore.space.canonical import canonical_json
from nascore.space.strictjson import read_json
from nascore.weights import Entry, Manifest
from nascore.weights.manifest import checkpoint_of, read_manifest

KEYS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)
TENSORS = '"tensors":[],"trial":0}'


@given(st.lists(KEYS, unique=True, max_size=5), st.lists(st.integers(0, 9), max_size=3), st.text(max_size=5))
def test_a_manifest_is_canonical_and_comes_back(keys, shape, text):
    size = 4
    for axis in shape:
        size *= axis
    entries = tuple(Entry(key, "F32", tuple(shape), f"{number:064x}", size) for number, key in enumerate(keys))
    manifest = Manifest(3, entries, ("1" * 32,), "f", {"accuracy": 0.1}, {TENSORS: TENSORS})
    content = manifest.to_bytes()
    assert content == canonical_json(read_json(content, error=InvalidInputError))
    assert read_manifest(content, checkpoint=checkpoint_of(content)) == manifest
    assert replace(manifest, notes={}).to_bytes() != content


def test_a_key_that_is_no_text_is_refused():
    with pytest.raises(InvalidInputError, match="surrogate"):
        Manifest(0, (Entry("a\ud800", "F32", (), "0" * 64, 4),)).to_bytes()


@pytest.mark.parametrize("number", [0, 3, "2", True, None])
def test_a_format_that_is_not_known_is_refused(number):
    content = canonical_json({**read_json(Manifest(0, ()).to_bytes(), error=InvalidInputError), "format": number})
    with pytest.raises(InvalidInputError, match="format"):
        read_manifest(content, checkpoint=checkpoint_of(content))
