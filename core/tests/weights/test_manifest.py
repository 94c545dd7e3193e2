from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nascore.errors import DataLossError, InvalidInputError
from nascore.space.canonical import canonical_json
from nascore.space.strictjson import read_json
from nascore.weights import Entry, Manifest
from nascore.weights.manifest import checkpoint_of, read_manifest, remember_manifest

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


def written(**story):
    manifest = Manifest(trial=1, entries=(Entry("w", "F32", (2,), "a" * 64, 8),), **story)
    content = manifest.to_bytes()
    return manifest, content, checkpoint_of(content)


def test_who_changes_a_manifest_changes_it_for_nobody_else():
    _, content, checkpoint = written(metrics={"loss": 1.0}, notes={"path": ["a"]})
    first = read_manifest(content, checkpoint=checkpoint)
    first.metrics["loss"] = 2.0
    first.notes["path"].append("b")
    again = read_manifest(content, checkpoint=checkpoint)
    assert (again.metrics, again.notes) == ({"loss": 1.0}, {"path": ["a"]})


def test_bytes_that_changed_are_refused_although_the_manifest_was_read_before():
    _, content, checkpoint = written(architecture="changed later")
    read_manifest(content, checkpoint=checkpoint)
    with pytest.raises(DataLossError):
        read_manifest(content.replace(b"later", b"since"), checkpoint=checkpoint)


def test_a_manifest_that_is_remembered_reads_as_its_bytes_do():
    manifest, content, checkpoint = written(metrics={"steps": 3}, architecture="remembered")
    remember_manifest(checkpoint, manifest)
    found = read_manifest(content, checkpoint=checkpoint)
    assert found == manifest
    assert type(found.metrics["steps"]) is float


def test_what_is_done_with_a_manifest_after_it_was_put_changes_nothing():
    metrics = {"loss": 1.0}
    manifest, content, checkpoint = written(metrics=metrics, architecture="put")
    remember_manifest(checkpoint, manifest)
    metrics["loss"] = 2.0
    assert read_manifest(content, checkpoint=checkpoint).metrics == {"loss": 1.0}
