"""Looking at checkpoints on a disk that is full."""

import json
import shutil
from contextlib import suppress

import pytest
from nascore.testing.durability import mounts
from nascore.weights import DirectoryStore, TensorData


@pytest.fixture
def full(keep, tmp_path, monkeypatch):
    """An experiment that keeps weights, in a home on a disk that was filled since; gives their ids."""
    if mounts.missing():
        pytest.skip(mounts.missing())
    store = DirectoryStore(tmp_path / "home" / "experiments" / keep(()) / "weights")
    first = store.put({"w": TensorData("U8", (3,), b"abc")}, trial=0, metrics={"loss": 0.5})
    second = store.put({"w": TensorData("U8", (3,), b"abd")}, trial=1, parents=[first], name="best")
    store.close()
    with mounts.small_disk(4 * 1024) as disk:
        shutil.copytree(tmp_path / "home", disk / "home")
        monkeypatch.setenv("NASCORE_HOME", str(disk / "home"))
        with (disk / "filling").open("wb", buffering=0) as file, suppress(OSError):
            while file.write(bytes(1 << 12)):
                pass
        yield first, second


def test_checkpoints_are_listed_shown_and_exported(invoke, full):
    listed = invoke("weights", "ls", "--json")
    assert [row["checkpoint"] for row in json.loads(listed.stdout)] == list(full)
    assert json.loads(invoke("weights", "show", "default/best", "--json").stdout)["parents"] == [full[0]]
    assert json.loads(invoke("weights", "lineage", "last", "--json").stdout)["ancestors"][0]["metrics"] == {"loss": 0.5}
    assert invoke("weights", "verify").stdout == "Every byte is what was written.\n"
    assert invoke("weights", "export", full[0], "-o", "x").exit_code == 0


def test_a_change_says_that_there_is_no_room(invoke, full):
    refused = invoke("weights", "pin", "last")
    assert refused.exit_code == 1
    assert "Make room" in refused.stderr
