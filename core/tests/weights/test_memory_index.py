"""Whoever may read a store reads it, also where nothing can be written: full disks, folders and mounts to read only."""

import os
import sqlite3
import subprocess
import tempfile
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import pytest
from nascore.errors import DataLossError, ExhaustedResourceError, NascoreError, NotFoundError
from nascore.testing.durability import mounts
from nascore.weights import DirectoryStore, ObjectStore, TensorData, compaction
from nascore.weights.memory_index import MemoryIndex, is_of_writing

NOBODY = 65534
needs_mounts = pytest.mark.skipif(bool(mounts.missing()), reason=mounts.missing() or "-")


def tensor(number):
    return TensorData("U8", (70_000,), bytes([number]) * 70_000)


def filled(store):
    """A parent that was released, its child that has a name, and one of another experiment."""
    first = store.put({"w": tensor(1)}, trial=1, metrics={"loss": 0.5})
    second = store.put({"w": tensor(2)}, trial=2, parents=[first], name="best", metrics={"loss": 0.25})
    third = store.put({"w": tensor(1)}, trial=3, experiment="other")
    store.release(first)
    return first, second, third


def told(store):
    """All that can be read of it."""
    everything = store.list()
    return (
        store.checkpoints(),
        store.references("default"),
        [store.lineage(one) for one in everything],
        [store.manifest(one) for one in everything],
        [store.get(one) for one in everything],
        store.usage("default"),
        store.verify(everything[0]),
    )


@contextmanager
def full(folder):
    """Leave no byte on the disk of a folder."""
    left = folder / "filling"
    with left.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(1 << 16)):
            pass
    with left.open("ab", buffering=0) as file, suppress(OSError):
        while file.write(b"x"):
            pass
    yield
    left.unlink()


@contextmanager
def mounted_to_read(folder):
    """Let nothing be written to the file system of a folder."""
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
    yield
    subprocess.run(["mount", "-o", "remount,rw", folder], check=True)


@contextmanager
def of_somebody_else(folder):
    """Be somebody who may read what is in a folder, and write nothing."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    is_root = os.geteuid() == 0
    for path in () if is_root else (folder, *folder.rglob("*")):
        path.chmod(path.stat().st_mode & ~0o222)
    with ExitStack() as stack:
        if is_root:
            os.seteuid(NOBODY)
            stack.callback(os.seteuid, 0)
        yield
    for path in () if is_root else (folder, *folder.rglob("*")):
        path.chmod(path.stat().st_mode | 0o200)


@pytest.fixture(params=["full", "mounted", "foreign"])
def place(request):
    """A folder, and what makes it one where nothing can be written."""
    if request.param == "foreign":
        with tempfile.TemporaryDirectory(prefix="nascore-foreign-") as folder:
            yield Path(folder), of_somebody_else
        return
    if mounts.missing():
        pytest.skip(mounts.missing())
    with mounts.small_disk(4 * 1024) as disk:
        yield disk, {"full": full, "mounted": mounted_to_read}[request.param]


def forget_index(folder):
    for left in folder.glob("index.db*"):
        left.unlink()


def age_index(folder):
    with closing(sqlite3.connect(folder / "index.db")) as connection:
        connection.execute("PRAGMA user_version=1")


@pytest.mark.parametrize("spoil", [lambda _: None, forget_index, age_index], ids=["sound", "missing", "older"])
def test_a_store_is_read_where_nothing_can_be_written(place, spoil):
    disk, unwritable = place
    with closing(DirectoryStore(disk / "weights")) as store:
        filled(store)
        before = told(store)
    spoil(disk / "weights")
    with closing(DirectoryStore(disk / "weights")) as store:
        with unwritable(disk):
            assert told(store) == before
            assert store.verify() == ()
            with pytest.raises((NascoreError, OSError)) as raised:
                store.pin(before[0].checkpoints[0].checkpoint)
            assert is_of_writing(raised.value)
            with pytest.raises(NotFoundError):
                store.manifest("0" * 32)
        assert told(store) == before
        store.put({"w": tensor(3)}, trial=4)
        assert store.verify() == ()
        assert len(store.list()) == 3


def test_a_store_that_is_not_there_is_empty(place):
    disk, unwritable = place
    with unwritable(disk), closing(DirectoryStore(disk / "none")) as store:
        assert store.list() == ()


def index_of(folder):
    with closing(DirectoryStore(folder)) as store:
        return MemoryIndex(store._index._history)


def names(index):
    with index.reading() as connection:
        return [name for (name,) in connection.execute("SELECT name FROM checkpoints ORDER BY id")]


def test_it_is_kept_up_with_the_log(tmp_path):
    with closing(DirectoryStore(tmp_path / "weights")) as store:
        made = list(filled(store))
        index = index_of(store.folder)
        assert names(index) == made
        made.append(store.put({"w": tensor(9)}, trial=9))
        with index.reading() as outer:
            assert names(index) == made  # Another one, while the first is in use.
            assert outer.execute("SELECT count(*) FROM checkpoints").fetchone() == (4,)
        index.close()
        assert names(index) == made
        index.close()


def test_it_goes_on_with_a_log_that_was_compacted_and_with_another_one(tmp_path, monkeypatch):
    monkeypatch.setattr(compaction, "WORTH_BYTES", 0)
    monkeypatch.setattr(compaction, "_SHRINKS_TO", 10.0)
    with closing(DirectoryStore(tmp_path / "weights")) as store:
        made = list(filled(store))
        index = index_of(store.folder)
        assert names(index) == made
        for trial in range(10, 13):
            made.append(store.put({"w": tensor(trial)}, trial=trial))
            store.collect()  # It has missed the one before at the second time.
            if trial != 11:
                assert names(index) == made
        index.close()


def test_a_damaged_log_is_data_loss(tmp_path):
    with closing(DirectoryStore(tmp_path / "weights")) as store:
        filled(store)
        index = index_of(store.folder)
        log = store.folder / "log.jsonl"
        log.write_bytes(log.read_bytes().replace(b'"loss"', b'"lost"').replace(b"commit", b"commat"))
        with pytest.raises(DataLossError):
            names(index)


@needs_mounts
def test_an_object_store_is_read_with_a_full_cache(tmp_path):
    pytest.importorskip("fsspec", reason="needs fsspec (the extra nascore[objects])")
    url = f"file://{tmp_path / 'objects'}"
    with closing(ObjectStore(url, cache=tmp_path / "other")) as writer, mounts.small_disk(512) as disk:
        filled(writer)
        for cache in (disk / "cache", disk / "new"):
            cache.mkdir()
        with closing(ObjectStore(url, cache=disk / "cache")) as behind:
            assert behind.list() == writer.list()
        writer.put({"w": tensor(3)}, trial=4)
        with full(disk), closing(ObjectStore(url, cache=disk / "new")) as new:
            for store in (behind, new):
                assert store.list() == writer.list()
                assert store.checkpoints() == writer.checkpoints()
            made = writer.put({"w": tensor(4)}, trial=5)
            assert (behind.list()[-1], new.list()[-1]) == (made, made)
            with pytest.raises(ExhaustedResourceError):
                new.put({"w": tensor(5)}, trial=6)
        assert new.list() == writer.list()
        behind.close()
        new.close()
