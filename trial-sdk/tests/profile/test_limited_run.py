"""Limits and figures in a real search: server, workers and all."""

import json
import os
import subprocess
import sys

import pytest

TRIAL = """
import nas_trial as nas
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nas.Linear(4, nas.ValueChoice([2, 3, 4, 5, 6, 7, 8, 9], label="width"), bias=False)

    def forward(self, x):
        return self.layer(x)


class Rows(nas.Trial):
    epochs = 1
    device = "cpu"
    keeps_weights = False

    def build(self):
        return Net()

    def train_batches(self):
        inputs = torch.randn(16, 4)
        return [(inputs, (inputs[:, 0] > 0).long())]

    validation_batches = train_batches


if __name__ == "__main__":
    nas.run(Rows())
"""


@pytest.fixture
def nascore(tmp_path):
    (tmp_path / "trial.py").write_text(TRIAL)
    environ = os.environ | {"NASCORE_HOME": str(tmp_path / "home"), "OMP_NUM_THREADS": "1"}

    def call(*words):
        command = [sys.executable, "-m", "nascore", *words]
        done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_limits_hold_through_a_search_and_its_resumption(nascore):
    said = ["--objective", "accuracy", "--objective", "macs:min", "--max", "params=24", "--profile", "memory"]
    nascore("run", "trial.py", "-q", "--trials", "8", "--seed", "1", *said)
    nascore("resume", "last", "-q", "--trials", "16")
    found = json.loads(nascore("trials", "last", "--json"))
    assert len(found) == 16
    for trial in found:
        width = int(trial["architecture"]["width"])
        if width > 6:
            assert trial["state"] == "infeasible"
            assert trial["failure"]["message"] == f"params is {4 * width}, above the limit of 24."
        else:
            assert trial["state"] == "succeeded"
            wanted = {"params": 4 * width, "macs": 4 * width, "activation_bytes": 4 * (4 + width)}
            assert trial["metrics"].items() >= wanted.items()
    for part in (found[:8], found[8:]):
        assert {trial["state"] for trial in part} == {"infeasible", "succeeded"}
