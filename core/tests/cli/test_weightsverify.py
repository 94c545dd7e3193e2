"""What is damaged, who needs it, and what to do: in a table, and as JSON."""

import json

import pytest
from nascore.weights import DirectoryStore, TensorData

LARGE = TensorData("U8", (70_000,), bytes(70_000))


@pytest.fixture
def made(tmp_path):
    """Five that share a tensor, of which the first has names; and one that has it not."""
    store = DirectoryStore(tmp_path / "store")
    names = [store.put({"w": LARGE}, trial=trial, experiment="search") for trial in range(5)]
    store.put({"w": LARGE}, trial=0, experiment="search", name="best")
    store.put({"w": LARGE}, trial=0, experiment="other", name="its")
    names.append(store.put({"v": TensorData("U8", (3,), b"abc")}, trial=5, parents=[names[0]]))
    store.close()
    return names


@pytest.fixture
def blob(made, tmp_path):
    """The file of the tensor that is shared, with a byte that has changed."""
    (file,) = (tmp_path / "store").glob("blobs/*/*")
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    return file


def test_each_damage_names_all_that_need_it(invoke, made, blob, tmp_path):
    shown = invoke("weights", "verify", "--store", "store", "--json")
    (damage,) = json.loads(shown.stdout)
    assert shown.exit_code == 1
    assert damage["place"] == str(blob.relative_to(tmp_path))
    assert damage["lost"] == 70_000
    rows = [(one["checkpoint"], one["experiment"], one["trial"], one["names"]) for one in damage["checkpoints"]]
    assert rows == [
        (made[0], "search", 0, ["search/best"]),
        (made[0], "other", 0, ["other/its"]),
        *((made[trial], "search", trial, []) for trial in range(1, 5)),
    ]
    narrow = invoke("weights", "verify", made[3], "--store", "store", "--experiment", "search", "--json")
    (same,) = json.loads(narrow.stdout)
    assert [one["checkpoint"] for one in same["checkpoints"]] == [one["checkpoint"] for one in damage["checkpoints"]]


def test_a_table_names_few_at_the_damage_and_all_below(invoke, made, blob):
    shown = invoke("weights", "verify", "--store", "store")
    lines = [line.split() for line in shown.stdout.splitlines()]
    short = [one[:12] for one in made]
    assert lines[0] == ["where", "what", "lost", "needed", "by"]
    assert " ".join(lines[1]).endswith(f"70.0 kB search/best, {short[1]}, {short[2]} and 2 more")
    assert lines[3:] == [
        ["not", "whole", "experiment", "trial", "damages", "names"],
        [short[0], "search", "0", "1", "search/best"],
        [short[0], "other", "0", "1", "other/its"],
        *([short[trial], "search", str(trial), "1"] for trial in range(1, 5)),
    ]
    said = " ".join(shown.stderr.split())
    assert said.startswith("1 damage. Restore the files from a copy")
    assert f"`nascore weights release {short[0]} {short[1]} {short[2]} …`" in said
    assert "`nascore weights gc`" in said


def test_what_was_released_has_lost_its_story_alone(invoke, made, tmp_path):
    store = DirectoryStore(tmp_path / "store")
    store.unname("search", "best")
    store.unname("other", "its")
    store.release(made[0])
    store.close()
    manifest = tmp_path / "store" / "manifests" / f"{made[0]}.json"
    manifest.write_bytes(manifest.read_bytes()[:-1])
    shown = invoke("weights", "verify", "--store", "store")
    assert [made[0][:12], "released", "1"] in [line.split() for line in shown.stdout.splitlines()]
    assert "No checkpoint has lost a tensor." in " ".join(shown.stderr.split())
    document = json.loads(invoke("weights", "verify", "--store", "store", "--json").stdout)
    (row,) = [one for one in document if one["checkpoints"]]
    assert row["lost"] == 0
    assert row["checkpoints"] == [{"checkpoint": made[0], "experiment": None, "trial": None, "names": []}]


def test_a_damaged_index_is_no_loss_of_a_checkpoint(invoke, made, tmp_path):
    (tmp_path / "store" / "index.db").write_bytes(b"no database" * 1000)
    shown = invoke("weights", "verify", "--store", "store", "--json")
    assert shown.exit_code == 1
    (damage,) = json.loads(shown.stdout)
    assert (damage["place"], damage["lost"], damage["checkpoints"]) == ("store/index.db", 0, [])
    assert "`nascore weights reindex`" in " ".join(invoke("weights", "verify", "--store", "store").stderr.split())


def test_a_server_names_what_is_damaged(invoke, begin, made, blob):
    process = begin("weights", "serve", "store", "--token-file", "token", "--address", "127.0.0.1:0")
    address = process.stdout.readline().removeprefix("Serving weights at ").strip()
    shown = invoke("weights", "verify", "--server", address, "--token-file", "token")
    assert shown.exit_code == 1
    assert "bytes have changed since they were written" in shown.stdout
    assert "Restore the files from a copy" in shown.stderr
