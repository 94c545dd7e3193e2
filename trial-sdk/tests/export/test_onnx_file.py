"""ONNX files, computed by onnxruntime. torch converts slowly, so one network stands for all that is supported."""

from __future__ import annotations

import builtins
import importlib.util
import subprocess
import sys
from pathlib import Path

import nas_trial as nas
import pytest
import torch
from nas_trial.export import ONNX_TOLERANCE, ExportError, onnx_file
from torch import nn

PACKAGES = ("onnx", "onnxscript", "onnxruntime")
needs_onnx = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in PACKAGES),
    reason="the extra nas-trial[onnx] is not installed",
)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        width = nas.ValueChoice([4, 8], label="width")
        self.stem = nas.Conv2d(3, width, 3, padding=1)
        self.norm = nas.BatchNorm2d(width)
        self.op = nas.LayerChoice({"relu": nn.ReLU, "skip": nn.Identity}, label="op")
        self.stage = nas.Repeat(lambda i: nas.Conv2d(width, width, 1), (1, 2), label="depth")
        self.pick = nas.InputChoice(2, n_chosen=(1, 2), reduction="mean", label="pick")
        self.attention = nas.MultiheadAttention(width, 2, batch_first=True)
        self.head = nas.Linear(width, 5)

    def forward(self, x, *, scale):
        x = self.op(self.norm(self.stem(x)))
        x = self.pick([x, self.stage(x)]).flatten(2).mT
        x = self.attention(x, x, x, need_weights=False)[0] * scale[:, None, None]
        return {"logits": self.head(x.mean(1)), "features": [x]}


class OnNumbers(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x


def built() -> nn.Module:
    return nas.build(Net, {"width": "8", "op": "relu", "depth": 2, "pick": ("0", "1")})


@needs_onnx
@pytest.mark.slow
def test_onnxruntime_computes_the_same_for_batches_of_any_size(tmp_path: Path) -> None:
    onnxruntime = importlib.import_module("onnxruntime")
    torch.manual_seed(0)
    model = built().train()
    path = tmp_path / "out" / "model.onnx"
    options = {"scale": torch.tensor([2.0])}
    assert onnx_file.write_onnx(model, (torch.randn(1, 3, 5, 5),), options, path=path) == path
    assert [file.name for file in path.parent.iterdir()] == ["model.onnx"]
    assert model.training
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for size in (1, 2, 7):
        x, scale = torch.randn(size, 3, 5, 5), torch.rand(size)
        expected = model.eval()(x, scale=scale)
        found = session.run(None, {"input0": x.numpy(), "input1": scale.numpy()})
        for wanted, given in zip((expected["logits"], expected["features"][0]), found, strict=True):
            torch.testing.assert_close(torch.from_numpy(given), wanted, rtol=0, atol=ONNX_TOLERANCE)


@needs_onnx
@pytest.mark.slow
def test_nothing_of_what_torch_says_is_shown(tmp_path: Path) -> None:
    code = (
        "import nas_trial as nas, torch, sys; from torch import nn\n"
        "nas.export_onnx(nn.Sequential(nn.Linear(2, 3), nn.ReLU()), torch.ones(2, 2), sys.argv[1])\n"
    )
    words = [sys.executable, "-c", code, str(tmp_path / "model.onnx")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_onnx
@pytest.mark.slow
def test_network_that_depends_on_numbers_is_refused_and_no_file_is_left(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"cannot convert OnNumbers to ONNX: .*data-dependent") as caught:
        nas.export_onnx(OnNumbers(), torch.ones(2, 2), tmp_path / "model.onnx")
    assert "depend on the numbers" in caught.value.hint
    assert not list(tmp_path.iterdir())


@needs_onnx
@pytest.mark.parametrize(
    ("example", "message"),
    [
        (torch.tensor(1.0), "no batch"),
        ("text", "no batch"),
        ((), "no batch"),
        ((torch.ones(2, 2), torch.ones(3, 2)), "batches of different sizes"),
    ],
)
def test_examples_without_a_batch_are_refused(example, message, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=message) as caught:
        nas.export_onnx(nn.Linear(2, 2), example, tmp_path / "model.onnx")
    assert "first dimension is the batch" in caught.value.hint


@needs_onnx
def test_supernets_and_networks_that_fail_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"is a supernet.*nas\.build"):
        nas.export_onnx(nas.build(Net, None), torch.ones(2, 3, 5, 5), tmp_path / "model.onnx")
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        nas.export_onnx(nn.Linear(2, 2), torch.ones(2, 3), tmp_path / "model.onnx")


def test_missing_packages_are_named_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_file, "find_spec", lambda name: None if name.startswith("onnx") else builtins)
    with pytest.raises(ExportError, match=r"^Writing ONNX needs onnx and onnxscript and onnxruntime") as caught:
        nas.export_onnx(nn.Linear(2, 2), torch.ones(2, 2), tmp_path / "model.onnx")
    assert "pip install 'nas-trial[onnx]'" in caught.value.hint


@needs_onnx
def test_other_outputs_are_refused() -> None:
    with pytest.raises(ExportError, match=r"differs by 1 \(allowed: 0.0001\)"):
        onnx_file._compare([torch.ones(2)], [torch.zeros(2)])
    with pytest.raises(ExportError, match=r"shape \[3\], not \[2\]"):
        onnx_file._compare([torch.ones(2)], [torch.zeros(3)])
    with pytest.raises(ExportError, match="differs by nan"):
        onnx_file._compare([torch.ones(2)], [torch.full((2,), torch.nan)])
