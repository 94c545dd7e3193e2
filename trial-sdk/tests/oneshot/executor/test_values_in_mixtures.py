"""Choices of values in a mixture: elastic layers compute once, with mixed tensors."""

import nas_trial as nas
import pytest
import torch
from nas_trial.mixing import UnmixableError
from nascore.record import Task
from nascore.space import MixedDecision, Mixture
from torch import nn
from torch.nn import functional


def output(kit, net, mixture, x):
    with net.executor._samples.applied(kit.sample(mixture), device=torch.device("cpu")):
        return net.net(x)


def mixed(graded=False, **weights):
    decisions = (MixedDecision(path, each, tuple(range(len(each))) if graded else ()) for path, each in weights.items())
    return Mixture(tuple(decisions))


class Kernel(nn.Module):
    def __init__(self, **options):
        super().__init__()
        kernel = nas.ValueChoice([1, 3, 5], label="kernel")
        self.conv = nas.Conv2d(2, 3, kernel, padding=kernel // 2, **options)

    def forward(self, x):
        return self.conv(x)


def test_mixture_of_kernels_is_the_mixture_of_outputs(kit):
    net = kit.made(Kernel)
    x = torch.randn(2, 2, 6, 6, dtype=torch.float64)
    weight, bias = net.net.conv.weight, net.net.conv.bias
    parts = [weight[:, :, 2:3, 2:3], weight[:, :, 1:4, 1:4], weight]
    weights = (0.2, 0.3, 0.5)
    expected = sum(
        w * functional.conv2d(x, part, bias, padding=index)
        for index, (w, part) in enumerate(zip(weights, parts, strict=True))
    )
    found = output(kit, net, mixed(kernel=weights), x)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("graded", [False, True])
@pytest.mark.parametrize("index", [0, 1, 2])
def test_one_kernel_is_exactly_the_sampled_path(kit, index, graded):
    net = kit.made(Kernel)
    x = torch.randn(2, 2, 6, 6, dtype=torch.float64)
    with net.executor._samples.applied(kit.sample({"kernel": str(2 * index + 1)}), device=torch.device("cpu")):
        expected = net.net(x)
    one = tuple(float(each == index) for each in range(3))
    only = Mixture((MixedDecision("kernel", one, (index,) if graded else ()),))
    assert torch.equal(output(kit, net, only, x), expected)


class Wide(nn.Module):
    def __init__(self):
        super().__init__()
        width = nas.ValueChoice([2, 4], label="width")
        self.conv = nas.Conv2d(2, width * 2, 1)
        self.norm = nas.BatchNorm2d(width * 2)
        self.drop = nas.Dropout(nas.ValueChoice([0.0, 0.5], label="rate"))
        self.head = nas.Linear(width * 2, 3)

    def forward(self, x):
        return self.head(self.drop(self.norm(self.conv(x))).mean((2, 3)))


def test_widths_are_mixed_with_zeros_for_what_is_narrower(kit):
    net = kit.made(Wide)
    x = torch.randn(3, 2, 4, 4, dtype=torch.float64)
    narrow, both = 0.25, 0.25 + 0.75
    mask = torch.tensor([both] * 4 + [0.75] * 4, dtype=torch.float64)
    layers = net.net
    y = functional.conv2d(x, layers.conv.weight * mask[:, None, None, None], layers.conv.bias * mask)
    y = functional.batch_norm(y, None, None, layers.norm.weight * mask, layers.norm.bias * mask, True)
    expected = functional.linear(y.mean((2, 3)), layers.head.weight * mask, layers.head.bias)
    found = output(kit, net, mixed(width=(narrow, 0.75), rate=(1.0, 0.0)), x)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_rates_of_dropout_share_one_draw(kit):
    net = kit.made(lambda: nas.Dropout(nas.ValueChoice([0.25, 0.5], label="rate")), trial=_nothing(kit))
    x = torch.ones(4000, dtype=torch.float64)
    found = output(kit, net, mixed(rate=(0.5, 0.5)), x)
    kept = {0.0, 0.5 / 0.75, 0.5 / 0.75 + 0.5 / 0.5}
    assert {round(each, 9) for each in found.tolist()} == {round(each, 9) for each in kept}
    assert found.mean().item() == pytest.approx(1, abs=0.1)


def _nothing(kit):
    class Nothing(kit.Fitting):
        def optimizer(self, parameters):
            return torch.optim.SGD([nn.Parameter(torch.zeros(1))], 0.1)

    return Nothing


def test_gradient_of_sizes_is_the_derivative_of_the_loss(kit, batches):
    net = kit.made(Wide)
    batch = batches(1, shape=(2, 4, 4))
    weights = {"width": (0.4, 0.6), "rate": (0.3, 0.7)}

    def run(changed):
        torch.manual_seed(4)
        return net.executor.gradient(kit.sample(mixed(True, **changed), Task.GRADIENT), batch)

    for path, gradient in zip(("rate", "width"), run(weights).gradient, strict=True):
        for index in range(2):
            losses = []
            for shift in (1e-5, -1e-5):
                moved = [w + shift * (each == index) for each, w in enumerate(weights[path])]
                losses.append(run(weights | {path: tuple(moved)}).metrics["loss"])
            assert gradient.weights[index] == pytest.approx((losses[0] - losses[1]) / 2e-5, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize(
    ("factory", "path", "why"),
    [
        (lambda: nas.Conv2d(2, 2, 3, stride=nas.ValueChoice([1, 2], label="c")), "c", "has stride"),
        (lambda: nas.Conv2d(2, 2, nas.ValueChoice([1, 3], label="c")), "c", "padding less half of the kernel"),
        (lambda: nas.Conv2d(2, 2, nas.ValueChoice([2, 3], label="c"), padding="same"), "c", "both odd and even"),
        (lambda: nas.MultiheadAttention(8, nas.ValueChoice([1, 2], label="c")), "c", "has num_heads"),
        (lambda: nas.LSTM(4, 4, num_layers=nas.ValueChoice([1, 2], label="c")), "c", "has num_layers"),
    ],
)
def test_what_cannot_be_cut_is_refused_by_name(kit, factory, path, why):
    net = kit.made(factory)
    layer = net.net
    with net.executor._samples.applied(kit.sample(mixed(c=(0.5, 0.5))), device=torch.device("cpu")):
        with pytest.raises(UnmixableError, match=why) as caught:
            layer.now()
    assert caught.value.path == path


@pytest.mark.parametrize("kind", [nas.LSTM, nas.GRU, nas.RNN])
def test_hidden_sizes_are_mixed_and_one_is_exact(kit, kind):
    net = kit.made(lambda: kind(3, nas.ValueChoice([2, 4], label="c"), batch_first=True))
    x = torch.randn(2, 5, 3, dtype=torch.float64)
    with net.executor._samples.applied(kit.sample({"c": "2"}), device=torch.device("cpu")):
        expected, _ = net.net(x)
    exact, _ = output(kit, net, Mixture((MixedDecision("c", (1.0, 0.0), graded=(0,)),)), x)
    wide, _ = output(kit, net, Mixture((MixedDecision("c", (1.0, 0.0), graded=(0, 1)),)), x)
    assert torch.equal(exact, expected)
    torch.testing.assert_close(wide[..., :2], expected, rtol=0, atol=1e-12)
    assert not wide[..., 2:].any()
