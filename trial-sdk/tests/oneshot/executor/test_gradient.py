"""GRADIENT is the derivative of the loss, and leaves no trace."""

import random

import nas_trial as nas
import numpy as np
import pytest
import torch
from nas_trial.oneshot.executor import ExecutorOptions
from nascore.record import Task, Unrolled
from nascore.space import MixedDecision, Mixture
from torch import nn


def trace(net):
    """Everything that must not change."""
    optimizer = net.executor._steps.optimizer
    momentum = [optimizer.state[each].get("momentum_buffer") for each in net.net.parameters()]
    return {
        **{name: each.clone() for name, each in net.net.state_dict().items()},
        **{f"m{i}": each.clone() for i, each in enumerate(momentum) if each is not None},
        **{f"g{i}": each.grad.clone() for i, each in enumerate(net.net.parameters()) if each.grad is not None},
        "torch": torch.get_rng_state(),
        "numpy": torch.tensor(np.random.get_state()[1].astype(np.int64)),
        "python": torch.tensor(random.getstate()[1]),
    }


@pytest.mark.parametrize("unrolled", [None, Unrolled()])
def test_gradient_changes_nothing(kit, images, batches, unrolled):
    net = kit.made(images)
    net.executor.train(kit.sample({"first": "conv", "second": "deep"}), batches(2))
    before = trace(net)
    wanted = [each.requires_grad for each in net.net.parameters()]
    sample = kit.sample(kit.mixture(net), Task.GRADIENT, unrolled=unrolled)
    net.executor.gradient(sample, batches(2), next_batch=batches(1)[0])
    after = trace(net)
    assert before.keys() == after.keys()
    assert [name for name in before if not torch.equal(before[name], after[name])] == []
    assert [each.requires_grad for each in net.net.parameters()] == wanted


def test_score_changes_nothing(kit, images, batches):
    for options in (
        ExecutorOptions(),
        ExecutorOptions(statistics="running"),
        ExecutorOptions(statistics="running", recalibration_batches=2),
    ):
        net = kit.made(images, options=options)
        before = trace(net)
        outcome = net.executor.score(kit.sample({"first": "conv", "second": "deep"}, Task.SCORE), batches(2))
        after = trace(net)
        assert set(outcome.metrics) == {"error", "loss"}
        assert [name for name in before if not torch.equal(before[name], after[name])] == []


def loss_at(kit, net, weights, batch):
    torch.manual_seed(5)
    mixture = kit.mixture(net, graded=False, weights=weights)
    return net.executor.gradient(kit.sample(mixture, Task.GRADIENT), batch).metrics["loss"]


def test_gradient_is_the_derivative_of_the_loss(kit, images, batches):
    net = kit.made(images)
    batch = batches(2)
    mixture = kit.mixture(net)
    torch.manual_seed(5)
    found = net.executor.gradient(kit.sample(mixture, Task.GRADIENT), batch).gradient
    for mixed, gradient in zip(mixture.decisions, found, strict=True):
        for index in range(4):
            step = [1e-5 * (each == index) for each in range(4)]
            high = {mixed.path: tuple(w + s for w, s in zip(mixed.weights, step, strict=True))}
            low = {mixed.path: tuple(w - s for w, s in zip(mixed.weights, step, strict=True))}
            slope = (loss_at(kit, net, high, batch) - loss_at(kit, net, low, batch)) / 2e-5
            assert gradient.weights[index] == pytest.approx(slope, rel=1e-6, abs=1e-8)


def test_training_with_graded_weights_gives_their_gradient_and_the_step_of_a_plain_one(kit, images, batches):
    batch = batches(1)
    graded, plain, asked = kit.made(images), kit.made(images), kit.made(images)
    start = torch.get_rng_state()
    both = graded.executor.train(kit.sample(kit.mixture(graded)), batch)
    torch.set_rng_state(start)
    plain.executor.train(kit.sample(kit.mixture(plain, graded=False)), batch)
    torch.set_rng_state(start)
    only = asked.executor.gradient(kit.sample(kit.mixture(asked), Task.GRADIENT), batch)
    for name, tensor in graded.net.state_dict().items():
        assert torch.allclose(tensor, plain.net.state_dict()[name], rtol=0, atol=1e-12), name
    for first, second in zip(both.gradient, only.gradient, strict=True):
        assert first.weights == pytest.approx(second.weights, abs=1e-12)


