"""A one-shot search whose server, tuner host or worker is killed among its samples finds what it would have found."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

TRIAL = """
import os
import signal
from pathlib import Path

import nas_trial as nas
import torch
from nas_trial.oneshot.options import SearchOptions
from torch import nn

BATCHES = 6


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, 8)
        self.act = nas.LayerChoice({"relu": nn.ReLU, "tanh": nn.Tanh, "none": nn.Identity}, label="act")
        deep = nn.Sequential(nn.Linear(8, 8), nn.GELU())
        self.second = nas.LayerChoice({"deep": deep, "plain": nn.Linear(8, 8)}, label="second")
        self.head = nn.Linear(8, 1)

    def forward(self, x):
        return self.head(self.second(self.act(self.first(x))))


def batches(seed):
    source = torch.Generator().manual_seed(seed)
    found = []
    for _ in range(BATCHES):
        x = torch.randn(16, 2, generator=source)
        found.append((x, (x[:, :1] * x[:, 1:]).tanh()))
    return found


class Product(nas.Trial):
    epochs = 1
    search_options = SearchOptions(save_rest_s=0.0)
    steps = 0

    def build(self):
        return Net()

    def train_batches(self):
        return batches(1)

    def search_batches(self):
        return batches(2)

    def validation_batches(self):
        return batches(3)

    def test_batches(self):
        return batches(4)

    def training_step(self, model, batch):
        self.die()
        return nn.functional.mse_loss(model(batch[0]), batch[1])

    def validation_step(self, model, batch):
        return {"accuracy": -nn.functional.mse_loss(model(batch[0]), batch[1])}

    def die(self):
        \"\"\"Kill this process, once, where a test asked for it.\"\"\"
        Product.steps += 1
        marker = Path(os.environ.get("DIE_ONCE", "/nowhere"))
        if Product.steps == int(os.environ.get("DIE_AT", "0")) and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    nas.run(Product())
"""

SEARCH = (
    *("run", "trial.py", "--tuner", "darts", "--seed", "3", "--no-trust", "-q"),
    *("--search-epochs", "3", "--warmup-epochs", "1", "--retrain-epochs", "1"),
)


class Place:
    """A folder with a trial and a home of its own, where the program is called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "trial.py").write_text(TRIAL)
        self.environment = {**os.environ, "NASCORE_HOME": str(folder / "home"), "PYTHONWARNINGS": ""}

    def call(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "nascore", *words],
            cwd=self.folder,
            env={**self.environment, **more},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def found(self) -> object:
        """The best network with all its metrics, and what the supernet derived it by."""
        trials = json.loads(self.call("trials", "last", "--json").stdout)
        assert [trial["state"] for trial in trials] == ["succeeded", "succeeded"]
        best = json.loads(self.call("best", "last", "--json").stdout)[0]
        return best["architecture"], best["metrics"], trials[0]["metrics"], best["notes"]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> object:
    place = Place(tmp_path_factory.mktemp("whole") / "search")
    done = place.call(*SEARCH)
    assert done.returncode == 0, done.stderr
    return place.found()


@pytest.mark.slow
@pytest.mark.parametrize("point", ["exchange.before_ask=kill@9", "exchange.after_ask=kill@17"])
def test_killed_server_resumes_to_the_same_network(tmp_path: Path, uninterrupted: object, point: str) -> None:
    place = Place(tmp_path / "search")
    killed = place.call(*SEARCH, NASCORE_FAILPOINTS=point)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    resumed = place.call("resume", "last", "-q")
    assert resumed.returncode == 0, resumed.stderr
    assert place.found() == uninterrupted


@pytest.mark.slow
def test_killed_tuner_host_sends_the_worker_back_to_the_same_network(tmp_path: Path, uninterrupted: object) -> None:
    place = Place(tmp_path / "search")
    done = place.call(*SEARCH, NASCORE_FAILPOINTS="tuner.before_ask=kill@18")
    assert done.returncode == 0, done.stderr
    assert place.found() == uninterrupted


@pytest.mark.slow
@pytest.mark.parametrize("step", ["8", "15"])
def test_killed_worker_is_followed_by_one_that_finds_the_same_network(
    tmp_path: Path, uninterrupted: object, step: str
) -> None:
    place = Place(tmp_path / "search")
    done = place.call(*SEARCH, DIE_AT=step, DIE_ONCE=str(tmp_path / "died"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "died").exists()
    assert place.found() == uninterrupted


@pytest.mark.slow
@pytest.mark.parametrize("tuner", ["darts", "enas"])
def test_two_workers_train_one_supernet_together(tmp_path: Path, tuner: str) -> None:
    place = Place(tmp_path / "search")
    words = ["--tuner", tuner, "--share-weights", "async", "--sync-every", "4", "--parallel", "2"]
    done = place.call(*SEARCH, *words)
    assert done.returncode == 0, done.stderr
    trials = json.loads(place.call("trials", "last", "--json").stdout)
    searches = [trial for trial in trials if trial["notes"]["role"] == "search"]
    assert [search["notes"]["member"] for search in searches] == [0, 1]
    assert {search["state"] for search in searches} == {"succeeded"}
    assert trials[-1]["notes"]["role"] == "retrain"


@pytest.mark.slow
def test_without_retraining_the_derived_network_has_the_supernets_word(tmp_path: Path) -> None:
    place = Place(tmp_path / "search")
    done = place.call(*SEARCH, "--retrain-epochs", "0")
    assert done.returncode == 0, done.stderr
    best = json.loads(place.call("best", "last", "--json").stdout)
    assert [trial["number"] for trial in best] == [0]
    assert set(best[0]["architecture"]) == {"act", "second"}
    assert "accuracy" in best[0]["metrics"]
    assert json.loads(place.call("export", "last", "--best").stdout) == best[0]["architecture"]
