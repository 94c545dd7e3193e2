"""A generated file is proved in a process without the SDK."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from nas_trial.export import ExportError, verify
from nas_trial.export.verify import Inputs, _compare
from safetensors.torch import save_file
from torch import nn


def test_a_file_that_needs_the_sdk_is_refused(tmp_path: Path) -> None:
    file, weights, model = tmp_path / "model.py", tmp_path / "model.safetensors", nn.Linear(2, 2)
    file.write_text("import nas_trial\n")
    save_file(model.state_dict(), weights)
    with pytest.raises(ExportError, match="a stand-alone file must not import nas_trial"):
        verify(file, weights, class_name="Net", model=model, inputs=Inputs((torch.ones(1, 2),), {}))


def test_other_outputs_are_refused_with_the_difference() -> None:
    with pytest.raises(ExportError, match=r"output\.1: the generated network differs by 0.5"):
        _compare({"output.1": torch.tensor([1.0])}, {"output.1": torch.tensor([1.5])})
    with pytest.raises(ExportError, match="differs by nan"):
        _compare({"output": torch.tensor([1.0])}, {"output": torch.tensor([float("nan")])})
    with pytest.raises(ExportError, match=r"shape \[2\] instead of \[1\]"):
        _compare({"output": torch.ones(1)}, {"output": torch.ones(2)})
    _compare({"output": torch.tensor([100.0])}, {"output": torch.tensor([100.0005])})
