import errno
import os
import re
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import safetensors
from blake3 import blake3
from nascore import failpoints
from nascore.errors import DataLossError, ExhaustedResourceError, InvalidInputError, NotFoundError, StateError
from nascore.testing.durability import mounts
from nascore.weights import DirectoryStore, Entry, Manifest, TensorData, blob_header, indexed
from nascore.weights.access import entry_of
from nascore.weights.manifest import checkpoint_of
from nascore.weights.safetensors import header_of

LARGE = TensorData("F32", (128, 256), bytes(range(256)) * 512)
OTHER = TensorData("F32", (128, 256), bytes(range(255, -1, -1)) * 512)
SMALL = TensorData("BF16", (2, 3), b"abcdefghijkl")
SCALAR = TensorData("I64", (), b"\1" + bytes(7))
EMPTY = TensorData("F32", (0, 4), b"")
TENSORS = {"stem.weight": LARGE, "stem.bias": SMALL, "norm.count": SCALAR, "none": EMPTY}


def files(folder):
    """All but what SQLite makes beside the index while it is open."""
    found = (str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in found if not name.startswith("index.db-"))


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
    assert {"index.db", "lock", "log.jsonl"} < set(files(store.folder))
    for name in (name for name in files(store.folder) if "/" in name):
        content = (store.folder / name).read_bytes()
        stem = name.rpartition("/")[2].partition(".")[0]
        assert blake3(content).hexdigest().startswith(stem)
        if name.endswith(".safetensors"):
            found = {(tensor["dtype"], tuple(tensor["shape"])) for _, tensor in safetensors.deserialize(content)}
            assert found in ({("F32", (128, 256))}, {("I64", ()), ("F32", (0, 4)), ("BF16", (2, 3))})


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


