"""A cell in a generated file: the same weights, the same outputs, and no SDK."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import nas_trial as nas
import pytest
import torch
from nas_trial.export import standalone
from nas_trial.hub import darts, enas_macro, enas_micro, nasbench101, nasbench201, nasnet, pnas
from nas_trial.hub.entry import HubSpace
from torch import nn

CELL = """
import nas_trial as nas
import torch
from torch import nn


class Cell(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, inputs):
        return [x * self.scale for x in inputs]


class Older(nn.Module):
    def forward(self, output, inputs):
        return output + inputs[0].sum()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        operations = {"conv.1": lambda: nn.Conv2d(3, 3, 1), "tanh": lambda node, operation, input_: nn.Tanh()}
        self.cell = nas.Cell(
            operations, nodes=3, operations_per_node=2, predecessors=2, inputs="INPUTS", merge="loose_end", dim=2,
            preprocessor=Cell(), postprocessor=Older(), label="cell",
        )

    def forward(self, x):
        return self.cell([x, x + 1])
"""


def module_of(file: Path):
    return standalone.module_of(file, name=file.stem)


def check_exported(make: Callable[[], nn.Module], folder: Path, *, count: int, size: int) -> None:
    space = nas.extract(make)
    x = torch.randn(2, 3, size, size, dtype=torch.double, generator=torch.Generator().manual_seed(0))
    for number in range(count):
        architecture = space.sample(random.Random(number))
        file = folder / f"exported_{number}.py"
        text = nas.export_source(make, architecture)
        file.write_text(text)
        name = text[text.index("def load(") :].partition("model = ")[2].partition("()")[0]
        assert "nas_trial" not in text
        network = nas.build(make, architecture).double().eval()
        plain = getattr(module_of(file), name)().double().eval()
        plain.load_state_dict(network.state_dict(), strict=True)
        with torch.no_grad():
            assert torch.allclose(plain(x), network(x), rtol=0, atol=1e-10)


@pytest.mark.parametrize("inputs", ["any", "distinct"])
def test_a_cell_is_exported_beside_a_class_of_the_same_name(inputs: str, tmp_path: Path) -> None:
    file = tmp_path / f"cell_user_{inputs}.py"
    file.write_text(CELL.replace("INPUTS", inputs))
    check_exported(module_of(file).Net, tmp_path, count=4, size=4)


@pytest.mark.parametrize(
    ("space", "options"),
    [
        (darts.SPACE, {"layers": 3, "width": 4}),
        pytest.param(nasnet.SPACE, {"layers": 3, "width": 4}, marks=pytest.mark.slow),
        pytest.param(pnas.SPACE, {"layers": 3, "width": 4, "stem": "large"}, marks=pytest.mark.slow),
        pytest.param(enas_micro.SPACE, {"layers": 5, "width": 4}, marks=pytest.mark.slow),
        (enas_macro.SPACE, {"layers": 4, "width": 4}),
        (nasbench101.SPACE, {"width": 8, "depth": 1}),
        pytest.param(nasbench201.SPACE, {"width": 4, "depth": 1}, marks=pytest.mark.slow),
    ],
    ids=lambda value: value.name if isinstance(value, HubSpace) else "",
)
def test_a_cell_space_of_the_hub_is_exported(space: HubSpace, options: dict[str, object], tmp_path: Path) -> None:
    check_exported(lambda: space.make(classes=4, channels=3, **options), tmp_path, count=1, size=32)
