import errno
import os
import re
import subprocess
import sys

import pytest
import safetensors
from blake3 import blake3
from nascore.errors import DataLossError, ExhaustedResourceError, InvalidInputError, NotFoundError
from nascore.weights import DirectoryStore, TensorData
from nascore.weights.manifest import checkpoint_of

LARGE = TensorData("F32", (128, 256), bytes(range(256)) * 512)
SMALL = TensorData("BF16", (2, 3), b"abcdefghijkl")
SCALAR = TensorData("I64", (), b"\1" + bytes(7))
EMPTY = TensorData("F32", (0, 4), b"")
TENSORS = {"stem.weight": LARGE, "stem.bias": SMALL, "norm.count": SCALAR, "none": EMPTY}


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def store(tmp_path):
    return DirectoryStore(tmp_path / "weights")


def test_what_is_put_comes_back_with_its_story(store):
    first = store.put({"a": SMALL}, trial=1)
    checkpoint = store.put(
        TENSORS, trial=7, parents=[first], architecture="f00", metrics={"accuracy": 0.5}, notes={"by": ["me"]}
    )
    assert store.get(checkpoint) == TENSORS
    manifest = store.manifest(checkpoint)
    assert (manifest.trial, manifest.parents, manifest.architecture) == (7, (first,), "f00")
    assert (manifest.metrics, manifest.notes) == ({"accuracy": 0.5}, {"by": ["me"]})
    assert manifest.size == sum(tensor.size for tensor in TENSORS.values())
    assert set(store.list()) == {first, checkpoint}


def test_chosen_keys_alone_are_read(store):
    checkpoint = store.put(TENSORS, trial=0)
    next(store.folder.glob("blobs/*/*")).unlink()
    assert store.get(checkpoint, keys=["stem.bias"]) == {"stem.bias": SMALL}


def test_the_same_checkpoint_twice_is_one(store):
    assert store.put(TENSORS, trial=0) == store.put(TENSORS, trial=0)
    assert len(store.list()) == 1


def test_a_child_stores_only_what_it_changed(store):
    parent = store.put(TENSORS, trial=0)
    before = files(store.folder)
    changed = TENSORS | {"stem.bias": TensorData("BF16", (2, 3), b"ABCDEFGHIJKL")}
    child = store.put(changed, trial=1, parents=[parent])
    added = set(files(store.folder)) - set(before)
    assert sorted(name.split("/")[0] for name in added) == ["manifests", "packs"]
    pack = store.folder / next(name for name in added if name.startswith("packs"))
    assert len(safetensors.deserialize(pack.read_bytes())) == 1
    assert store.get(child) == changed


def test_the_same_bytes_in_another_shape_are_another_tensor(store):
    flat = TensorData("F32", (128 * 256,), LARGE.data)
    checkpoint = store.put({"square": LARGE, "flat": flat}, trial=0)
    assert store.get(checkpoint) == {"square": LARGE, "flat": flat}


def test_files_are_safetensors_named_by_the_digest_of_their_content(store):
    store.put(TENSORS, trial=0)
    for name in files(store.folder):
        content = (store.folder / name).read_bytes()
        stem = name.rpartition("/")[2].partition(".")[0]
        assert blake3(content).hexdigest().startswith(stem)
        if name.endswith(".safetensors"):
            found = {(tensor["dtype"], tuple(tensor["shape"])) for _, tensor in safetensors.deserialize(content)}
            assert found in ({("F32", (128, 256))}, {("I64", ()), ("F32", (0, 4)), ("BF16", (2, 3))})


