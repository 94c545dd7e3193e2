"""Annotated code as part of a model of the SDK: under nas.run, nas.search and nas.connect."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import nas_trial as nas
import pytest
from click.testing import CliRunner
from nas_trial.annotated.declared import declared
from nas_trial_plugin.plugin import nascore_commands
from nascore.space import SearchSpace

NET = '''
import torch
from torch import nn


def double(inputs):
    return inputs[0][0] * 2


def same(inputs, shift=0):
    return inputs[0][0] + shift


class Net(nn.Module):
    def __init__(self, op):
        super().__init__()
        self.op = op
        self.head = nn.Linear(2, 2)

    def forward(self, x):
        """@nni.mutable_layers({layer_choice: [double, same(shift=1)], fixed_inputs: [x], layer_output: y})"""
        return self.head(self.op(y))
'''
TRIAL = '''
import os
import nas_trial as nas
import torch
from net import Net, double, same
from torch import nn


def build():
    return Net(nas.LayerChoice({"id": nn.Identity, "tanh": nn.Tanh}, label="op"))


class Small(nas.Trial):
    epochs = 1

    def build(self):
        return build()

    def train_batches(self):
        return self.validation_batches()

    def validation_batches(self):
        return [(torch.ones(4, 2), torch.tensor([0, 1, 0, 1]))]

    def validation_step(self, model, batch):
        """@nni.mutable_layers({
            layer_choice: [double, same], fixed_inputs: [torch.ones(())], layer_output: z
        })"""
        return {"accuracy": z}


if __name__ == "__main__":
    if os.environ.get("LOOP"):
        with nas.connect(build if os.environ["LOOP"] == "known" else None) as session:
            for trial in session:
                with trial:
                    trial.build(build)
                    trial.finish(**Small().validation_step(None, None))
    elif os.environ.get("SEARCH"):
        found = nas.search(Small(), tuner="random", trials=4, seed=1)
        for trial in found.trials:
            print("TRIED", trial.proposal.architecture.to_json(), trial.outcome.metrics["accuracy"])
    else:
        nas.run(Small())
'''
LABELS = ["net.Net.forward:y", "trial.Small.validation_step:z", "op"]


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("declared")
    (folder / "src").mkdir()
    (folder / "src/net.py").write_text(NET)
    (folder / "src/trial.py").write_text(TRIAL)
    done = CliRunner().invoke(nascore_commands()["compile"], [str(folder / "src"), "-o", str(folder / "build")])
    assert done.exception is None
    return folder / "build"


def run(built: Path, tmp_path: Path, **variables: str) -> str:
    environment = {**os.environ, "NASCORE_HOME": str(tmp_path), "OMP_NUM_THREADS": "1", **variables}
    command = [sys.executable, str(built / "trial.py")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("loop", ["", "known", "later"])
def test_the_space_holds_annotated_choices_and_the_models_own(built: Path, tmp_path: Path, loop: str) -> None:
    output = tmp_path / "space.json"
    run(built, tmp_path, NASCORE_TASK="space", NASCORE_OUTPUT=str(output), LOOP=loop)
    space = SearchSpace.from_json(output.read_text())
    assert [node.label for node in space.nodes] == LABELS
    compiled = SearchSpace.from_json((built / "search_space.json").read_text())
    assert space.nodes[:2] == compiled.nodes


@pytest.mark.parametrize("loop", ["", "known"])
def test_without_a_server_the_default_architecture_runs(built: Path, tmp_path: Path, loop: str) -> None:
    output = run(built, tmp_path, LOOP=loop)
    assert "accuracy 2" in output
    assert loop or "  net.Net.forward:y = double()\n" in output


def test_a_search_gives_every_trial_its_own_choices(built: Path, tmp_path: Path) -> None:
    lines = [
        line.split(" ", 1)[1] for line in run(built, tmp_path, SEARCH="1").splitlines() if line.startswith("TRIED")
    ]
    tried = [json.loads(line.rpartition(" ")[0]) for line in lines]
    metrics = [float(line.rpartition(" ")[2]) for line in lines]
    assert {architecture[LABELS[1]] for architecture in tried} == {"double()", "same()"}
    assert metrics == [2.0 if architecture[LABELS[1]] == "double()" else 1.0 for architecture in tried]


def test_a_model_without_annotated_code_is_left_alone() -> None:
    def factory():
        return nas.LayerChoice({}, label="op")

    assert declared(factory) is factory
