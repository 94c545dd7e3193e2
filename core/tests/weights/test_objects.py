"""What object storage adds: several machines, a cache that may go, objects that nobody names."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest
from nascore.errors import DataLossError, InvalidInputError, NotFoundError, UnavailableError, UnsupportedError
from nascore.weights import DirectoryStore, MovedNameError, ObjectStore, TensorData, open_store
from nascore.weights.objects import storage as storages
from nascore.weights.objects.naming import rows_of
from nascore.weights.objects.placing import STRANGER_AFTER_S

SMALL, LARGE = TensorData("F32", (4,), bytes(range(16))), TensorData("U8", (100_000,), os.urandom(100_000))


@pytest.fixture
def machines(tmp_path):
    """Two machines with one store: each has its own cache."""
    url = f"file://{tmp_path / 'objects'}"
    with (
        closing(ObjectStore(url, cache=tmp_path / "one")) as one,
        closing(ObjectStore(url, cache=tmp_path / "two")) as two,
    ):
        yield one, two


def objects(tmp_path, kind):
    return sorted(path for path in (tmp_path / "objects" / kind).rglob("*") if path.is_file())


def age(paths, seconds):
    for path in paths:
        os.utime(path, (time.time() - seconds,) * 2)


# --- opening ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["", "s3", "s3://", "://x", "/folder"])
def test_what_is_no_url_is_refused(url, tmp_path):
    with pytest.raises(InvalidInputError, match="no URL"):
        ObjectStore(url, cache=tmp_path)


def test_an_unknown_kind_of_storage_is_refused_when_it_is_asked(tmp_path):
    with pytest.raises(InvalidInputError, match="nosuch"):
        ObjectStore("nosuch://bucket", cache=tmp_path / "cache").list()


def test_without_fsspec_it_says_what_to_install(tmp_path, monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(storages, "import_module", missing)
    with pytest.raises(UnsupportedError, match="fsspec") as caught:
        ObjectStore("memory://x", cache=tmp_path / "cache").list()
    assert "nascore[objects]" in caught.value.hint


def test_a_store_is_chosen_by_what_is_written(tmp_path):
    assert isinstance(open_store(tmp_path), DirectoryStore)
    assert isinstance(open_store(str(tmp_path)), DirectoryStore)
    assert isinstance(open_store("memory://x", cache=tmp_path), ObjectStore)


def test_a_storage_that_is_not_reached_is_unavailable(tmp_path):
    pytest.importorskip("s3fs", reason="needs s3fs (the extra nascore[s3])")
    options = {
        "endpoint_url": "http://127.0.0.1:9",
        "key": "k",
        "secret": "s",
        "config_kwargs": {"retries": {"max_attempts": 0}},
    }
    store = ObjectStore("s3://bucket/x", cache=tmp_path / "cache", options=options)
    for ask in (store.list, store.verify):  # Not that its bytes are damaged: nobody has seen them.
        with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:9"):
            ask()


def test_objects_that_are_out_of_reach_are_not_called_damaged(machines, monkeypatch):
    store, _ = machines
    store.put({"w": LARGE}, trial=0)
    assert store.verify() == ()

    def read(*_, **__):
        raise UnavailableError("gone")

    monkeypatch.setattr("nascore.weights.objects.storage.Storage.read", read)
    with pytest.raises(UnavailableError, match="gone"):
        store.verify()


# --- several machines -------------------------------------------------------------------------------------------------


def test_machines_see_each_others_checkpoints_names_and_releases(machines):
    one, two = machines
    first = one.put({"a": SMALL, "b": LARGE}, trial=1, name="best")
    assert two.get(first) == {"a": SMALL, "b": LARGE}
    second = two.put({"a": SMALL, "b": LARGE}, trial=2, parents=[first])
    assert [near.checkpoint for near in one.lineage(first).descendants] == [second]
    two.unname("default", "best")
    with pytest.raises(NotFoundError):
        one.reference("default", "best")
    one.release(first)
    assert two.list() == (second,)


def test_equal_tensors_are_stored_once_for_all_machines(machines, tmp_path):
    one, two = machines
    one.put({"a": SMALL, "b": LARGE}, trial=1)
    two.put({"a": SMALL, "b": LARGE}, trial=2)
    assert len(objects(tmp_path, "blobs")) == len(objects(tmp_path, "packs")) == 1


def race(stores):
    """Let two machines move one name at once, again and again; returns who won each time."""
    etag, winners = "", []

    def move(place, number, etag, won):
        try:
            moved = stores[place].put(
                {}, trial=number, notes={"by": place}, name="n", if_match=etag, create_only=not etag
            )
        except MovedNameError:
            return
        won.append((place, moved))

    for number in range(5):
        won = []
        threads = [threading.Thread(target=move, args=(place, number, etag, won)) for place in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        winners.append(won)
        etag = stores[0].reference("default", "n").etag
    return winners


def test_of_two_machines_that_move_a_name_one_wins_each_time(machines):
    assert [len(won) for won in race(machines)] == [1] * 5
    assert [store.verify() for store in machines] == [(), ()]


def test_of_two_machines_that_move_a_name_on_s3_one_wins_each_time(make_bucket, tmp_path):
    with closing(make_bucket(tmp_path / "one")) as one:
        bucket = one.url.split("/")[2]
        with closing(make_bucket(tmp_path / "two", bucket)) as two:
            assert [len(won) for won in race((one, two))] == [1] * 5
            checkpoint = one.put({"a": SMALL, "b": LARGE}, trial=9)
            assert two.get(checkpoint) == {"a": SMALL, "b": LARGE}
            assert two.verify() == ()


def test_an_answer_that_was_lost_does_not_log_twice(machines, monkeypatch):
    one, two = machines
    create = storages.FolderStorage.create

    def create_twice(self, key, content):
        create(self, key, content)
        return create(self, key, content)  # As a client does whose first request was not answered.

    monkeypatch.setattr(storages.FolderStorage, "create", create_twice)
    checkpoint = one.put({"a": SMALL}, trial=1, name="n")
    assert two.reference("default", "n").checkpoint == checkpoint
    assert len(two.checkpoints().checkpoints) == 1


def test_what_one_machine_collects_another_brings_back(machines, tmp_path):
    one, two = machines
    checkpoint = one.put({"a": SMALL, "b": LARGE}, trial=1)
    two.release(checkpoint)
    assert two.collect().files == 3
    assert objects(tmp_path, "blobs") == objects(tmp_path, "manifests") == []
    assert one.put({"a": SMALL, "b": LARGE}, trial=1) == checkpoint
    assert two.get(checkpoint) == {"a": SMALL, "b": LARGE}
    assert one.verify() == two.verify() == ()


def test_a_slow_collection_removes_nothing_that_was_brought_back_meanwhile(machines, monkeypatch):
    one, two = machines
    checkpoint = one.put({"a": SMALL, "b": LARGE}, trial=1)
    two.release(checkpoint)
    remove = storages.Storage.remove

    def remove_late(self, keys):
        monkeypatch.setattr(storages.Storage, "remove", remove)
        assert one.put({"a": SMALL, "b": LARGE}, trial=1) == checkpoint
        remove(self, keys)

    monkeypatch.setattr(storages.Storage, "remove", remove_late)
    assert two.collect().files == 3
    assert two.get(checkpoint) == {"a": SMALL, "b": LARGE}
    assert one.verify() == two.verify() == ()


# --- the cache --------------------------------------------------------------------------------------------------------


def test_a_cache_that_is_lost_is_made_anew(machines, tmp_path):
    one, _ = machines
    parent = one.put({"a": SMALL}, trial=1)
    child = one.put({"a": SMALL, "b": LARGE}, trial=2, parents=[parent], name="best", request_id="r")
    one.set_quota("default", 10**6)
    one.release(parent)
    one.collect()
    other = one.put({"b": LARGE}, trial=3)
    one.release(other)
    one.collect()
    with closing(ObjectStore(one.url, cache=tmp_path / "fresh")) as fresh:
        assert fresh.get(child) == {"a": SMALL, "b": LARGE}
        assert fresh.lineage(child) == one.lineage(child)
        assert fresh.usage("default") == one.usage("default")
        assert fresh.reference("default", "best") == one.reference("default", "best")
        assert fresh.verify() == ()


def test_a_blob_outlives_the_checkpoint_that_brought_it(machines, tmp_path):
    one, _ = machines
    first = one.put({"a": SMALL, "b": LARGE}, trial=1)
    one.collect()
    second = one.put({"a": SMALL, "b": LARGE}, trial=2)
    one.release(first)
    one.collect()
    with closing(ObjectStore(one.url, cache=tmp_path / "fresh")) as fresh:
        assert fresh.get(second) == {"a": SMALL, "b": LARGE}
        assert fresh.verify() == ()


def test_a_cache_of_another_store_is_not_believed(machines, tmp_path):
    one, _ = machines
    gone = one.put({"a": SMALL}, trial=1)
    with closing(ObjectStore(f"file://{tmp_path / 'other'}", cache=tmp_path / "two")) as other:
        assert other.list() == ()
        with pytest.raises(NotFoundError):
            other.manifest(gone)
        kept = other.put({"a": SMALL}, trial=2)
    with closing(ObjectStore(one.url, cache=tmp_path / "two")) as back:
        assert back.list() == (gone,)
        assert kept not in back.list()


def test_a_log_without_its_head_is_data_loss(machines, tmp_path):
    one, _ = machines
    one.put({"a": SMALL}, trial=1)
    (tmp_path / "objects" / "log" / "head.json").unlink()
    with pytest.raises(DataLossError, match=r"head\.json"):
        ObjectStore(one.url, cache=tmp_path / "fresh").list()


def test_a_record_that_is_missing_between_others_is_data_loss(machines, tmp_path):
    one, _ = machines
    for trial in range(3):
        one.put({"a": SMALL}, trial=trial)
    (tmp_path / "objects" / "log" / "000000000002.json").unlink()
    with pytest.raises(DataLossError, match="000000000002"):
        ObjectStore(one.url, cache=tmp_path / "fresh").list()


# --- objects that nobody names ----------------------------------------------------------------------------------------


def test_objects_of_a_killed_commit_go_when_they_are_old(machines, tmp_path):
    one, _ = machines
    kept = one.put({"b": LARGE}, trial=1)
    for kind in ("blobs", "packs", "manifests"):
        folder = tmp_path / "objects" / kind / "ab"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "left-by-a-killed-commit").write_bytes(b"12345")
    assert one.collect().files == 0
    everything = [path for kind in ("blobs", "packs", "manifests") for path in objects(tmp_path, kind)]
    age(everything, STRANGER_AFTER_S + 60)
    assert one.collect(stale_after_s=0).files == 3
    assert one.get(kept) == {"b": LARGE}


def test_a_refused_commit_leaves_no_objects(machines, tmp_path):
    one, _ = machines
    one.put({"a": SMALL}, trial=1, name="n")
    before = [objects(tmp_path, kind) for kind in ("blobs", "packs", "manifests")]
    with pytest.raises(MovedNameError):
        one.put({"b": LARGE}, trial=2, name="n", create_only=True)
    one.put({"a": SMALL}, trial=1, name="n")
    assert [objects(tmp_path, kind) for kind in ("blobs", "packs", "manifests")] == before


@pytest.mark.parametrize(
    "words",
    [
        ["x F32 4"],
        ["0" * 64],
        ["0" * 64 + " F32 -1"],
        ["0" * 64 + " F32 1,x"],
        ["0" * 64 + " F99 1"],
        ["0" * 64 + " F32 1099511627777"],
        ["0" * 64 + " F64 1048576,1048577"],
        ["0" * 64 + " U8 1,1,1,1,1,1,1,1,1"],
        ["../" * 21 + "x F32 4"],
    ],
)
def test_hostile_words_of_a_record_are_data_loss(words):
    with pytest.raises(DataLossError):
        rows_of(words, pack="0" * 64, place="p")


# --- kills ------------------------------------------------------------------------------------------------------------

_KILLED = """
import sys
from nascore import failpoints
from nascore.weights import ObjectStore, TensorData
store = ObjectStore(sys.argv[1], cache=sys.argv[2])
first = store.put({"a": TensorData("U8", (70_000,), bytes(70_000)), "b": TensorData("U8", (2,), b"ab")}, trial=1)
store.put({"c": TensorData("U8", (80_000,), bytes(80_000))}, trial=2, name="n")
failpoints.arm(sys.argv[3])
store.put({"d": TensorData("U8", (90_000,), bytes(90_000)), "e": TensorData("U8", (2,), b"cd")}, trial=3, name="n")
store.release(first)
store.collect()
"""


_QUICK = ("after_place", "after_log", "before_unlink")
_SLOW = ("before_write", "before_log", "before_index", "after_index", "after_dying", "after_unlink")


@pytest.mark.parametrize("point", [*_QUICK, *(pytest.param(point, marks=pytest.mark.slow) for point in _SLOW)])
def test_whoever_is_killed_leaves_a_whole_store(tmp_path, point):
    url, cache = f"file://{tmp_path / 'objects'}", tmp_path / "cache"
    command = [sys.executable, "-c", _KILLED, url, str(cache), f"weights.{point}=kill"]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    for number, place in enumerate((cache, tmp_path / "elsewhere")):
        with closing(ObjectStore(url, cache=place)) as store:
            assert store.verify() == ()
            assert all(store.get(checkpoint) for checkpoint in store.list())
            assert store.reference("default", "n").checkpoint in store.list()
            assert store.get(store.put({"f": SMALL, "g": LARGE}, trial=4 + number)) == {"f": SMALL, "g": LARGE}
            store.collect()
            assert store.verify() == ()
