"""Every changed bit and every cut is found, wherever it is."""

import logging
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from nascore.errors import NascoreError
from nascore.testing.fuzz.folders import work_folder
from nascore.weights import DirectoryStore, ObjectStore, TensorData
from nascore.weights.verification import TABLES

LARGE = TensorData("F32", (64, 288), random.Random(0).randbytes(4 * 64 * 288))


def filled(store):
    """A small store with everything that one can have."""
    first = store.put(
        {"big": LARGE, "small": TensorData("F32", (5,), bytes(range(20))), "no": TensorData("U8", (0,), b"")},
        trial=1,
        metrics={"accuracy": 0.5},
        name="best",
        request_id="r",
    )
    second = store.put({"big": LARGE, "x": TensorData("BF16", (3,), b"abcdef")}, trial=2, parents=[first])
    store.pin(second)
    store.set_quota("default", 10**9)
    store.release(store.put({"y": TensorData("F64", (), b"12345678")}, trial=3))
    store.close()
    return store


def made(kind, folder):
    """Such a store in a folder, or as objects below one."""
    if kind == "directory":
        return filled(DirectoryStore(folder))
    return filled(ObjectStore(f"file://{folder}", cache=folder.with_name("cache")))


def answers(store):
    """All that the index says; its ids, its free pages and its counters may differ."""
    store.close()
    with closing(sqlite3.connect(store.folder / "index.db")) as connection:
        return {table: sorted(map(repr, connection.execute(query))) for table, query in TABLES.items()}


def is_found(store):
    """Whether somebody who verifies, or else reads everything, learns of it."""
    try:
        if store.verify():
            return True
        for checkpoint in store.list():
            store.get(checkpoint)
    except NascoreError:
        return True
    return False


def close(store, folder):
    """Close the index, and remove what is beside it."""
    store.close()
    for beside in folder.glob("index.db-*"):
        beside.unlink()


def damages(whole, rng, count):
    """Bits that flip, spread over the file and at both of its ends, and cuts."""
    places = {*range(min(16, len(whole))), len(whole) - 1, *(rng.randrange(len(whole)) for _ in range(count))}
    bits = {(at, rng.randrange(8)) for at in places} | {divmod(rng.randrange(8 * len(whole)), 8) for _ in range(count)}
    for at, bit in sorted(bits):
        yield whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :]
    for length in {0, 1, len(whole) - 1, *(rng.randrange(len(whole)) for _ in range(max(2, count // 20)))}:
        yield whole[:length]


def survey(kind, folder, count, *, seed):
    """Damage each file again and again; returns how often, and what was not found."""
    store = made(kind, folder)
    rng = random.Random(seed)
    before = answers(store) if kind == "directory" else {}
    done, missed = 0, []
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in ("lock",)]
    for path in files:
        whole = path.read_bytes()
        is_index = path.name == "index.db"
        for content in damages(whole, rng, count):
            path.write_bytes(content)
            done += 1
            if not is_found(store) and not (is_index and answers(store) == before):
                missed.append(f"{path.name}: {len(content)} bytes of {len(whole)}")
            if is_index:  # Which everybody else goes on reading from where it is open.
                close(store, folder)
            path.write_bytes(whole)
        close(store, folder)
    assert not is_found(store)
    return done, missed


@pytest.fixture(autouse=True)
def _silent(caplog):
    """Thousands of warnings would be formatted and kept for nobody."""
    caplog.set_level(logging.CRITICAL)


@pytest.fixture
def place():
    """A folder in memory, for thousands of writes of which none has to last."""
    with work_folder() as folder:
        yield Path(folder)


@pytest.mark.parametrize("kind", ["directory", "objects"])
def test_damages_of_every_file_are_found(place, kind):
    done, missed = survey(kind, place / "weights", 3, seed=1)
    assert not missed
    assert done > 150


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("kind", "count"), [("directory", 350), ("objects", 250)])
def test_thousands_of_damages_are_found(place, kind, count):
    done, missed = survey(kind, place / "weights", count, seed=2)
    assert not missed
    assert done > 5_000


def test_a_missing_file_is_found_and_a_second_put_brings_it_back(tmp_path):
    store = made("directory", tmp_path / "weights")
    (file,) = store.folder.glob("blobs/*/*")
    file.unlink()
    assert {damage.what for damage in store.verify() if damage.place == str(file)} == {"missing"}
    assert store.verify(store.list()[0])
