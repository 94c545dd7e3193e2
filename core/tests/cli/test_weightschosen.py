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
