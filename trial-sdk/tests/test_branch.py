"""A branch begins by adding nothing, learns all the same, and is a layer like others in supernets and in exports."""

import importlib.util

import nas_trial as nas
import pytest
import torch
from nas_trial.judging import outputs, trained
from torch import nn


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


class Zeros(nn.Module):
    def forward(self, x):
        return torch.zeros_like(x)


class Net(nn.Module):
    """Paths beside each other: one that may be missing, and any number of copies."""

    def __init__(self):
        super().__init__()
        width = nas.Integer(2, 6, step=2, label="width")
        self.stem = nas.Linear(3, width)
        self.beside = nas.LayerChoice(
            {"none": Zeros, "linear": lambda: nas.Branch(nas.Linear(width, width))}, label="beside"
        )
        self.paths = nas.Repeat(
            lambda _: nas.Branch(nn.Sequential(nas.Linear(width, width), nn.GELU())), (0, 3), label="paths"
        )
        self.head = nas.Linear(width, 2)

    def forward(self, x):
        x = self.stem(x)
        total = x + self.beside(x)
        for path in self.paths:
            total = total + path(x)
        return self.head(total)


CHOSEN = {"width": 4, "beside": "linear", "paths": 2}


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_a_branch_begins_by_adding_exactly_nothing(dtype):
    branch = nas.Branch(nn.Sequential(nn.Linear(4, 4, dtype=dtype), nn.GELU()))
    x = torch.randn(8, 4, dtype=dtype)
    added = branch(x)
    assert added.dtype is dtype
    assert torch.equal(x + added, x)


def test_the_factor_learns_first_and_what_it_multiplies_after_it():
    branch = nas.Branch(nn.Linear(4, 4))
    optimizer = torch.optim.SGD(branch.parameters(), lr=0.1)
    x, target = torch.randn(32, 4), torch.randn(32, 4)
    errors = []
    for step in range(3):
        error = nn.functional.mse_loss(x + branch(x), target)
        errors.append(error.item())
        optimizer.zero_grad()
        error.backward()
        assert branch.factor.grad != 0
        assert bool(branch.layer.weight.grad.any()) is (step > 0)
        optimizer.step()
    assert errors[0] > errors[1] > errors[2]


def test_a_branch_passes_all_its_inputs_on():
    branch = nas.Branch(nn.Bilinear(2, 3, 4))
    with torch.no_grad():
        branch.factor.fill_(2.0)
    first, second = torch.randn(5, 2), torch.randn(5, 3)
    assert torch.equal(branch(first, second), 2.0 * branch.layer(first, second))


def test_a_supernet_computes_what_the_built_network_computes():
    supernet = trained(nas.build(Net, None))
    network = nas.build(Net, CHOSEN)
    nas.copy_weights(supernet.state_dict(), network, slices=nas.slices(supernet, CHOSEN))
    nas.activate(supernet, CHOSEN)
    x = torch.randn(8, 3)
    assert torch.allclose(outputs(supernet, x, training=True), outputs(network, x, training=True), atol=1e-6)
    assert network.paths[1].factor == supernet.paths[1].factor != 0


def test_an_exported_network_has_the_same_keys_and_outputs_without_the_sdk(tmp_path):
    text = nas.export_source(Net, CHOSEN)
    assert "nas_trial" not in text
    file = tmp_path / "model.py"
    file.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("exported_branches", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    network, exported = trained(nas.build(Net, CHOSEN)).double(), module.Net().double()
    assert list(exported.state_dict()) == list(network.state_dict())
    exported.load_state_dict(network.state_dict(), strict=True)
    x = torch.randn(8, 3, dtype=torch.float64)
    assert torch.allclose(outputs(exported, x, training=False), outputs(network, x, training=False), rtol=0, atol=1e-12)
