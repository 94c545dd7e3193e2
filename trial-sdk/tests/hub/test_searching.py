"""A search of a space of the hub on a trial's own data, through real processes: run, resume, export."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from nascore.space import SearchSpace

TRIAL = """
import nas_trial as nas
import torch
from torch import nn


class Small(nas.Trial):
    epochs = 1

    def build(self):
        return nn.Sequential(nn.Flatten(), nas.Linear(128, nas.ValueChoice([3], label="own")))

    def train_batches(self):
        return self.validation_batches()

    def validation_batches(self):
        yield torch.linspace(-1, 1, 512).reshape(4, 2, 8, 8), torch.arange(4) % 3


if __name__ == "__main__":
    nas.run(Small())
"""
SPACE = "hub:nasbench201?width=2&depth=1"


@pytest.fixture
def trial(tmp_path: Path) -> Path:
    file = tmp_path / "trial.py"
    file.write_text(TRIAL)
    return file


def _run(folder: Path, *words: str, **variables: str) -> str:
    environment = os.environ | {"NASCORE_HOME": str(folder / "home"), "CUDA_VISIBLE_DEVICES": "", **variables}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_space_of_a_trial_is_that_of_the_hub_where_the_environment_says_so(trial: Path) -> None:
    output = trial.with_name("space.json")
    variables = {"NASCORE_TASK": "space", "NASCORE_OUTPUT": str(output), "NASCORE_SPACE": SPACE}
    _run(trial.parent, sys.executable, str(trial), **variables)
    space = SearchSpace.from_json(output.read_text())
    assert len(space.decisions) == 6
    assert str(space.size()) == "15,625"


@pytest.mark.slow
def test_a_space_of_the_hub_is_searched_resumed_and_exported(trial: Path) -> None:
    folder, nascore = trial.parent, (sys.executable, "-m", "nascore")
    _run(folder, *nascore, "run", "trial.py", "--space", SPACE, "--trials", "1", "--isolation", "none", "-q")
    _run(folder, *nascore, "resume", "--trials", "2", "-q")
    trials = json.loads(_run(folder, *nascore, "export"))["trials"]
    assert [len(each["architecture"]) for each in trials] == [6, 6]
    _run(folder, *nascore, "export", "--best", "--code", "model.py")
    check = "import model, torch; assert model.load()(torch.zeros(1, 2, 8, 8)).shape == (1, 3)"
    _run(folder, sys.executable, "-c", check, PYTHONPATH=str(folder))
