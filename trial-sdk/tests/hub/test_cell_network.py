"""Every space of cells builds, computes and learns, in whatever architecture; supernets compute the same."""

import random

import nas_trial as nas
import pytest
import torch
from nas_trial.hub import amoebanet, darts, enas_macro, enas_micro, nasbench101, nasbench201, nasnet, pnas
from nas_trial.hub.cell_network import genotype
from nas_trial.hub.entry import HubSpace
from nascore.errors import SettingsError
from torch import nn

SMALL: list[tuple[HubSpace, dict[str, object]]] = [
    (darts.SPACE, {"layers": 3, "width": 4}),
    (nasnet.SPACE, {"layers": 3, "width": 4}),
    (amoebanet.SPACE, {"layers": 3, "width": 4}),
    (pnas.SPACE, {"layers": 3, "width": 4}),
    (enas_micro.SPACE, {"layers": 5, "width": 4}),
    (enas_macro.SPACE, {"layers": 6, "width": 4}),
    (nasbench101.SPACE, {"width": 8, "depth": 1}),
    (nasbench201.SPACE, {"width": 4, "depth": 1}),
]
ALIKE = {"amoebanet", "pnas"}  # what holds for NASNet and DARTS holds for them, but slowly
SPACES = pytest.mark.parametrize(
    "name", [pytest.param(space.name, marks=[pytest.mark.slow] * (space.name in ALIKE)) for space, _ in SMALL]
)


def found(name: str) -> tuple[HubSpace, dict[str, object]]:
    return next((space, options) for space, options in SMALL if space.name == name)


def check_learns(network: nn.Module, size: int) -> None:
    images = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    logits = network(images)
    assert logits.shape == (2, 10)
    logits.sum().backward()
    gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    assert gradients
    assert all(gradient.isfinite().all() for gradient in gradients)


def check_members(make, count: int) -> None:
    space = nas.extract(make)
    rng = random.Random(0)
    for _ in range(count):
        check_learns(nas.build(make, space.sample(rng)), 32)


@SPACES
def test_random_members_of_reduced_width_learn(name: str) -> None:
    space, options = found(name)
    check_members(lambda: space.make(classes=10, channels=3, **options), 2)


@pytest.mark.slow
@pytest.mark.parametrize("name", [space.name for space, _ in SMALL])
def test_fifty_random_members_learn(name: str) -> None:
    space, options = found(name)
    check_members(lambda: space.make(classes=10, channels=3, **options), 50)


@SPACES
def test_a_supernet_computes_what_the_built_network_computes(name: str) -> None:
    space, options = found(name)

    def make() -> nn.Module:
        return space.make(classes=10, channels=3, **options)

    searched = nas.extract(make)
    supernet = nas.build(make, None).double().eval()
    images = torch.randn(1, 3, 32, 32, dtype=torch.double, generator=torch.Generator().manual_seed(0))
    rng = random.Random(5)
    for _ in range(4):
        architecture = nas.activate(supernet, searched.sample(rng))
        network = nas.build(make, architecture).double().eval()
        slices = nas.slices(supernet, architecture)
        assert slices.keys() == network.state_dict().keys()
        nas.copy_weights(supernet.state_dict(), network, slices=slices)
        with torch.no_grad():
            assert torch.allclose(supernet(images), network(images), rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("name", "known", "parameters"),
    [
        (space.name, name, known.parameters)
        for space, _ in SMALL
        for name, known in space.known.items()
        if known.parameters
    ],
)
def test_known_members_have_the_parameters_that_were_published(name: str, known: str, parameters: int) -> None:
    space, _ = found(name)
    member = space.known[known]
    with torch.device("meta"):
        network = nas.build(lambda: space.make(classes=10, channels=3, **member.options), member.decisions)
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters


@pytest.mark.parametrize("name", ["darts", "pnas"])
def test_the_large_stem_takes_images_of_imagenet(name: str) -> None:
    space, options = found(name)

    def make() -> nn.Module:
        return space.make(classes=10, channels=3, stem="large", **options)

    check_learns(nas.build(make, nas.extract(make).default()), 224)


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("darts", {"stem": "huge"}, "stem is 'huge'"),
        ("darts", {"width": 5}, "width is 5"),
        ("nasnet", {"layers": 0}, "layers is 0"),
        ("enas-micro", {"width": 3}, "width is 3"),
        ("enas-macro", {"width": 0}, "width is 0"),
        ("nasbench101", {"width": 3}, "width is 3"),
        ("nasbench101", {"depth": 0}, "depth is 0"),
        ("nasbench201", {"width": 0}, "width is 0"),
        ("pnas", {"cells": 3}, "no option 'cells'"),
    ],
)
def test_options_that_make_no_network_are_refused(name: str, options: dict[str, object], says: str) -> None:
    space, _ = found(name)
    with pytest.raises(SettingsError, match=says):
        space.make(classes=10, channels=3, **options)


def test_a_genotype_becomes_decisions_of_a_cell() -> None:
    nodes = ((("conv", 1), ("skip", 0)),)
    assert genotype("cell", nodes, inputs="any") == {
        "cell.input_2_0": "1",
        "cell.op_2_0": "conv",
        "cell.input_2_1": "0",
        "cell.op_2_1": "skip",
    }
    assert genotype("cell", nodes, inputs="distinct") == {
        "cell.inputs_2": ("0", "1"),
        "cell.inputs_2/1/cell.op_2_1": "conv",
        "cell.inputs_2/0/cell.op_2_0": "skip",
    }
