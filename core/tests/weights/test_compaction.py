"""A compacted log says what the long one said, and whoever is killed while it is made has the one or the other."""

import json
import os
import signal
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from nascore import failpoints
from nascore.errors import ConflictError, DataLossError, NotFoundError
from nascore.weights import Direction, DirectoryStore, TensorData, compaction
from nascore.weights.contract import MAX_PAGE


def tensor(value):
    return TensorData("F32", (1,), struct.pack("<f", value))


def lines(store):
    return store.folder.joinpath("log.jsonl").read_bytes().splitlines()


def churn(store):
    """Checkpoints that come and go, as those of a search's saved states, and a quota; none is left."""
    for trial in range(100, 104):
        store.put({"w": tensor(trial)}, trial=trial, experiment="churn", request_id=f"churn {trial}")
    store.keep_best("churn", "loss", 0, direction=Direction.MINIMIZE)
    for quota in [*range(40), None]:
        store.set_quota("churn", quota)


def told(store):
    """All that a store says of its checkpoints."""
    listed = [store.checkpoints(experiment=one, limit=MAX_PAGE) for one in ("", "e", "other")]
    names = [store.references(one) for one in ("e", "other")]
    related = {one: store.lineage(one) for one in store.list()}
    return listed, names, related, store.usage("e"), store.usage("other")


@pytest.fixture(autouse=True)
def _small_logs_too(monkeypatch):
    monkeypatch.setattr(compaction, "WORTH_BYTES", 0)


@pytest.fixture
def store(tmp_path):
    """A store with all that can be true of one, and a log of which most is of no use any more."""
    opened = DirectoryStore(tmp_path / "weights")
    churn(opened)
    first = opened.put({"w": tensor(1)}, trial=1, experiment="e", name="best", request_id="first")
    second = opened.put({"w": tensor(2)}, trial=2, experiment="e", parents=[first], name="best", metrics={"loss": 1})
    third = opened.put({"w": tensor(3)}, trial=3, experiment="other", parents=[second], request_id="third")
    opened.commit(opened.manifest(third), experiment="e", name="newest", request_id="named")
    opened.put({"w": tensor(1)}, trial=1, experiment="e", name="best", request_id="back")
    opened.release(second)
    for _ in range(2):
        opened.release(opened.put({"w": tensor(6)}, trial=6, experiment="e"))
    opened.put({"w": tensor(6)}, trial=6, experiment="e")
    opened.pin(third)
    opened.set_quota("e", 1000)
    opened.put({"w": tensor(4)}, trial=4, experiment="e", name="gone")
    opened.unname("e", "gone")
    yield opened
    opened.close()


def test_what_is_true_stays_and_what_is_gone_goes(store):
    before, size = told(store), len(lines(store))
    store.collect()
    assert len(lines(store)) < size / 3
    assert told(store) == before
    assert b"churn" not in store.folder.joinpath("log.jsonl").read_bytes()
    assert store.verify() == ()


def test_an_index_that_is_made_anew_from_it_says_the_same(store):
    before = told(store)
    store.collect()
    store.close()
    for left in store.folder.glob("index.db*"):
        left.unlink()
    assert told(store) == before
    assert store.verify() == ()


def test_etags_pages_and_answers_outlive_it(store):
    etag = store.reference("e", "best").etag
    page = store.checkpoints(experiment="e", limit=1)
    manifest = store.manifest(store.reference("e", "newest").checkpoint)
    answer = store.commit(manifest, experiment="e", name="newest", request_id="named")
    store.collect()
    store.rebuild()
    assert store.commit(manifest, experiment="e", name="newest", request_id="named") == answer
    with pytest.raises(ConflictError, match="'named'"):
        store.commit(manifest, experiment="e", request_id="named")
    with pytest.raises(ConflictError, match="'third'"):
        store.put({"w": tensor(9)}, trial=9, experiment="other", request_id="third")
    after = store.checkpoints(experiment="e", after=page.after)
    assert page.checkpoints[0] not in after.checkpoints
    assert after.checkpoints
    assert store.put({"w": tensor(5)}, trial=5, experiment="e", name="best", if_match=etag)


