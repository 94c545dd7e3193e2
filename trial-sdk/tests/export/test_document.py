"""Whole files: random architectures of a network with everything in it, and of the digits example."""

from __future__ import annotations

import importlib.util
import json
import math
import random
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Literal

import nas_trial as nas
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 -- the usual name, as in users' files
from nas_trial.export import export_source, standalone
from safetensors.torch import save_file
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

DIGITS = Path(__file__).parents[3] / "examples" / "digits" / "trial.py"

# The slope of the leak.
SLOPE = 0.1
OFFSET, SCALE = SLOPE / 2, math.sqrt(2)


@dataclass(frozen=True)
class Gains:
    gain: float = 1.0
    mode: Literal["plain", "odd"] = "plain"


def leak(x: Tensor) -> Tensor:
    # The comment stays.
    return F.leaky_relu(x, SLOPE) + OFFSET


class ConvNorm(nn.Sequential):
    """Adds nothing to a Sequential but its constructor."""

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__(nn.Conv2d(width, width, kernel, padding="same", bias=False), nn.BatchNorm2d(width), nn.ReLU())


class Wide(nn.Module):
    """A value choice inside of a candidate."""

    def __init__(self, width: int) -> None:
        super().__init__()
        hidden = nas.ValueChoice([8, 12], label="hidden")
        self.expand = nas.Conv2d(width, hidden, 5, padding=2)
        self.reduce = nas.Conv2d(hidden, width, 1)

    def forward(self, x):
        return self.reduce(F.relu(self.expand(x)))


class Gate(nn.Conv2d):
    """A layer of torch's with something of its own beside."""

    def __init__(self, width: int) -> None:
        super().__init__(width, width, 3, padding=1)
        self.scale = nn.Parameter(torch.rand(width, 1, 1))
        self.power = 2

    def forward(self, x):
        return torch.sigmoid(super().forward(x)) ** self.power * self.scale


class Two(nn.Module):
    """Takes two inputs."""

    def forward(self, x, other, *, weight=0.5):
        return x + weight * other


class Scaled(nn.Module):
    """A class to inherit from."""

    def forward(self, x):
        return x * SCALE


class Block(Scaled):
    """A block with a bit of everything."""

    factor = 3

    def __init__(self, width: int, i: int) -> None:
        super().__init__()
        self.gains = Gains(gain=0.5 + i)
        self.__secret = i
        self.op = nas.LayerChoice(
            {
                "conv3": lambda: nn.Conv2d(width, width, 3, padding=1),
                "wide 5.5/x \"quoted\" \\ 'é'": lambda: Wide(width),
                "norm": lambda: ConvNorm(width, 3),
                "gate": lambda: Gate(width),
                "skip": nn.Identity,
                "append": lambda: nn.AvgPool2d(3, 1, 1),
                "train": lambda: nn.Conv2d(width, width, (3, 1), padding=(1, 0), groups=width, bias=False),
            },
            label="op",
        )
        self.join = nas.LayerChoice({"two": Two, "other": Two}, label="join")
        self.register_buffer("shift", torch.full((1,), 0.25))
        self.register_buffer("fixed", torch.tensor([1.0, 2.0]), persistent=False)
        self.gain = nn.Parameter(torch.rand(1))

    @property
    def doubled(self):
        return 2 * self.gains.gain

    def forward(self, x):
        text = """one
    two"""
        assert len(text) == 11
        y = super().forward(x)
        y = leak(self.op(y)) * self.doubled + self.shift * self.factor * self.gain + self.fixed.sum() + self.__secret
        return self.join(y, x, weight=0.25)


