"""Each layer against torch's own, with weights cut by hand; the proof for whole models is in test_supernet."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

import nas_trial as nas
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nascore.errors import SpaceError
from torch import Tensor, nn


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
    "ConvTranspose1d": (
        lambda n: nas.ConvTranspose1d(2, n * 2, 3, groups=2, bias=False),
        lambda: nn.ConvTranspose1d(2, 6, 3, groups=2, bias=False),
        (1, 2, 4),
        {"weight": (FULL, slice(3))},
    ),
    "ConvTranspose3d": (
        lambda n: nas.ConvTranspose3d(1, 2, (1, n, 1), dilation=(1, n - 2, 1)),
        lambda: nn.ConvTranspose3d(1, 2, (1, 3, 1)),
        (1, 1, 2, 3, 2),
        {"weight": (FULL, FULL, FULL, slice(1, 4))},
    ),
    "RMSNorm": (lambda n: nas.RMSNorm((2, n)), lambda: nn.RMSNorm((2, 3)), (4, 2, 3), {"weight": (FULL, slice(3))}),
    "InstanceNorm1d": (
        lambda n: nas.InstanceNorm1d(n, affine=True),
        lambda: nn.InstanceNorm1d(3, affine=True),
        (2, 3, 4),
        "all",
    ),
    "InstanceNorm2d": (
        lambda n: nas.InstanceNorm2d(n, track_running_stats=True),
        lambda: nn.InstanceNorm2d(3, track_running_stats=True),
        (2, 3, 4, 4),
        "all",
    ),
    "InstanceNorm3d": (nas.InstanceNorm3d, lambda: nn.InstanceNorm3d(3), (2, 3, 2, 2, 2), {}),
    "Bilinear": (
        lambda n: nas.elastic(nn.Bilinear)(n, 2, out_features=4),
        lambda: nn.Bilinear(3, 2, 4),
        None,
        {"weight": (FULL, slice(3))},
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
            batch = [torch.randn(4, 3), torch.randn(4, 2)] if shape is None else [torch.randn(shape)]
            torch.manual_seed(1)
            found = supernet(*batch)
            torch.manual_seed(1)
            torch.testing.assert_close(found, expected(*batch))
    for key, tensor in expected.state_dict().items():  # statistics as well
        cut = () if tensor.dim() == 0 else (slice(3),) if cuts == "all" else cuts.get(key, ())
        torch.testing.assert_close(supernet.state_dict()[key][cut], tensor)


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
    assert repr(nas.LSTM(2, 4, 2, False, True, 0.5, True, 3)) == repr(nn.LSTM(2, 4, 2, False, True, 0.5, True, 3))
    assert repr(nas.RNN(2, 4, 2, "relu", False)) == repr(nn.RNN(2, 4, 2, "relu", False))
    assert repr(nas.MultiheadAttention(4, 2, 0.5)) == repr(nn.MultiheadAttention(4, 2, 0.5))
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


SIZES = st.integers(1, 5)


@dataclass(frozen=True)
class Kind:
    """A layer, made of three sizes, and its inputs."""

    make: Callable[..., nn.Module]
    inputs: Callable[..., tuple[Tensor, ...]]


def batch_of(*shape: int) -> tuple[Tensor, ...]:
    return (torch.randn(shape, dtype=torch.float64),)


KINDS = {
    "Linear": Kind(lambda a, b, _: nas.Linear(a, b), lambda a, b, _: batch_of(2, a)),
    "Conv1d": Kind(lambda a, b, c: nas.Conv1d(a, b, c * 2 - 1, padding=c - 1), lambda a, b, c: batch_of(2, a, 12)),
    "Conv2d": Kind(lambda a, b, c: nas.Conv2d(a, b, (c * 2 - 1, 1)), lambda a, b, c: batch_of(2, a, 12, 2)),
    "Conv2d.depthwise": Kind(
        lambda a, b, c: nas.Conv2d(a, a * b, 1, groups=a, stride=c), lambda a, b, c: batch_of(1, a, 5, 5)
    ),
    "Conv3d": Kind(lambda a, b, c: nas.Conv3d(a, b, (1, c, 1)), lambda a, b, c: batch_of(1, a, 2, 7, 2)),
    "ConvTranspose1d": Kind(
        lambda a, b, c: nas.ConvTranspose1d(a, b * 2, c, groups=1), lambda a, b, c: batch_of(2, a, 4)
    ),
    "ConvTranspose2d": Kind(
        lambda a, b, c: nas.ConvTranspose2d(a * 2, b * 2, c, groups=2), lambda a, b, c: batch_of(2, a * 2, 4, 3)
    ),
    "ConvTranspose3d": Kind(
        lambda a, b, c: nas.ConvTranspose3d(a, b, (c, 1, 1), bias=False), lambda a, b, c: batch_of(1, a, 2, 2, 2)
    ),
    "BatchNorm2d": Kind(lambda a, b, c: nas.BatchNorm2d(a), lambda a, b, c: batch_of(2, a, 2, 2)),
    "LayerNorm": Kind(lambda a, b, c: nas.LayerNorm((a, b)), lambda a, b, c: batch_of(2, a, b)),
    "GroupNorm": Kind(lambda a, b, c: nas.GroupNorm(2, a * 2), lambda a, b, c: batch_of(2, a * 2, 3)),
    "RMSNorm": Kind(lambda a, b, c: nas.RMSNorm((a, b)), lambda a, b, c: batch_of(2, a, b)),
    "InstanceNorm2d": Kind(lambda a, b, c: nas.InstanceNorm2d(a, affine=True), lambda a, b, c: batch_of(2, a, 3, 3)),
    "Embedding": Kind(lambda a, b, c: nas.Embedding(a, b), lambda a, b, c: (torch.arange(a),)),
    "PReLU": Kind(lambda a, b, c: nas.PReLU(a), lambda a, b, c: batch_of(2, a, 3)),
    "MultiheadAttention": Kind(
        lambda a, b, c: nas.MultiheadAttention(a * b * 2, b, dropout=c * 0.1, batch_first=True),
        lambda a, b, c: batch_of(2, 3, a * b * 2) * 3,
    ),
    "MultiheadAttention.cross": Kind(
        lambda a, b, c: nas.MultiheadAttention(a * 12, 3, bias=False, kdim=b, vdim=c, add_bias_kv=True),
        lambda a, b, c: batch_of(3, 2, a * 12) + batch_of(4, 2, b) + batch_of(4, 2, c),
    ),
    "RNN": Kind(lambda a, b, c: nas.RNN(a, b, num_layers=c), lambda a, b, c: batch_of(3, 2, a)),
    "LSTM": Kind(
        lambda a, b, c: nas.LSTM(a, b + 1, num_layers=c, bidirectional=True, batch_first=True),
        lambda a, b, c: batch_of(2, 3, a),
    ),
    "LSTM.projected": Kind(
        lambda a, b, c: nas.LSTM(a, b + 6, 2, proj_size=b, bidirectional=True), lambda a, b, c: batch_of(3, 2, a)
    ),
    "GRU": Kind(lambda a, b, c: nas.GRU(a, b, num_layers=c, bidirectional=True), lambda a, b, c: batch_of(3, 2, a)),
    "elastic": Kind(
        lambda a, b, c: nas.elastic(Fused, blocks={"both.weight": (2, 1)})(a, (b, c)), lambda a, b, c: batch_of(2, a)
    ),
}


class Fused(nn.Module):
    """A module of the user's, with a tensor that holds two blocks, a parameter of its own and a computed buffer."""

    def __init__(self, width: int, sizes: tuple[int, int]) -> None:
        super().__init__()
        self.hidden = sizes[0]
        self.both = nn.Linear(width, 2 * sizes[0], bias=False)
        self.scale = nn.Parameter(torch.rand(sizes[1]))
        self.register_buffer("steps", torch.arange(float(sizes[0])).flip(0), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.both(x).split(self.hidden, -1)
        return (first * second.sigmoid() + self.steps)[..., None] * self.scale


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
@given(st.tuples(SIZES, SIZES, SIZES), st.tuples(SIZES, SIZES, SIZES), st.booleans())
def test_layer_built_with_cut_weights_is_the_one_in_the_supernet(name, first, second, is_training) -> None:
    kind = KINDS[name]

    def factory() -> nn.Module:
        sizes = [nas.ValueChoice(sorted({x, y}), label=label) for x, y, label in zip(first, second, "abc", strict=True)]
        return kind.make(*sizes)

    architecture = {label: str(size) for size, label in zip(first, "abc", strict=True)}
    torch.manual_seed(0)
    supernet, built = nas.build(factory, None).double(), nas.build(factory, architecture).double()
    slices = nas.slices(supernet, architecture)
    assert list(slices) == list(built.state_dict())
    assert set(slices) <= set(supernet.state_dict())
    nas.activate(supernet, architecture)
    nas.copy_weights(supernet.state_dict(), built, slices=slices)
    supernet.train(is_training)
    built.train(is_training)
    inputs = kind.inputs(*first)
    torch.manual_seed(1)
    found = supernet(*inputs)
    torch.manual_seed(1)
    torch.testing.assert_close(found, built(*inputs), rtol=1e-10, atol=1e-10)


def test_attention_cuts_queries_keys_and_values_each_for_itself() -> None:
    supernet = nas.build(lambda: nas.MultiheadAttention(value(8, 4), 2), None)
    cut = nas.slices(supernet, {"n": "4"})
    assert cut["in_proj_weight"] == ((slice(0, 4), slice(8, 12), slice(16, 20)), slice(0, 4))
    assert cut["out_proj.weight"] == (slice(0, 4), slice(0, 4))
    assert nas.slices(supernet, {"n": "8"})["in_proj_weight"] == (slice(0, 24), slice(0, 8))
    nas.activate(supernet, {"n": "4"})
    supernet(*[torch.randn(3, 1, 4)] * 3)[0].sum().backward()
    used = supernet.in_proj_weight.grad.abs().sum(1).ne(0).tolist()
    assert used[16:] == [True] * 4 + [False] * 4
    assert not any(used[4:8] + used[12:16])


def test_gates_and_directions_are_cut_each_for_itself() -> None:
    supernet = nas.build(lambda: nas.LSTM(2, value(3, 2), 2, bidirectional=True), None)
    cut = nas.slices(supernet, {"n": "2"})["weight_ih_l1"]
    assert cut == (tuple(slice(3 * gate, 3 * gate + 2) for gate in range(4)), (slice(0, 2), slice(3, 5)))


def test_patterned_layer_follows_the_mode_and_copies_of_its_supernet() -> None:
    supernet = nas.build(lambda: nas.MultiheadAttention(value(8, 4), 2, dropout=0.9), None).eval()
    nas.activate(supernet, {"n": "4"})
    x = torch.randn(5, 1, 4)
    first = supernet(x, x, x)[0]
    assert torch.equal(deepcopy(supernet)(x, x, x)[0], first)
    assert not torch.equal(supernet.train()(x, x, x)[0], first)
    torch.testing.assert_close(supernet.eval()(x, x, x)[0], first)


def test_generators_are_left_alone_when_a_pattern_is_made() -> None:
    supernet = nas.build(lambda: nas.elastic(Fused)(4, (value(3, 2), 2)), None)
    nas.activate(supernet, {"n": "2"})
    torch.manual_seed(3)
    supernet(torch.ones(1, 4))
    after = torch.rand(1)
    torch.manual_seed(3)
    assert torch.equal(torch.rand(1), after)


def test_elastic_class_with_plain_arguments_is_the_class_itself() -> None:
    make = nas.elastic(Fused)
    assert type(make(4, (2, 2))) is Fused
    assert type(nas.build(lambda: make(4, (value(3, 2), 2)), {"n": "2"})) is Fused


def test_heads_that_do_not_divide_the_width_are_named_with_their_combination() -> None:
    def factory() -> nn.Module:
        return nas.MultiheadAttention(value(8, 12, label="width"), value(2, 8, label="heads"))

    with pytest.raises(SpaceError, match=r"test_layers.py:\d+: 8 heads .* embed_dim = 12, .*width = 12, heads = 8"):
        nas.extract(factory)
    with pytest.raises(SpaceError, match=r"5 heads do not divide embed_dim = 12\."):
        nas.MultiheadAttention(12, 5)
    heads = nas.extract(lambda: nas.MultiheadAttention(value(2, 3, label="heads") * 16, value(2, 3, label="heads")))
    assert heads.size().low == 2


def test_widths_that_equal_the_embedding_only_sometimes_are_refused() -> None:
    with pytest.raises(SpaceError, match=r"kdim may equal embed_dim \(kdim = 8 where n = 8\)"):
        nas.extract(lambda: nas.MultiheadAttention(value(8, 4), 2, kdim=8))
    nas.extract(lambda: nas.MultiheadAttention(value(8, 4), 2, kdim=value(8, 4)))


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda: nas.elastic(lambda n: nn.Linear(n, n)), "function"),
        (lambda: nas.elastic(nas.Linear), "nas.Linear and others take choices as they are"),
        (lambda: nas.elastic(nn.Linear(1, 1)), "class of modules"),
        (lambda: nas.extract(lambda: nas.elastic(Nested)(value(3, 4))), "creates choices in its constructor"),
    ],
)
def test_what_cannot_be_elastic_is_refused(write, message) -> None:
    with pytest.raises(SpaceError, match=message) as caught:
        write()
    assert "test_layers.py:" in str(caught.value)


