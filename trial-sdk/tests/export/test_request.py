"""The task of exporting: from a request file to proved files."""

from __future__ import annotations

import json
from pathlib import Path

import nas_trial as nas
import pytest
import torch
from nas_trial import weights
from nas_trial.export import ExportError, ExportTask, run_export
from nascore.errors import InvalidInputError
from nascore.weights import DirectoryStore
from torch import nn

OFFSET = 0


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.line = nas.Linear(4, nas.ValueChoice([2, 3], label="classes"))

    def forward(self, x):
        return self.line(x) + OFFSET


class Small(nas.Trial):
    def build(self):
        return Net()

    def validation_batches(self):
        yield torch.linspace(0, 1, 24).reshape(6, 4), torch.arange(6) % 2


def request(folder: Path, **changes: object) -> Path:
    file = folder / "request.json"
    known = {
        "architecture": {"classes": "3"},
        "weights": str(folder / "weights"),
        "checkpoint": "",
        "target": str(folder / "out" / "model.py"),
        "metrics": {},
    }
    file.write_text(json.dumps(known | changes))
    return file


def test_a_checkpoint_of_another_architecture_is_refused(tmp_path: Path) -> None:
    checkpoint = weights.save(nn.Linear(2, 2).state_dict(), DirectoryStore(tmp_path / "weights"), trial=0)
    with pytest.raises(InvalidInputError, match="does not fit the network"):
        run_export(Small(), request(tmp_path, checkpoint=checkpoint))
    assert not (tmp_path / "out").exists()


def test_a_result_that_is_wrong_is_kept_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(Net.forward.__globals__, "OFFSET", 5)  # which the file does not say
    with pytest.raises(ExportError, match=r"differs by 5 .*") as caught:
        run_export(Small(), request(tmp_path))
    assert "model.py.rejected" in caught.value.hint
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["model.py.rejected"]


def test_a_request_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "request.json"
    with pytest.raises(InvalidInputError, match="FileNotFoundError"):
        ExportTask.read(file)
    file.write_text('{"architecture": {}}')
    with pytest.raises(InvalidInputError, match="KeyError: 'weights'"):
        ExportTask.read(file)