class Net(nn.Module):
    """Nested choices, a repeat that is gone through and one that is called, and inputs to choose from."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 6, 3, padding=1)
        self.blocks = nas.Repeat(lambda i: Block(6, i), (0, 3), label="depth")
        self.tail = nas.Repeat(lambda i: nn.Sequential(nn.Conv2d(6, 6, 1), nn.Tanh()), (1, 2), label="tail")
        reduction = "concat"
        self.pick = nas.InputChoice(3, n_chosen=None, label="sum")
        self.mean = nas.InputChoice(["a", "b"], n_chosen=(1, 2), reduction="mean", label="mean")
        self.join = nas.InputChoice(2, n_chosen=2, reduction=reduction, label="both")
        self.list = nn.ModuleList([nn.Conv2d(6, 6, 1), nn.GELU()])
        self.drop = nas.Dropout(nas.ValueChoice([0.0, 0.3], label="rate"))
        self.head = nas.Linear(12, nas.ValueChoice([10, 20], label="classes"))
        self.act = F.relu
        self.name = nas.ValueChoice(["relu", "tanh"], label="name")
        self.twin = nn.Linear(6, 6)
        self.copy = self.twin

    def forward(self, x):
        x = self.act(self.stem(x))
        seen = [x]
        for block in self.blocks:
            x = block(x)
        seen += [x, x * 0.5]
        x = self.mean([self.tail(self.pick(seen)), x])
        for layer in self.list:
            x = layer(x)
        x = getattr(torch, nas.current(self.name))(x)
        x = self.join([x, x + 1]).mean((2, 3))
        x = torch.cat([self.copy(self.twin(x[:, :6])), x[:, 6:]], dim=1)
        return self.head(self.drop(x))


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exported")


def imported(text: str, folder: Path) -> ModuleType:
    """The generated text as a module of its own, imported from a file."""
    file = folder / f"model_{len(list(folder.iterdir()))}.py"
    file.write_text(text, encoding="utf-8")
    return standalone.module_of(file, name=file.stem)


def architecture(factory, seed: int) -> Mapping[str, object]:
    return nas.extract(factory).sample(random.Random(seed))


@pytest.mark.parametrize("seed", range(20))
def test_a_generated_network_has_the_same_keys_and_outputs(seed: int, exported: Path) -> None:
    chosen = architecture(Net, seed)
    text = export_source(Net, chosen)
    built, generated = nas.build(Net, chosen).eval(), imported(text, exported).Net().eval()
    assert list(generated.state_dict()) == list(built.state_dict())
    generated.load_state_dict(built.state_dict(), strict=True)
    images = torch.rand(2, 1, 8, 8)
    torch.testing.assert_close(generated(images), built(images), rtol=0, atol=1e-6)
    torch.testing.assert_close(generated.double()(images.double()), built.double()(images.double()), rtol=0, atol=1e-12)
    assert "nas_trial" not in text
    assert "nascore." not in text


def test_generated_files_have_no_unused_or_undefined_names(exported: Path) -> None:
    for seed in range(30, 34):
        imported(export_source(Net, architecture(Net, seed)), exported)
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--select", "E,F", "--ignore", "E501"]
    checked = subprocess.run([*command, str(exported)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_copied_code_keeps_its_comments_and_constants() -> None:
    text = export_source(
        Net, {**nas.extract(Net).default(), "depth": 1, "depth[0]/op": "conv3", "depth[0]/join": "two"}
    )
    assert "# The slope of the leak.\nSLOPE = 0.1" in text
    assert "    # The comment stays.\n    return F.leaky_relu(x, SLOPE) + OFFSET" in text
    assert '        text = """one\n    two"""\n' in text
    assert "self._Scaled_forward(x)" in text


def test_a_repeat_is_a_list_where_forward_goes_through_it() -> None:
    chosen = {"depth": 1, "depth[0]/op": "conv3", "depth[0]/join": "two"}
    text = export_source(Net, {**nas.extract(Net).default(), **chosen})
    assert "self.blocks = nn.ModuleList([Block()])" in text
    assert "self.tail = nn.Sequential(nn.Sequential(" in text


def test_only_what_is_used_is_copied() -> None:
    text = export_source(Net, {**nas.extract(Net).default(), "depth": 0})
    assert "SLOPE" not in text
    assert "dataclass" not in text
    assert "class Block" not in text


def test_equal_blocks_share_one_class() -> None:
    def factory() -> nn.Module:
        return nn.Sequential(Wide(4), Wide(4))

    text = export_source(factory, nas.extract(factory).default())
    assert text.count("class Wide") == 1
    assert "super().__init__(Wide(), Wide())" in text


def test_shared_modules_stay_shared(exported: Path) -> None:
    generated = imported(export_source(Net, nas.extract(Net).default()), exported).Net()
    assert generated.copy is generated.twin


def test_any_text_in_the_architecture_leaves_the_file_readable_by_python(exported: Path) -> None:
    def factory() -> nn.Module:
        return nas.LayerChoice({'a""" \\ b\n': nn.ReLU}, label='la"""bel')

    module = imported(export_source(factory, nas.extract(factory).default()), exported)
    assert torch.equal(module.Net()(torch.ones(1)), torch.ones(1))


def test_the_head_tells_architecture_and_metrics() -> None:
    text = export_source(Net, nas.extract(Net).default(), weights_file="best.safetensors", metrics={"accuracy": 0.75})
    head = text.split('"""')[1]
    assert '        "classes": "10",' in head
    assert "accuracy 0.75" in head
    assert 'WEIGHTS = Path(__file__).with_name("best.safetensors")' in text