def test_every_changed_byte_and_every_cut_is_found(store):
    checkpoint = store.put({"big": LARGE, "small": SMALL}, trial=0)
    for name in files(store.folder):
        path = store.folder / name
        whole = path.read_bytes()
        positions = range(0, len(whole), max(1, len(whole) // 60))
        broken = [whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :] for at in positions]
        for content in [*broken, whole[:-1], whole[: len(whole) // 2], b"", whole + b"\0"]:
            path.write_bytes(content)
            with pytest.raises(DataLossError):
                store.get(checkpoint)
        path.write_bytes(whole)
    assert store.get(checkpoint)["small"] == SMALL


def test_a_missing_file_is_named_with_its_tensor(store):
    checkpoint = store.put(TENSORS, trial=0)
    blob = next(store.folder.glob("blobs/*/*"))
    blob.unlink()
    with pytest.raises(DataLossError, match=re.escape(str(blob)) + r".*'stem.weight'"):
        store.get(checkpoint)


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "A" * 32, "0" * 31, "0" * 32, "0" * 32 + "\n"])
def test_a_name_that_is_no_checkpoint_is_refused_before_it_becomes_a_path(store, name):
    with pytest.raises(NotFoundError):
        store.manifest(name)


@pytest.mark.parametrize("key", ["", "x" * 1025, "a\0b", "\ud800"])
def test_a_tensor_key_that_is_none_is_refused_and_nothing_is_written(store, key):
    with pytest.raises(InvalidInputError):
        store.put({key: LARGE}, trial=0)
    assert not store.folder.exists()


def test_a_tensor_key_never_becomes_a_path(store, tmp_path):
    hostile = {"../../escape": LARGE, "/etc/x": SMALL, "__metadata__": SCALAR}
    assert store.get(store.put(hostile, trial=0)) == hostile
    assert [path.name for path in tmp_path.iterdir()] == ["weights"]


def test_numbers_that_are_none_are_refused(store):
    with pytest.raises(InvalidInputError, match="finite"):
        store.put(TENSORS, trial=0, metrics={"loss": float("nan")})


def test_an_unknown_parent_is_refused(store):
    with pytest.raises(NotFoundError, match="0000"):
        store.put(TENSORS, trial=0, parents=["0" * 32])


def test_an_unknown_key_is_named(store):
    checkpoint = store.put(TENSORS, trial=0)
    with pytest.raises(NotFoundError, match=r"'head\.bias'"):
        store.get(checkpoint, keys=["head.bias"])


ROW = '["w","F32",[2],"%s",8,""]' % ("0" * 64)
HOSTILE = {
    "type": ROW.replace("F32", "PICKLE"),
    "overflow": ROW.replace("[2]", "[1099511627776,1099511627776]"),
    "negative": ROW.replace("[2]", "[-2]"),
    "true": ROW.replace("[2]", "[true,2]"),
    "size": ROW.replace(",8,", ",9,"),
    "path": ROW.replace("0" * 64, "../../../../etc/passwd"),
    "twice": ROW + "," + ROW,
    "axes": ROW.replace("[2]", "[1,1,1,1,1,1,1,1,2]"),
    "row": "[]",
}


@pytest.mark.parametrize("tensors", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_manifest_is_refused(store, tensors):
    text = f'{{"format":1,"trial":0,"architecture":"","parents":[],"metrics":{{}},"notes":{{}},"tensors":[{tensors}]}}'
    manifests = store.folder / "manifests"
    manifests.mkdir(parents=True)
    checkpoint = checkpoint_of(text.encode())
    (manifests / f"{checkpoint}.json").write_text(text)
    with pytest.raises(InvalidInputError):
        store.get(checkpoint)


def test_a_blob_larger_than_its_manifest_says_is_not_read(store):
    checkpoint = store.put({"w": LARGE}, trial=0)
    blob = next(store.folder.glob("blobs/*/*"))
    os.truncate(blob, 2**40)
    with pytest.raises(DataLossError, match="instead of"):
        store.get(checkpoint)


KILLED = """
import os, sys
from nascore.weights import DirectoryStore, TensorData, durable
left = int(sys.argv[2])
def counted(call):
    def wrapped(*arguments):
        global left
        left -= 1
        if left == 0:
            os._exit(0)
        return call(*arguments)
    return wrapped
os.fsync = counted(os.fsync)
tensors = {"w": TensorData("F32", (32768,), bytes(131072)), "b": TensorData("F32", (1,), b"1234")}
DirectoryStore(sys.argv[1]).put(tensors, trial=0)
os._exit(9)
"""


def test_a_writer_killed_at_any_flush_leaves_a_checkpoint_whole_or_absent(tmp_path):
    running = [
        (
            tmp_path / str(count),
            subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / str(count)), str(count)]),
        )
        for count in (1, 4, 7, 9, 10, 99)
    ]
    assert [process.wait() for _, process in running] == [0, 0, 0, 0, 0, 9]
    counts = []
    for folder, _ in running:
        store = DirectoryStore(folder)
        counts.append(len(store.list()))
        assert all(store.get(checkpoint)["b"].data == b"1234" for checkpoint in store.list())
        retried = store.put({"b": SMALL}, trial=1)
        assert store.get(retried) == {"b": SMALL}
    assert 0 in counts
    assert counts[-1] == 1


def test_a_full_disk_leaves_no_checkpoint(store, monkeypatch):
    def refuse(_):
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(ExhaustedResourceError):
            store.put({"b": SMALL}, trial=0)
    assert files(store.folder) == []
    assert store.get(store.put({"b": SMALL}, trial=0)) == {"b": SMALL}