class Nested(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.act = nas.LayerChoice([nn.ReLU, nn.Tanh])


def test_tensor_that_grows_when_an_argument_shrinks_cannot_be_cut() -> None:
    supernet = nas.build(lambda: nas.elastic(nn.Conv1d)(4, 4, 1, groups=value(1, 2)), None)
    with pytest.raises(SpaceError, match=r"weight has shape \(4, 4, 1\).*nas.LayerChoice"):
        nas.slices(supernet, {"n": "1"})


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda: nas.Linear(4, value(8, -4)), r"out_features (may be|is) -4, which is no size.*from 1"),
        (lambda: nas.Linear(value(8, 4) - 8, 2), "in_features (may be -4|is 0)"),
        (lambda: nas.Conv2d(1, 1, 3, padding=value(-1, 1)), "padding (may be|is) -1.*from 0"),
        (lambda: nas.LSTM(2, value(0, 2)), "hidden_size (may be|is) 0"),
        (lambda: nas.BatchNorm2d(-2), "num_features is -2"),
    ],
)
def test_sizes_that_no_layer_can_have_are_refused(write, message) -> None:
    with pytest.raises(SpaceError, match=message):
        nas.extract(write)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda: nas.Linear(4, value(8, 4) * 0.5), "Linear at .*out_features is 4.0, which is not a whole number"),
        (lambda: nas.Linear(4, value("a", "b")), "text|whole number"),
        (lambda: nas.Conv2d(4, 4, (3, 3, 3)), "kernel_size has 3 numbers; write 1 or 2"),
        (lambda: nas.Conv2d(4, 4, "3"), "kernel_size is '3', which is not a whole number"),
        (lambda: nas.ConvTranspose2d(4, 4, 3, padding="same"), "padding is 'same', which is not a whole number"),
        (lambda: nas.Linear(value(True, False), 2), "in_features is True"),
        (lambda: nas.Dropout(value("a")), "text|number"),
    ],
)
def test_wrong_sizes_are_refused_in_every_mode_alike(write, message) -> None:
    for build in (write, lambda: nas.extract(write)):
        with pytest.raises(SpaceError, match=message) as caught:
            build()
        assert "test_layers.py:" in str(caught.value)
