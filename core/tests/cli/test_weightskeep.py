"""Pinning and releasing checkpoints, in a folder and at a server."""

import pytest
from nascore.weights import DirectoryStore, TensorData


def tensors(number):
    return {"w": TensorData("U8", (70_000,), bytes([number]) * 70_000)}


@pytest.fixture
def made(tmp_path):
    """Three checkpoints: the second has a name, the third belongs to two experiments."""
    store = DirectoryStore(tmp_path / "store")
    names = [store.put(tensors(0), trial=0), store.put(tensors(1), trial=1, name="best")]
    names.append(store.put(tensors(2), trial=2, experiment="one"))
    assert store.put(tensors(2), trial=2, experiment="two") == names[2]
    store.close()
    return names


@pytest.fixture(params=["folder", "server"])
def weights(request, invoke, begin):
    """Calls ``nascore weights WORDS`` about the store, once itself and once by its server."""
    there = ("--store", "store")
    if request.param == "server":
        process = begin("weights", "serve", "store", "--token-file", "token", "--address", "127.0.0.1:0")
        address = process.stdout.readline().removeprefix("Serving weights at ").strip()
        there = ("--server", address, "--token-file", "token")
    return lambda *words: invoke("weights", *words, *there)


def listed(tmp_path):
    store = DirectoryStore(tmp_path / "store")
    try:
        return [(one.checkpoint, one.experiment) for one in store.checkpoints().checkpoints]
    finally:
        store.close()


@pytest.mark.parametrize("verb", ["pin", "unpin", "release"])
def test_nothing_is_done_unless_all_are_found(invoke, made, tmp_path, verb):
    before = listed(tmp_path)
    shown = invoke("weights", verb, made[0], "bets", "--store", "store")
    assert shown.exit_code == 1
    assert "Did you mean `best`?" in shown.stderr
    assert shown.stdout == ""
    assert listed(tmp_path) == before
    assert invoke("weights", verb, "--store", "store").exit_code == 2


def test_what_is_pinned_is_not_released(weights, made, tmp_path):
    assert weights("pin", made[0][:12]).stdout == f"Pinned {made[0][:12]}.\n"
    refused = weights("release", made[0])
    assert refused.exit_code == 1
    assert "is pinned" in refused.stderr
    assert (made[0], "default") in listed(tmp_path)
    assert weights("unpin", made[0]).stdout == f"Unpinned {made[0][:12]}.\n"
    assert weights("release", made[0]).stdout == f"Released {made[0][:12]}.\n"
    assert (made[0], "default") not in listed(tmp_path)


def test_what_has_a_name_is_released_once_it_has_none(weights, made, tmp_path):
    refused = weights("release", "best")
    assert refused.exit_code == 1
    assert "is named default/best" in refused.stderr
    assert weights("unname", "best").stdout == f"best no longer points to {made[1][:12]}.\n"
    done = weights("release", made[1], made[1][:12])
    assert done.stdout == f"Released {made[1][:12]}.\n"
    assert "1 checkpoint released; `nascore weights gc` makes the room." in done.stderr
    assert (made[1], "default") not in listed(tmp_path)


def test_name_that_is_not_clear_is_not_removed(invoke, made, tmp_path):
    store = DirectoryStore(tmp_path / "store")
    for experiment in ("one", "two"):  # The same checkpoint, so that it is clear to those who only look.
        store.put(tensors(2), trial=2, experiment=experiment, name="good")
    store.close()
    assert "Several experiments have the name `good`: one/good, two/good." in invoke(
        "weights", "unname", "good", "--store", "store"
    ).stderr.replace("\n", " ")
    for wrong, text in (
        ("god", "There is no name `god`"),
        (made[0], "There is no name"),
        ("bets", "Did you mean `best`?"),
    ):
        shown = invoke("weights", "unname", "best", wrong, "--store", "store")
        assert (shown.exit_code, shown.stdout) == (1, "")
        assert text in shown.stderr
    assert invoke("weights", "unname", "two/good", "default/best", "--store", "store").exit_code == 0
    assert invoke("weights", "unname", "good", "--store", "store").exit_code == 0


def test_one_experiment_gives_up_what_another_keeps(weights, made, tmp_path):
    assert weights("release", "last", "--experiment", "one").exit_code == 0
    assert [experiment for checkpoint, experiment in listed(tmp_path) if checkpoint == made[2]] == ["two"]
    assert weights("release", "last").exit_code == 0
    assert made[2] not in dict(listed(tmp_path))


def test_room_of_what_was_released_is_made_by_a_collection(invoke, made, tmp_path):
    invoke("weights", "release", made[0], "--store", "store")
    assert len(list((tmp_path / "store").glob("blobs/*/*"))) == 3
    assert invoke("weights", "gc", "--store", "store").exit_code == 0
    assert len(list((tmp_path / "store").glob("blobs/*/*"))) == 2
