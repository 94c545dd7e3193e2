"""A sampled path is the network of its architecture, costs that network, and leaves the rest alone."""

import nas_trial as nas
import pytest
import torch
from nas_trial.failures import NonFiniteError
from nas_trial.oneshot.executor import ExecutorOptions
from nascore.record import Proposal, Task
from nascore.space import MixedDecision, Mixture
from torch import nn

PATH = {"first": "conv", "second": "pool"}


def calls_of(net, run):
    """Which candidates a run calls, and how often."""
    calls = {}
    handles = [
        candidate.register_forward_hook(
            lambda *_, name=f"{layer}.{key}": calls.__setitem__(name, calls.get(name, 0) + 1)
        )
        for layer in ("first", "second")
        for key, candidate in getattr(net.net, layer).named_children()
    ]
    run()
    for handle in handles:
        handle.remove()
    return calls


def one_hot(path, *, keys=("conv", "deep", "pool", "skip"), graded=()):
    return Mixture(
        tuple(MixedDecision(name, tuple(float(key == chosen) for key in keys), graded) for name, chosen in path.items())
    )


def test_one_hot_mixture_is_the_sampled_path_and_the_sub_graph(kit, images, batches):
    net = kit.made(images)
    batch = batches(1)
    alone = nas.build(net.trial.build, PATH).double()
    nas.copy_weights(net.net.state_dict(), alone, slices=nas.slices(net.net, PATH))
    expected = net.trial.training_step(alone, batch[0]).item()
    sampled = net.executor.train(kit.sample(PATH), batch).metrics["loss"]
    again = kit.made(images)
    mixed = again.executor.train(kit.sample(one_hot(PATH)), batch).metrics["loss"]
    assert sampled == pytest.approx(expected, abs=1e-10)
    assert mixed == sampled
    for first, second in zip(net.net.state_dict().values(), again.net.state_dict().values(), strict=True):
        assert torch.equal(first, second)


@pytest.mark.parametrize("task", [Task.TRAIN, Task.SCORE])
def test_only_the_path_is_computed(kit, images, batches, task):
    net = kit.made(images)
    run = net.executor.train if task is Task.TRAIN else net.executor.score
    expected = {"first.conv": 2, "second.pool": 2} if task is Task.SCORE else {"first.conv": 1, "second.pool": 1}
    assert calls_of(net, lambda: run(kit.sample(PATH, task), batches(1))) == expected
    assert calls_of(net, lambda: run(kit.sample(one_hot(PATH), task), batches(1))) == expected


def test_one_hot_graded_mixture_computes_one_path(kit, images, batches):
    net = kit.made(images)
    gates = Mixture(
        (MixedDecision("first", (1.0, 0, 0, 0), graded=(0,)), MixedDecision("second", (0, 0, 1.0, 0), graded=(2,)))
    )
    asked = kit.sample(gates, Task.GRADIENT)
    net.executor.gradient(asked, batches(1))  # a candidate is looked at, once, before it is first computed
    seen = calls_of(net, lambda: net.executor.gradient(asked, batches(1)))
    assert seen == {"first.conv": 1, "second.pool": 1}


def test_what_is_not_on_the_path_keeps_no_gradient_and_does_not_drift(kit, images, batches):
    net = kit.made(images)
    net.executor.train(kit.sample({"first": "deep", "second": "deep"}), batches(3))
    optimizer = net.executor._steps.optimizer
    off = list(net.net.first.deep.parameters())
    before = [(each.clone(), optimizer.state[each]["momentum_buffer"].clone()) for each in off]
    statistics = [each.clone() for each in net.net.first.deep.buffers()]
    net.executor.train(kit.sample(PATH), batches(3))
    assert [each.grad for each in off] == [None] * len(off)
    for parameter, (value, momentum) in zip(off, before, strict=True):
        assert torch.equal(parameter, value)
        assert torch.equal(optimizer.state[parameter]["momentum_buffer"], momentum)
    assert all(map(torch.equal, net.net.first.deep.buffers(), statistics))


def test_unused_part_of_a_shared_tensor_does_not_drift(kit, batches):
    class Wide(nn.Module):
        def __init__(self):
            super().__init__()
            width = nas.ValueChoice([2, 6], label="width")
            self.a, self.b = nas.Linear(4, width), nas.Linear(width, 3)

        def forward(self, x):
            return self.b(self.a(x).tanh())

    net = kit.made(Wide)
    batch = batches(2, shape=(4,))
    net.executor.train(kit.sample({"width": "6"}), batch)
    optimizer = net.executor._steps.optimizer
    weight = net.net.a.weight
    before, momentum = weight.detach().clone(), optimizer.state[weight]["momentum_buffer"].clone()
    net.executor.train(kit.sample({"width": "2"}), batch)
    assert torch.equal(weight[2:], before[2:])
    assert torch.equal(optimizer.state[weight]["momentum_buffer"][2:], momentum[2:])
    assert not torch.equal(weight[:2], before[:2])


def test_gradients_of_several_paths_make_one_step(kit, images, batches):
    net = kit.made(images, options=ExecutorOptions(paths_per_step=2))
    before = net.net.stem.weight.detach().clone()
    first, second = batches(2)
    net.executor.train(kit.sample(PATH), [first])
    assert torch.equal(net.net.stem.weight, before)
    alone = net.net.stem.weight.grad.clone()
    net.executor.train(kit.sample({"first": "skip", "second": "conv"}), [second])
    assert not torch.equal(net.net.stem.weight, before)
    assert not torch.equal(net.net.stem.weight.grad, alone)
    assert net.net.second.conv[1].weight.grad is not None
    assert net.net.first.conv[1].weight.grad is not None


def test_loss_that_is_no_number_makes_no_step(kit, images, batches):
    net = kit.made(images)
    before = {name: each.clone() for name, each in net.net.state_dict().items() if "running" not in name}
    ((inputs, labels),) = batches(1)
    with pytest.raises(NonFiniteError, match="training loss is nan"):
        net.executor.train(kit.sample({"first": "skip", "second": "skip"}), [(inputs * float("nan"), labels)])
    assert all(torch.equal(net.net.state_dict()[name], each) for name, each in before.items())


def test_sample_without_anything_to_compute_is_refused(kit, images, batches):
    net = kit.made(images)
    with pytest.raises(ValueError, match="must have an architecture or a mixture"):
        net.executor.train(Proposal(7, task=Task.TRAIN), batches(1))
    with pytest.raises(ValueError, match="carried out on no batch"):
        net.executor.train(kit.sample(PATH), [])
    with pytest.raises(ValueError, match=r"gives 2 weights for 'first', which offers 4"):
        net.executor.train(kit.sample(Mixture((MixedDecision("first", (1.0, 0.0)),))), batches(1))
    with pytest.raises(ValueError, match="'third', which is no decision"):
        net.executor.train(kit.sample(Mixture((MixedDecision("third", (1.0, 0.0)),))), batches(1))