def digits_module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("digits_trial", DIGITS)
    assert spec is not None
    assert spec.loader is not None
    digits = importlib.util.module_from_spec(spec)
    sys.modules["digits_trial"] = digits
    spec.loader.exec_module(digits)
    return digits


@pytest.mark.parametrize("seed", range(3))
def test_the_digits_example_can_be_exported(seed: int, exported: Path) -> None:
    digits = digits_module()
    trial = digits.Digits()
    chosen = architecture(trial.build, seed)
    text = export_source(trial, chosen)
    built, module = nas.build(trial.build, chosen).eval(), imported(text, exported)
    generated = module.Net().eval()
    generated.load_state_dict(built.state_dict(), strict=True)
    images = trial.validation_images[:16]
    torch.testing.assert_close(generated(images), built(images), rtol=0, atol=1e-6)
    expected = float((built(trial.validation_images).argmax(1) == trial.validation_labels).float().mean())
    assert module.validate(generated) == {"accuracy": pytest.approx(expected)}
    assert "nas_trial" not in text


WITHOUT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"sklearn", "safetensors", "nas_trial", "nascore"}:
            raise ImportError(f"{name} is not installed here")

sys.meta_path.insert(0, Absent())
import model, torch
network = model.load()
print(network(torch.linspace(0, 1, 640).reshape(10, 1, 8, 8)).tolist())
try:
    model.validate(network)
except ImportError as error:
    print(error)
"""


def test_the_digits_network_loads_with_torch_alone(exported: Path) -> None:
    digits = digits_module()
    trial, folder = digits.Digits(), exported / "alone"
    folder.mkdir()
    chosen = architecture(trial.build, 1)
    built = nas.build(trial.build, chosen).eval()
    (folder / "model.py").write_text(export_source(trial, chosen), encoding="utf-8")
    save_file(built.state_dict(), folder / "model.safetensors")
    run = subprocess.run([sys.executable, "-c", WITHOUT], cwd=folder, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    outputs, refusal = run.stdout.splitlines()
    expected = built(torch.linspace(0, 1, 640).reshape(10, 1, 8, 8))
    assert torch.equal(torch.tensor(json.loads(outputs)), expected)
    assert refusal == "sklearn is not installed here"


def test_the_head_names_the_packages() -> None:
    trial = digits_module().Digits()
    head = export_source(trial, nas.extract(trial.build).default()).split('"""')[1]
    assert "Packages that it needs: torch.\n" in head
    assert "The validation alone needs more packages: sklearn.\n" in head
