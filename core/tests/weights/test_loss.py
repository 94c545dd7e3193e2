"""Which checkpoints need what is damaged, and how much of them is lost with it; in a folder and in object storage."""

from contextlib import closing

import pytest
from nascore.weights import DirectoryStore, ObjectStore, TensorData

LARGE = TensorData("U8", (70_000,), bytes(70_000))
SMALL = [TensorData("U8", (count,), bytes(count)) for count in range(1, 5)]


@pytest.fixture(params=["directory", "objects"])
def folder(request, tmp_path):
    return tmp_path / request.param


@pytest.fixture
def store(folder, tmp_path):
    if folder.name == "objects":
        pytest.importorskip("fsspec", reason="needs fsspec (the extra nascore[objects])")
        opened = ObjectStore(f"file://{folder}", cache=tmp_path / "cache")
    else:
        opened = DirectoryStore(folder)
    with closing(opened):
        yield opened


@pytest.fixture
def made(store):
    """Two that have the large tensor, the second of two experiments; the first is the only one with small ones."""
    first = store.put({"large": LARGE, "a": SMALL[0], "b": SMALL[1]}, trial=0)
    second = store.put({"large": LARGE}, trial=1, parents=[first], experiment="one")
    assert store.put({"large": LARGE}, trial=1, parents=[first], experiment="two") == second
    return first, second


def files(folder, pattern):
    return sorted(path for path in folder.rglob(pattern) if path.is_file())


def change(file):
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def losses(store, *words):
    """What is damaged, by the name of its file; what is said of the index is left out, for it follows."""
    found = [damage for damage in store.verify(*words) if not damage.place.endswith(("index.db", "/log"))]
    return {damage.place.rpartition("/")[2]: (damage.checkpoints, damage.lost) for damage in found}


@pytest.mark.parametrize("spoil", [change, lambda file: file.unlink()], ids=["changed", "missing"])
def test_a_blob_is_needed_by_all_that_name_it_and_a_pack_by_its_one(store, folder, made, spoil):
    (blob,), (pack,) = files(folder / "blobs", "*"), files(folder / "packs", "*")
    spoil(blob)
    assert losses(store) == {blob.name: (made, 70_000)}
    assert losses(store, made[1]) == {blob.name: (made, 70_000)}
    spoil(pack)
    assert losses(store) == {blob.name: (made, 70_000), pack.name: (made[:1], 3)}
    assert losses(store, made[1]) == {blob.name: (made, 70_000)}


@pytest.mark.parametrize("spoil", [change, lambda file: file.unlink()], ids=["changed", "missing"])
def test_a_manifest_is_needed_by_its_checkpoint_alone(store, folder, made, spoil):
    (manifest,) = files(folder / "manifests", f"{made[0]}*")
    spoil(manifest)
    assert losses(store) == {manifest.name: (made[:1], 70_003)}
    assert losses(store, made[0]) == {manifest.name: (made[:1], 70_003)}
    assert losses(store, made[1]) == {}


def test_what_was_released_loses_its_story_alone(store, folder, made):
    store.release(made[0])
    store.collect()
    (manifest,) = files(folder / "manifests", f"{made[0]}*")
    change(manifest)
    assert losses(store) == {manifest.name: (made[:1], 0)}


def test_what_no_checkpoint_needs_any_more_is_no_loss(store, folder, made):
    for checkpoint in made:
        store.release(checkpoint)
    (blob,) = files(folder / "blobs", "*")
    change(blob)
    assert losses(store) == {blob.name: ((), 0)}
    store.collect()
    assert losses(store) == {}


def test_files_that_an_index_made_anew_knows_nothing_of_are_missed(tmp_path):
    """The headers of what is gone cannot be read, so that the index has no word of it; the manifests have."""
    folder = tmp_path / "store"
    with closing(DirectoryStore(folder)) as store:
        first = store.put({"large": LARGE, "a": SMALL[0], "b": SMALL[1]}, trial=0)
        second = store.put({"large": LARGE, "b": SMALL[1], "c": SMALL[2]}, trial=1)
        gone = store.put({"other": TensorData("U8", (80_000,), bytes(80_000))}, trial=2)
        for file in (*files(folder / "blobs", "*"), *files(folder / "packs", "*")):
            file.unlink()
        store.release(gone)
        store.rebuild()
        ((blob, large), (packs, small)) = sorted(losses(store).items(), key=lambda item: -item[1][1])
        assert blob.endswith(".safetensors")
        assert large == ((first, second), 70_000)
        assert (packs, small) == ("packs", ((first, second), 6))
        assert [damage.what for damage in store.verify() if damage.place.endswith("packs")] == [
            "none has 3 small tensors"
        ]
        assert set(losses(store, second)) == {blob, packs}


def test_what_follows_from_missing_files_is_said_once(tmp_path):
    with closing(DirectoryStore(tmp_path / "store")) as store:
        store.put({"large": LARGE, "a": SMALL[0]}, trial=0, experiment="one")
        (blob,) = files(tmp_path / "store" / "blobs", "*")
        content = blob.read_bytes()
        blob.unlink()
        assert [damage.what == "missing" for damage in store.verify()] == [True, False]
        assert "more; what is missing may be why" in store.verify()[1].what
        blob.write_bytes(content)
        assert store.verify() == ()
