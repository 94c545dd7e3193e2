"""Which checkpoint of a store a verb is about."""

import json

import pytest
from nascore.weights import DirectoryStore, TensorData


def tensors(number):
    return {"w": TensorData("U8", (1,), bytes([number]))}


@pytest.fixture
def found(invoke):
    def find(*words):
        shown = invoke("weights", "show", "--store", "store", "--json", *words)
        return json.loads(shown.stdout)["trial"] if shown.exit_code == 0 else shown.stderr.replace("\n", " ")

    return find


def test_name_is_found_with_and_without_its_experiment(tmp_path, found):
    with_store = DirectoryStore(tmp_path / "store")
    with_store.put(tensors(0), trial=0, name="best")
    with_store.put(tensors(1), trial=1, experiment="a", name="live/net")
    with_store.put(tensors(2), trial=2, experiment="b/c", name="../../etc/passwd")
    with_store.close()
    for wanted in ("best", "default/best"):
        assert found(wanted) == 0
    for wanted in ("live/net", "a/live/net"):
        assert found(wanted) == 1
    for wanted in ("../../etc/passwd", "b/c/../../etc/passwd"):
        assert found(wanted) == 2


def test_name_of_several_experiments_is_not_guessed(tmp_path, found):
    store = DirectoryStore(tmp_path / "store")
    for number, experiment in enumerate("abcd"):
        store.put(tensors(number), trial=number, experiment=experiment, name="best")
    store.close()
    said = found("best")
    assert "Several experiments have the name `best`: a/best, b/best, c/best …." in said
    assert "--experiment" in said
    assert found("c/best") == 2
    assert found("best", "--experiment", "c") == 2


def test_name_of_those_who_named_no_experiment_comes_first(tmp_path, found):
    store = DirectoryStore(tmp_path / "store")
    store.put(tensors(0), trial=0, experiment="a", name="best")
    store.put(tensors(1), trial=1, name="best")
    store.close()
    assert found("best") == 1


def test_experiment_narrows_what_is_seen(tmp_path, invoke, found):
    store = DirectoryStore(tmp_path / "store")
    theirs = store.put(tensors(0), trial=0, experiment="a", name="theirs")
    store.put(tensors(1), trial=1, experiment="b")
    store.close()
    assert found("last", "--experiment", "a") == 0
    for wanted in ("theirs", theirs, theirs[:12]):
        assert "There is no checkpoint" in found(wanted, "--experiment", "b")
    for words in (["lineage"], ["verify", "last"], ["export", "-o", "x"]):
        assert invoke("weights", *words, "--store", "store", "--experiment", "a").exit_code == 0
        assert "of experiment c" in invoke("weights", *words, "--store", "store", "--experiment", "c").stderr


def test_empty_store_says_that_it_is_empty(tmp_path, found):
    store = DirectoryStore(tmp_path / "store")
    store.release(store.put(tensors(0), trial=0))
    store.close()
    for wanted in ("last", "best"):
        assert "There are no checkpoints in store." in found(wanted)


@pytest.fixture
def own(keep, tmp_path):
    """An experiment's id, and its store, of which an older version put some checkpoints without naming it."""
    kept = keep(())
    store = DirectoryStore(tmp_path / "home" / "experiments" / kept / "weights")
    store.put(tensors(0), trial=0, name="recent-0")
    store.put(tensors(1), trial=1, name="recent-1")
    store.put(tensors(2), trial=2, experiment=kept, name="recent-0")
    yield kept, store
    store.close()


@pytest.fixture(params=["last", "id", "path"])
def place(request, own):
    kept, store = own
    return {"last": (), "id": ("--store", kept), "path": ("--store", str(store.folder))}[request.param]


def test_names_of_an_experiment_come_before_those_that_older_versions_put_without_one(invoke, own, place):
    kept, _ = own
    for wanted, trial in (
        ("recent-0", 2),
        (f"{kept}/recent-0", 2),
        ("default/recent-0", 0),
        ("recent-1", 1),
        ("default/recent-1", 1),
    ):
        assert json.loads(invoke("weights", "show", wanted, *place, "--json").stdout)["trial"] == trial
    rows = json.loads(invoke("weights", "ls", *place, "--json").stdout)
    assert [row["names"] for row in rows] == [["default/recent-0"], ["recent-1"], ["recent-0"]]


def test_names_are_written_alike_whatever_is_listed(invoke, own, place):
    (row,) = json.loads(invoke("weights", "ls", "--trial", "0", *place, "--json").stdout)
    assert row["names"] == ["default/recent-0"]


def test_the_name_of_an_experiment_is_removed_before_that_of_none(invoke, own, place):
    kept, store = own
    assert invoke("weights", "unname", "recent-0", *place).exit_code == 0
    assert not store.references(kept)
    assert invoke("weights", "unname", "recent-0", *place).exit_code == 0
    assert [one.name for one in store.references("default")] == ["recent-1"]


def test_experiment_narrows_the_view_of_its_own_store(invoke, own, place):
    kept, _ = own
    rows = json.loads(invoke("weights", "ls", "--experiment", kept, *place, "--json").stdout)
    assert [(row["trial"], row["names"]) for row in rows] == [(2, ["recent-0"])]
    shown = invoke("weights", "show", "recent-1", "--experiment", kept, *place)
    assert "There is no checkpoint `recent-1`" in shown.stderr
