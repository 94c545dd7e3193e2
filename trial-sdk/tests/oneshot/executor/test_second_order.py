"""Second order: the finite difference converges to the gradient through the unrolled step, quadratically."""

import nas_trial as nas
import pytest
import torch
from nas_trial.mixing import untracked
from nas_trial.oneshot.executor import lookahead
from nascore.record import Task, Unrolled
from torch import nn

SETTINGS = [
    {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.05},
    {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.05, "nesterov": True},
    {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.05, "dampening": 0.3},
    {"lr": 0.1},
]


class Smooth(nn.Module):
    """GELU, as kinks of a ReLU would hide whether the difference converges; with a frozen batch norm."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Linear(4, 6)
        for name in ("first", "second"):
            candidates = {
                "wide": lambda: nn.Sequential(nn.Linear(6, 6), nn.GELU()),
                "norm": lambda: nn.Sequential(nn.GELU(), nn.Linear(6, 6), nn.BatchNorm1d(6)),
                "skip": nn.Identity,
            }
            self.add_module(name, nas.LayerChoice(candidates, label=name))
        self.drop = nn.Dropout(0.2)
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        return self.head(self.drop(self.second(self.first(self.stem(x)))))


def through_the_step(net, mixture, training, validation):
    """The gradient by autograd, through one step of SGD written out by hand."""
    state = torch.get_rng_state()
    parameters = dict(net.net.named_parameters())
    weights = {each.path: torch.tensor(each.weights, dtype=torch.float64, requires_grad=True) for each in mixture}

    def loss(values, batch):
        torch.set_rng_state(state)

        def apply(name, x):
            prefix = f"{name}."
            own = {key.removeprefix(prefix): each for key, each in values.items() if key.startswith(prefix)}
            return torch.func.functional_call(net.net.get_submodule(name), own, (x,))

        x = apply("stem", batch[0])
        for layer in ("first", "second"):
            x = sum(
                w * apply(f"{layer}.{key}", x) for w, key in zip(weights[layer], ("wide", "norm", "skip"), strict=True)
            )
        return nn.functional.mse_loss(apply("head", net.net.drop(x)), batch[1])

    with untracked(net.net):
        settings = net.trial._optimizer
        gradients = torch.autograd.grad(loss(parameters, training), list(parameters.values()), create_graph=True)
        moved = {}
        for (name, value), gradient in zip(parameters.items(), gradients, strict=True):
            buffer = net.executor._steps.optimizer.state[value].get("momentum_buffer")
            change = gradient + settings.get("weight_decay", 0) * value
            if momentum := settings.get("momentum", 0):
                held = momentum * buffer + (1 - settings.get("dampening", 0)) * change
                change = change + momentum * held if settings.get("nesterov") else held
            moved[name] = value - settings["lr"] * change
        torch.set_rng_state(state)
        found = torch.autograd.grad(loss(moved, validation), list(weights.values()))
    torch.set_rng_state(state)
    return torch.cat(found)


def errors(kit, batches, settings, radii=(1e-1, 1e-2, 1e-3)):
    """The greatest error of the difference at each radius, and the size of the second-order term."""
    net = kit.made(Smooth, optimizer=settings)
    training, validation, *first = batches(4, shape=(4,))
    mixture = kit.mixture(net)
    net.executor.train(kit.sample(kit.mixture(net, graded=False)), first)
    exact = through_the_step(net, mixture.decisions, training, validation)
    found = {}
    for radius in (*radii, None):
        unrolled = None if radius is None else Unrolled(radius)
        sample = kit.sample(mixture, Task.GRADIENT, unrolled=unrolled)
        gradient = net.executor.gradient(sample, [validation], next_batch=training).gradient
        values = torch.tensor([each for mixed in gradient for each in mixed.weights], dtype=torch.float64)
        found[radius] = float((values - exact).abs().max())
    return found


@pytest.mark.parametrize("settings", SETTINGS)
def test_error_falls_a_hundredfold_per_decade_of_radius(kit, batches, settings):
    found = errors(kit, batches, settings)
    assert found[None] > 1e-3  # first order is far from it
    assert found[1e-1] / found[1e-2] == pytest.approx(100, rel=0.15)
    assert found[1e-2] / found[1e-3] == pytest.approx(100, rel=0.15)


class Uncopied(Smooth):
    def __deepcopy__(self, memo):
        raise AssertionError("the supernet is copied")


def test_looking_ahead_copies_no_network_and_writes_to_no_parameter(kit, batches):
    net = kit.made(Uncopied)
    training, validation, first = batches(3, shape=(4,))
    net.executor.train(kit.sample(kit.mixture(net, graded=False)), [first])
    before = [(each.data_ptr(), each._version, each.grad.data_ptr()) for each in net.net.parameters()]
    for _ in range(3):
        sample = kit.sample(kit.mixture(net), Task.GRADIENT, unrolled=Unrolled())
        net.executor.gradient(sample, [validation], next_batch=training)
    assert [(each.data_ptr(), each._version, each.grad.data_ptr()) for each in net.net.parameters()] == before


def test_missing_parentheses_do_not_converge(kit, batches, monkeypatch):
    # As in pt.darts, NNI before 2.0, ModularNAS and Vega: (p - n) / 2. * eps.
    monkeypatch.setattr(lookahead, "_difference", lambda high, low, epsilon: (high - low) / 2 * epsilon)
    found = errors(kit, batches, SETTINGS[0])
    assert found[1e-3] == pytest.approx(found[1e-2], rel=1e-2)  # the second-order term is lost
    with pytest.raises(AssertionError):
        test_error_falls_a_hundredfold_per_decade_of_radius(kit, batches, SETTINGS[0])


def test_forgotten_momentum_does_not_converge(kit, batches, monkeypatch):
    true = lookahead._step
    monkeypatch.setattr(lookahead, "_step", lambda weight, gradient, buffer, group: true(weight, gradient, None, group))
    with pytest.raises(AssertionError):
        test_error_falls_a_hundredfold_per_decade_of_radius(kit, batches, SETTINGS[0])


def test_first_step_is_looked_ahead_at_without_a_momentum_buffer(kit, batches):
    net = kit.made(Smooth, optimizer={"lr": 0.1, "momentum": 0.9, "dampening": 0.5})
    training, validation = batches(2, shape=(4,))
    before = {name: each.clone() for name, each in net.net.named_parameters()}
    state = net.executor.state_dict()
    steps = []
    with pytest.MonkeyPatch.context() as patch:
        true = lookahead._steps
        patch.setattr(lookahead, "_steps", lambda *args: steps.append(true(*args)) or steps[-1])
        sample = kit.sample(kit.mixture(net), Task.GRADIENT, unrolled=Unrolled())
        net.executor.gradient(sample, [validation], next_batch=training)
    net.executor.load_state_dict(state)
    net.executor.train(kit.sample(kit.mixture(net, graded=False)), [training])
    for name, value in net.net.named_parameters():
        assert torch.allclose(value, steps[0][name].moved, rtol=0, atol=1e-14)
    assert not torch.equal(net.net.head.weight, before["head.weight"])


def test_other_optimizers_are_refused_with_a_sentence(kit, batches):
    class Adam(kit.Fitting):
        def optimizer(self, parameters):
            return torch.optim.Adam(parameters)

    net = kit.made(Smooth, trial=Adam)
    sample = kit.sample(kit.mixture(net), Task.GRADIENT, unrolled=Unrolled())
    with pytest.raises(NotImplementedError, match="one step of SGD ahead, but the trial trains with Adam"):
        net.executor.gradient(sample, batches(1, shape=(4,)), next_batch=batches(1, shape=(4,))[0])


def test_looking_ahead_needs_a_batch(kit, batches):
    net = kit.made(Smooth)
    with pytest.raises(ValueError, match="needs the next batch of TRAIN"):
        net.executor.gradient(kit.sample(kit.mixture(net), Task.GRADIENT, unrolled=Unrolled()), batches(1, shape=(4,)))
