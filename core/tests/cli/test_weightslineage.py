"""The family of a checkpoint."""

import json

import pytest
from nascore.weights import DirectoryStore, TensorData


@pytest.fixture
def made(tmp_path):
    """A checkpoint, its child that was released, and the child of that."""
    store = DirectoryStore(tmp_path / "store")
    names = []
    for trial, value in enumerate((0.25, 0.5, 0.75)):
        data = {"w": TensorData("U8", (1,), bytes([trial]))}
        names.append(store.put(data, trial=trial, parents=names[-1:], metrics={"accuracy": value}))
    store.release(names[1])
    store.close()
    return names


def test_lineage_shows_generations_with_their_metrics(invoke, made):
    shown = invoke("weights", "lineage", made[0], "--store", "store").stdout.splitlines()
    assert [line.split() for line in shown] == [
        ["generation", "checkpoint", "trial", "accuracy"],
        ["0", made[0][:12], "0", "0.25", "this", "one"],
        ["+1", made[1][:12], "1", "0.5", "released"],
        ["+2", made[2][:12], "2", "0.75"],
    ]


def test_relatives_are_told_nearest_first(invoke, made):
    document = json.loads(invoke("weights", "lineage", "last", "--store", "store", "--json").stdout)
    assert document["checkpoint"] == made[2]
    assert document["descendants"] == []
    assert [(one["checkpoint"], one["distance"], one["is_released"]) for one in document["ancestors"]] == [
        (made[1], 1, True),
        (made[0], 2, False),
    ]
    assert [(one["trial"], one["metrics"]) for one in document["ancestors"]] == [
        (1, {"accuracy": 0.5}),
        (0, {"accuracy": 0.25}),
    ]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_no_manifest_of_a_relative_is_read(invoke, made, tmp_path, place):
    """What the index says is enough, as for a list; only the one that is asked for is shown without its story then."""
    before = invoke("weights", "lineage", "last", "--store", "store").stdout.splitlines()
    manifest = tmp_path / "store" / "manifests" / f"{made[place]}.json"
    manifest.write_bytes(manifest.read_bytes().replace(b"5", b"6", 1))
    shown = invoke("weights", "lineage", "last", "--store", "store").stdout.splitlines()
    assert shown[:3] == before[:3]
    assert shown[3].split() == (before[3].split() if place < 2 else ["0", made[2][:12], "this", "one"])