def test_candidate_without_weight_is_computed_for_its_gradient_alone(kit, images, batches):
    net = kit.made(images)
    statistics = [each.clone() for each in net.net.first.conv.buffers()]
    mixture = Mixture(
        (MixedDecision("first", (0.0, 0, 0, 1.0), graded=(0, 3)), MixedDecision("second", (0.0, 0, 0, 1.0)))
    )
    outcome = net.executor.train(kit.sample(mixture), batches(1))
    gradient = outcome.gradient[0].weights
    assert gradient[0] != 0
    assert gradient[3] != 0
    assert gradient[1] == gradient[2] == 0
    assert all(each.grad is None for each in net.net.first.conv.parameters())
    assert all(map(torch.equal, net.net.first.conv.buffers(), statistics))


def test_gate_of_the_chosen_candidate_is_the_straight_through_gradient(kit, batches):
    class Line(nn.Module):
        def __init__(self):
            super().__init__()
            self.op = nas.LayerChoice({"a": lambda: nn.Linear(4, 3), "b": lambda: nn.Linear(4, 3)}, label="op")

        def forward(self, x):
            return self.op(x)

    net = kit.made(Line)
    ((x, y),) = batches(1, shape=(4,))
    mixture = Mixture((MixedDecision("op", (0.0, 1.0), graded=(0, 1)),))
    found = net.executor.gradient(kit.sample(mixture, Task.GRADIENT), [(x, y)]).gradient[0].weights
    outputs = [net.net.op.a(x), net.net.op.b(x)]
    slope = 2 * (outputs[1] - y) / y.numel()
    assert found == pytest.approx([(slope * out).sum().item() for out in outputs], rel=1e-10)


@pytest.mark.parametrize("shares", [True, False])
def test_sharing_changes_no_output_and_no_gradient(kit, images, batches, shares):
    net = kit.made(images, options=ExecutorOptions(shares=shares))
    with torch.no_grad():
        for norm in (net.net.first.conv[2], net.net.second.conv[2]):
            norm.weight.normal_()
            norm.bias.normal_()
    batch = batches(1)
    mixture = kit.mixture(net)
    for _ in range(2):  # what can be shared is observed the first time
        torch.manual_seed(1)
        outcome = net.executor.gradient(kit.sample(mixture, Task.GRADIENT), batch)
    weights = {
        path: torch.tensor(mixed.weights, dtype=torch.float64, requires_grad=True)
        for path, mixed in zip(("first", "second"), mixture.decisions, strict=True)
    }
    torch.manual_seed(1)
    x = net.net.stem(batch[0][0])

    def through(path, source):
        return sum(w * op(source) for w, op in zip(weights[path], getattr(net.net, path).children(), strict=True))

    made = through("second", x + through("first", x))
    loss = nn.functional.mse_loss(net.net.head(made.mean((2, 3))), batch[0][1])
    loss.backward()
    assert outcome.metrics["loss"] == pytest.approx(loss.item(), rel=1e-9)
    for mixed in outcome.gradient:
        assert mixed.weights == pytest.approx(weights[mixed.path].grad.tolist(), rel=1e-9, abs=1e-12)


def test_activations_before_the_first_candidate_are_computed_once(kit, images, batches):
    net = kit.made(images)
    sample = kit.sample(kit.mixture(net), Task.GRADIENT)
    net.executor.gradient(sample, batches(1))
    seen = []
    kind = torch.nn.functional.relu

    def counted(*args, **kwargs):
        seen.append(args[0].shape)
        return kind(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.nn.functional, "relu", counted)
        net.executor.gradient(sample, batches(1))
    assert len(seen) == 2  # of four ReLUs: one a layer


def test_candidate_that_changes_its_input_is_refused_by_name(kit, batches):
    class InPlace(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Linear(4, 3)
            self.op = nas.LayerChoice({"relu": lambda: nn.ReLU(inplace=True), "skip": nn.Identity}, label="op")

        def forward(self, x):
            return self.op(self.stem(x) * 1)

    net = kit.made(InPlace)
    with pytest.raises(NotImplementedError, match="'op' cannot be mixed: candidate 'relu' changes its input"):
        net.executor.train(kit.sample(kit.mixture(net)), batches(1, shape=(4,)))


def test_gradient_of_an_architecture_is_refused(kit, images, batches):
    net = kit.made(images)
    with pytest.raises(ValueError, match="it has no mixture"):
        net.executor.gradient(kit.sample({"first": "conv", "second": "conv"}, Task.GRADIENT), batches(1))