def test_what_was_given_up_is_not_told_apart_from_what_never_was_there_by_it(store):
    (second,) = [one.checkpoint for one in store.lineage(store.reference("e", "newest").checkpoint).ancestors][:1]
    size = len(lines(store))
    store.collect()
    assert len(lines(store)) < size
    for opened in (store, DirectoryStore(store.folder)):
        opened.release(second)
        opened.release(second, experiment="e")
        with pytest.raises(NotFoundError, match=second):
            opened.release(second, experiment="other")
        opened.rebuild()
        opened.close()


def test_it_is_written_on_and_compacted_again(store):
    for _ in range(3):
        churn(store)
        store.collect()
        store.rebuild()
    churn(store)
    assert store.verify() == ()
    store.collect()
    numbers = [json.loads(line).get("seq", 0) for line in lines(store)]
    assert numbers[0] == max(numbers)


def test_another_process_that_has_the_store_open_goes_on(store):
    other = DirectoryStore(store.folder)
    before = told(other)
    store.collect()
    assert told(other) == before
    made = other.put({"w": tensor(7)}, trial=7, experiment="e")
    assert made in store.list()
    assert other.verify() == ()
    other.close()


def test_a_log_of_which_all_is_true_stays_as_it_is(tmp_path):
    store = DirectoryStore(tmp_path / "weights")
    for trial in range(20):
        store.put({"w": tensor(trial)}, trial=trial)
    before = lines(store)
    store.collect()
    assert lines(store) == before


def test_a_short_log_stays_as_it_is(store, monkeypatch):
    monkeypatch.setattr(compaction, "WORTH_BYTES", 1 << 20)
    before = lines(store)
    store.collect()
    assert lines(store)[: len(before)] == before


def test_a_store_of_which_nothing_is_left_goes_on(tmp_path):
    store = DirectoryStore(tmp_path / "weights")
    churn(store)
    store.collect()
    assert len(lines(store)) == 1
    assert store.list() == ()
    store.put({"w": tensor(1)}, trial=1)
    store.rebuild()
    assert store.verify() == ()
    assert json.loads(lines(store)[1])["seq"] > 40


@pytest.mark.parametrize("place", [b'"commit"', b'"name":"best"', b'"summary"'])
def test_every_changed_byte_of_a_summary_is_found(store, place):
    store.collect()
    log = store.folder / "log.jsonl"
    log.write_bytes(log.read_bytes().replace(place, place.swapcase(), 1))
    (damage,) = store.verify()
    assert damage.place == str(log)
    with pytest.raises(DataLossError, match=r"log\.jsonl"):
        store.rebuild()


def test_a_summary_without_one_of_its_lines_is_data_loss(store):
    store.collect()
    log = store.folder / "log.jsonl"
    log.write_bytes(b"".join(line + b"\n" for number, line in enumerate(lines(store)) if number != 2))
    with pytest.raises(DataLossError, match=r"not the .* bytes that were written"):
        store.rebuild()


KILLED = """
import os, sys
from nascore import failpoints
from nascore.weights import DirectoryStore, compaction
compaction.WORTH_BYTES = 0
failpoints.arm(os.environ[failpoints.VARIABLE])
DirectoryStore(sys.argv[1]).collect()
"""


@pytest.mark.parametrize("place", ["before_compaction", "after_compaction", "after_succession"])
def test_whoever_is_killed_leaves_the_old_log_or_the_new_one(store, place):
    before, size = told(store), len(lines(store))
    environ = os.environ | {failpoints.VARIABLE: f"weights.{place}=kill"}
    killed = subprocess.run([sys.executable, "-c", KILLED, str(store.folder)], env=environ, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert (len(lines(store)) < size / 3) is (place != "before_compaction")
    assert told(store) == before
    assert store.verify() == ()
    store.put({"w": tensor(7)}, trial=7, experiment="e")
    store.collect()
    assert len(lines(store)) < size / 3
    assert store.verify() == ()
    assert not list(store.folder.glob(".part-*"))


def test_a_full_disk_leaves_the_old_log(store, monkeypatch):
    monkeypatch.setattr("nascore.weights.durable.os.fsync", full_for(store.folder / ".part-", os.fsync))
    before = lines(store)
    store.collect()
    assert lines(store)[: len(before)] == before
    assert not list(store.folder.glob(".part-*"))


def full_for(place, fsync):
    def limited(descriptor):
        if str(Path(f"/proc/self/fd/{descriptor}").readlink()).startswith(str(place)):
            raise OSError(28, "No space left on device")
        fsync(descriptor)

    return limited