@pytest.mark.parametrize("call", ["fsync", "mkdir", "replace"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_failing_disk_leaves_no_checkpoint_and_heals(store, monkeypatch, call, code):
    def refuse(*_, **__):
        raise OSError(code, "failed")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, refuse)
        with pytest.raises(ExhaustedResourceError):
            store.put({"b": SMALL, "w": LARGE}, trial=0)
    assert store.list() == ()
    assert [name for name in files(store.folder) if "/" in name] == []
    assert store.get(store.put({"b": SMALL}, trial=0)) == {"b": SMALL}
    assert store.verify() == ()


PLACES = [
    "weights.before_write",
    "weights.before_place",
    "weights.placing",
    "weights.after_place",
    "weights.before_log",
    "weights.after_log",
    "weights.before_index",
]


@pytest.mark.parametrize("place", PLACES)
def test_a_commit_that_fails_anywhere_is_wholly_undone(store, place):
    before = store.put({"w": LARGE}, trial=0, name="n")
    stored = files(store.folder)
    for number in (1, 2):
        failpoints.arm(f"{place}=error:ENOSPC@{number}")
        try:
            with pytest.raises((ExhaustedResourceError, OSError)):
                store.put({"b": SMALL, "w": LARGE, "x": OTHER}, trial=1, name="n")
        except pytest.fail.Exception:
            assert number == 2  # This place is passed once only.
            return
        finally:
            failpoints.arm("")
        assert files(store.folder) == stored
        assert store.list() == (before,)
        assert store.reference("default", "n").checkpoint == before
        assert store.verify() == ()
    assert store.get(store.put({"b": SMALL, "x": OTHER}, trial=1)) == {"b": SMALL, "x": OTHER}


def test_a_map_is_the_file_and_changes_stay_private(store):
    checkpoint = store.put(TENSORS, trial=0)
    found = store.map(checkpoint, is_proven=True)
    assert found == TENSORS
    found["stem.weight"].data[0] ^= 1
    assert store.map(checkpoint) == TENSORS
    assert store.map(checkpoint, keys=["stem.bias"]) == {"stem.bias": SMALL}


def test_a_copy_of_a_local_file_is_adopted_and_later_changes_do_not_reach_it(store, tmp_path):
    content = blob_header(LARGE.dtype, LARGE.shape) + bytes(LARGE.data)
    digest = blake3(content).hexdigest()
    file = tmp_path / "staged"
    file.write_bytes(content)
    with file.open("r+b") as held:
        store.adopt(file, digest)
        held.write(b"changed")
    entry = Entry("w", LARGE.dtype, LARGE.shape, digest, LARGE.size)
    checkpoint = store.commit(Manifest(0, (entry,)), experiment="default").checkpoint
    assert store.get(checkpoint) == {"w": LARGE}
    store.adopt(tmp_path / "not looked at: it is there", digest)


def test_what_is_no_ordinary_file_or_other_bytes_is_not_adopted(store, tmp_path):
    (tmp_path / "file").write_bytes(bytes(100))
    (tmp_path / "link").symlink_to(tmp_path / "file")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe", "missing", "."):
        with pytest.raises(InvalidInputError):
            store.adopt(tmp_path / name, "0" * 64)
    with pytest.raises(DataLossError):
        store.adopt(tmp_path / "file", "0" * 64)
    assert store.present(["0" * 64]) == set()


def test_uploads_that_pass_the_limit_are_refused_until_others_are_gone(tmp_path):
    store = DirectoryStore(tmp_path / "weights", staging_limit=1000)
    with store.upload("0" * 64, 600) as first:
        first.write(0, bytes(600))
        with pytest.raises(ExhaustedResourceError, match="1,000"):
            store.upload("1" * 64, 600)
        first.abort()
    store.upload("1" * 64, 600).close()


def filled(store):
    kept = []
    for number in range(100):
        tensor = TensorData("U8", (300_000,), bytes([number]) * 300_000)
        try:
            kept.append(store.put({"w": tensor, "b": SMALL}, trial=number))
        except ExhaustedResourceError:
            return kept
    raise AssertionError("the disk was never full")


@pytest.mark.skipif(bool(mounts.missing()), reason=mounts.missing() or "-")
def test_a_disk_that_is_really_full_keeps_what_it_has_and_heals():
    with mounts.small_disk(6 * 1024) as disk:
        store = DirectoryStore(disk / "weights")
        kept = filled(store)
        assert 3 < len(kept) < 20
        assert store.list() == tuple(kept)
        assert all(store.get(checkpoint)["b"] == SMALL for checkpoint in kept)
        assert not any((store.folder / "staging").iterdir())
        for checkpoint in kept[:2]:  # The last one may have taken its room from what is kept free.
            store.release(checkpoint)
        store.collect()
        again = store.put({"w": TensorData("U8", (300_000,), bytes(range(250)) * 1200)}, trial=101)
        assert store.list() == (*kept[2:], again)
        assert store.verify() == ()
        store.close()


OLD = (
    '{"architecture":"","format":1,"metrics":{},"notes":{},"parents":[],'
    '"tensors":[["b","BF16",[2,3],"%s",12,"%s"],["w","F32",[128,256],"%s",131072,""]],"trial":4}'
)


def old_folder(folder):
    """A folder as format 1 had it: no log, no index, the pack in the manifest."""
    large = blob_header(LARGE.dtype, LARGE.shape) + bytes(LARGE.data)
    name = blake3(large).hexdigest()
    small = blake3(blob_header(SMALL.dtype, SMALL.shape) + SMALL.data).hexdigest()
    pack = header_of({small: (SMALL.dtype, SMALL.shape)}) + SMALL.data
    text = OLD % (small, blake3(pack).hexdigest(), name)
    checkpoint = checkpoint_of(text.encode())
    contents = {
        f"blobs/{name[:2]}/{name}.safetensors": large,
        f"packs/{blake3(pack).hexdigest()}.safetensors": pack,
        f"manifests/{checkpoint}.json": text.encode(),
    }
    for place, content in contents.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_bytes(content)
    return checkpoint


def test_a_folder_of_the_first_format_is_read_and_grows(store):
    checkpoint = old_folder(store.folder)
    assert store.list() == (checkpoint,)
    assert store.get(checkpoint) == {"b": SMALL, "w": LARGE}
    child = store.put({"b": SMALL, "w": OTHER}, trial=5, parents=[checkpoint])
    assert len(list(store.folder.glob("packs/*"))) == 1
    assert store.get(child) == {"b": SMALL, "w": OTHER}
    assert store.verify() == ()


def state_of(store):
    names = {reference.name: reference for reference in store.references("default")}
    return store.list(), names, store.usage("default"), store.checkpoints(), store.verify()


def test_a_lost_index_loses_nothing(store):
    first = store.put(TENSORS, trial=0, name="best", request_id="r")
    store.put({"x": OTHER}, trial=1, parents=[first])
    gone = store.put({"y": SMALL}, trial=2)
    store.release(gone)
    store.set_quota("default", 10**6)
    store.pin(first)
    store.collect()
    before = state_of(store)
    store.rebuild()
    assert state_of(store) == before
    store.close()
    for file in store.folder.glob("index.db*"):
        file.unlink()
    assert state_of(store) == before
    assert state_of(DirectoryStore(store.folder)) == before
    store.close()
    for file in store.folder.glob("index.db*"):
        file.unlink()
    (store.folder / "index.db").write_bytes(b"no database at all" * 1000)
    fresh = DirectoryStore(store.folder)
    with pytest.raises(DataLossError, match="rebuild"):
        fresh.list()
    fresh.rebuild()
    assert state_of(fresh) == before
    assert store.put(TENSORS, trial=0, name="best", request_id="r") == first


def test_a_lost_log_is_said_and_a_rebuild_goes_on_with_what_is_whole(store):
    first = store.put(TENSORS, trial=0)
    gone = store.put({"y": OTHER}, trial=2)
    child = store.put({"x": SMALL}, trial=1, parents=[gone])
    store.release(gone)
    store.collect()
    (store.folder / "log.jsonl").unlink()
    with pytest.raises(DataLossError, match=r"log\.jsonl"):
        store.put({"z": SMALL}, trial=3)
    store.rebuild()
    assert set(store.list()) == {first, child}
    assert [near.is_released for near in store.lineage(child).ancestors] == [True]
    assert store.verify() == ()


def test_an_index_of_a_newer_program_is_refused(store):
    store.put({"b": SMALL}, trial=0)
    store.close()
    with closing(sqlite3.connect(store.folder / "index.db")) as connection:
        connection.execute("PRAGMA user_version=99")
    with pytest.raises(StateError, match="newer"):
        DirectoryStore(store.folder).list()


def test_two_objects_on_one_folder_see_each_other(store):
    other = DirectoryStore(store.folder)
    first = store.put({"b": SMALL}, trial=0, name="n")
    second = other.put({"b": SMALL}, trial=1, name="n")
    assert store.list() == other.list() == (first, second)
    store.rebuild()
    third = other.put({"w": LARGE}, trial=2)
    assert store.get(third) == {"w": LARGE}


def test_threads_share_a_store(store):
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: store.put({"b": SMALL, "w": LARGE}, trial=number), range(24)))
    assert sorted(store.list()) == sorted(made)
    assert len(list(store.folder.glob("blobs/*/*"))) == 1
    assert store.verify() == ()


