"""Each layer against torch's own, with weights cut by hand; the proof for whole models is in test_supernet."""

import nas_trial as nas
import pytest
import torch
from nascore.errors import SpaceError
from torch import nn


def value(*values, label="n"):
    return nas.ValueChoice(list(values), label=label)


FULL = slice(None)
LAYERS = {
    "Linear": (lambda n: nas.Linear(n, 4), lambda: nn.Linear(3, 4), (2, 3), {"weight": (FULL, slice(3))}),
    "Linear.out": (lambda n: nas.Linear(4, n, False), lambda: nn.Linear(4, 3, False), (2, 4), {"weight": (slice(3),)}),
    "Conv1d": (
        lambda n: nas.Conv1d(2, 2, n),
        lambda: nn.Conv1d(2, 2, 3),
        (1, 2, 9),
        {"weight": (FULL, FULL, slice(1, 4))},
    ),
    "Conv2d": (
        lambda n: nas.Conv2d(2, 2, (n, 1), padding="same", padding_mode="reflect"),
        lambda: nn.Conv2d(2, 2, (3, 1), padding="same", padding_mode="reflect"),
        (1, 2, 6, 6),
        {"weight": (FULL, FULL, slice(1, 4))},
    ),
    "Conv2d.stride": (
        lambda n: nas.Conv2d(2, 2, 3, stride=n - 1, padding=n, dilation=n - 2, padding_mode="replicate"),
        lambda: nn.Conv2d(2, 2, 3, stride=2, padding=3, dilation=1, padding_mode="replicate"),
        (1, 2, 6, 6),
        {},
    ),
    "Conv2d.depthwise": (
        lambda n: nas.Conv2d(n, n * 2, 3, groups=n),
        lambda: nn.Conv2d(3, 6, 3, groups=3),
        (1, 3, 5, 5),
        {"weight": (slice(6),), "bias": (slice(6),)},
    ),
    "Conv3d": (
        lambda n: nas.Conv3d(1, 2, (1, n, n)),
        lambda: nn.Conv3d(1, 2, (1, 3, 3)),
        (1, 1, 2, 5, 5),
        {"weight": (FULL, FULL, FULL, slice(1, 4), slice(1, 4))},
    ),
    "ConvTranspose2d": (
        lambda n: nas.ConvTranspose2d(n, 2, n, stride=2, output_padding=1),
        lambda: nn.ConvTranspose2d(3, 2, 3, stride=2, output_padding=1),
        (1, 3, 4, 4),
        {"weight": (slice(3), FULL, slice(1, 4), slice(1, 4))},
    ),
    "BatchNorm1d": (nas.BatchNorm1d, lambda: nn.BatchNorm1d(3), (4, 3), "all"),
    "BatchNorm2d": (
        lambda n: nas.BatchNorm2d(n, momentum=None),
        lambda: nn.BatchNorm2d(3, momentum=None),
        (4, 3, 2, 2),
        "all",
    ),
    "BatchNorm2d.batch": (
        lambda n: nas.BatchNorm2d(n, track_running_stats=False, affine=False),
        lambda: nn.BatchNorm2d(3, track_running_stats=False, affine=False),
        (4, 3, 2, 2),
        "all",
    ),
    "BatchNorm3d": (nas.BatchNorm3d, lambda: nn.BatchNorm3d(3), (4, 3, 2, 2, 2), "all"),
    "LayerNorm": (
        lambda n: nas.LayerNorm((2, n)),
        lambda: nn.LayerNorm((2, 3)),
        (4, 2, 3),
        {"weight": (FULL, slice(3)), "bias": (FULL, slice(3))},
    ),
    "LayerNorm.plain": (
        lambda n: nas.LayerNorm(n, elementwise_affine=False),
        lambda: nn.LayerNorm(3, elementwise_affine=False),
        (4, 3),
        {},
    ),
    "GroupNorm": (lambda n: nas.GroupNorm(1, n), lambda: nn.GroupNorm(1, 3), (4, 3, 2), "all"),
    "PReLU": (nas.PReLU, lambda: nn.PReLU(3), (4, 3), "all"),
    "Dropout": (lambda n: nas.Dropout(n * 0.125), lambda: nn.Dropout(0.375), (50,), {}),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layer_in_a_supernet_is_the_layer_of_torch_with_cut_weights(name) -> None:
    make, plain, shape, cuts = LAYERS[name]
    torch.manual_seed(0)
    supernet, expected = nas.build(lambda: make(value(5, 3)), None), plain()
    nas.activate(supernet, {"n": "3"})
    with torch.no_grad():
        for key, tensor in supernet.state_dict().items():
            if tensor.is_floating_point():
                tensor.copy_(torch.rand_like(tensor) + 0.5)
            cut = () if tensor.dim() == 0 else (slice(3),) if cuts == "all" else cuts.get(key, ())
            expected.state_dict()[key].copy_(tensor[cut])
    for mode in (True, False):
        supernet.train(mode)
        expected.train(mode)
        for _ in range(2):  # the second batch meets the statistics of the first
            batch = torch.randn(shape)
            torch.manual_seed(1)
            found = supernet(batch)
            torch.manual_seed(1)
            torch.testing.assert_close(found, expected(batch))


@pytest.mark.parametrize("name", LAYERS)
def test_built_layer_has_the_state_of_torch_and_is_one(name) -> None:
    make, plain, _, _ = LAYERS[name]
    built, expected = nas.build(lambda: make(value(5, 3)), {"n": "3"}), plain()
    assert isinstance(built, type(expected))
    assert {k: v.shape for k, v in built.state_dict().items()} == {k: v.shape for k, v in expected.state_dict().items()}
    assert repr(built) == repr(expected)


def test_embedding_is_cut_in_both_sizes() -> None:
    supernet = nas.build(lambda: nas.Embedding(value(9, 5), value(4, 2, label="d"), padding_idx=0), None)
    nas.activate(supernet, {"n": "5", "d": "2"})
    tokens = torch.tensor([0, 4])
    assert torch.equal(supernet(tokens), supernet.weight[tokens, :2])
    supernet(tokens).sum().backward()
    assert not supernet.weight.grad[0].any()


def test_layers_take_the_arguments_of_torch_by_position() -> None:
    assert repr(nas.Conv2d(2, 4, 3, 2, 1, 1, 2, False)) == repr(nn.Conv2d(2, 4, 3, 2, 1, 1, 2, False))
    assert repr(nas.ConvTranspose2d(2, 4, 3, 2, 1, 1, 2, False)) == repr(nn.ConvTranspose2d(2, 4, 3, 2, 1, 1, 2, False))
    assert nas.Linear(2, 3, device="meta", dtype=torch.float64).weight.is_meta


def test_statistics_of_unused_channels_stay() -> None:
    supernet = nas.build(lambda: nas.BatchNorm1d(value(5, 3)), None)
    nas.activate(supernet, {"n": "3"})
    supernet(torch.randn(8, 3) + 10)
    assert supernet.running_mean[:3].gt(0.5).all()
    assert supernet.running_mean[3:].eq(0).all()


def test_batch_norm_checks_the_rank_of_its_input() -> None:
    supernet = nas.build(lambda: nas.BatchNorm2d(value(5, 3)), None)
    nas.activate(supernet, {"n": "3"})
    with pytest.raises(ValueError, match="4D"):
        supernet(torch.randn(8, 3))


def test_choice_of_groups_is_refused_in_a_supernet_and_right_in_a_sub_graph() -> None:
    def factory() -> nn.Module:
        return nas.Conv2d(4, 4, 1, groups=nas.ValueChoice([1, 2], label="groups"))

    assert nas.build(factory, {"groups": "2"}).groups == 2
    with pytest.raises(SpaceError, match=r"Conv2d at test_layers.py:\d+: groups is a choice \(groups\).*LayerChoice"):
        nas.build(factory, None)


def test_groups_that_do_not_divide_a_width_are_refused() -> None:
    for make in (lambda: nas.Conv2d(4, value(4, 6), 1, groups=4), lambda: nas.GroupNorm(4, value(4, 6))):
        with pytest.raises(SpaceError, match=r"4 groups do not divide .* = 6"):
            nas.extract(make)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda: nas.Linear(4, value(8, 4) * 0.5), "Linear at .*out_features is 4.0, which is not a whole number"),
        (lambda: nas.Linear(4, value("a", "b")), "text|whole number"),
        (lambda: nas.Conv2d(4, 4, (3, 3, 3)), "kernel_size has 3 numbers; write 1 or 2"),
        (lambda: nas.Linear(value(True, False), 2), "in_features is True"),
        (lambda: nas.Dropout(value("a")), "text|number"),
    ],
)
def test_wrong_sizes_are_refused_in_every_mode_alike(write, message) -> None:
    for build in (write, lambda: nas.extract(write)):
        with pytest.raises(SpaceError, match=message) as caught:
            build()
        assert "test_layers.py:" in str(caught.value)