def test_an_upload_does_not_stumble_over_what_another_process_finishes_meanwhile(store, monkeypatch):
    """Staged files are counted when an upload begins; one may go between its being listed and its being looked at."""
    content = blob_header(LARGE.dtype, LARGE.shape) + LARGE.data
    with store.upload("0" * 64, 20) as writer:
        writer.write(0, b"nine byte")
    real = os.scandir

    class Scan:
        def __init__(self, folder):
            self.entries = list(real(folder))
            for entry in self.entries:
                Path(entry.path).unlink()

        def __enter__(self):
            return iter(self.entries)

        def __exit__(self, *_):
            return None

    monkeypatch.setattr(os, "scandir", Scan)
    with closing(DirectoryStore(store.folder)) as another:
        another.upload(blake3(content).hexdigest(), len(content)).abort()


def test_tensors_of_known_digests_are_not_read_again(tmp_path, monkeypatch):
    store = DirectoryStore(tmp_path)
    tensors = {"big": TensorData("U8", (100_000,), bytes(100_000)), "small": TensorData("U8", (3,), b"abc")}
    first = store.put(tensors, trial=0)
    digests = {entry.key: entry.digest for entry in store.manifest(first).entries}
    read, new = [], TensorData("U8", (1,), b"n")

    def noted(key, tensor):
        read.append(key)
        return entry_of(key, tensor)

    monkeypatch.setattr(indexed, "entry_of", noted)
    second = store.put({**tensors, "new": new}, trial=1, digests=digests)
    assert read == ["new"]
    assert store.get(second) == {**tensors, "new": new}
    assert [entry.key for entry in store.manifest(second).entries] == ["big", "small", "new"]
    for checkpoint in (first, second):
        store.release(checkpoint)
    store.collect()
    assert store.get(store.put(tensors, trial=1, digests=digests)) == tensors


@pytest.mark.parametrize("lie", [{"a": "0" * 64}, {"a": "x"}, {"b": "0" * 64}, {}])
def test_digests_of_what_is_not_stored_are_passed_over(tmp_path, lie):
    store = DirectoryStore(tmp_path)
    tensor = TensorData("U8", (3,), b"abc")
    assert store.get(store.put({"a": tensor}, trial=0, digests=lie)) == {"a": tensor}


def test_a_digest_of_another_shape_is_passed_over(tmp_path):
    store = DirectoryStore(tmp_path)
    other = store.put({"a": TensorData("U8", (4,), b"abcd")}, trial=0)
    digests = {entry.key: entry.digest for entry in store.manifest(other).entries}
    tensor = TensorData("U8", (2, 2), b"efgh")
    assert store.get(store.put({"a": tensor}, trial=1, digests=digests)) == {"a": tensor}
