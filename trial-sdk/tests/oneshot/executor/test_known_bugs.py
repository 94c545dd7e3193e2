"""Known bugs of reference implementations, planted one by one: each must make a proof fail.

The missing parentheses of second order are planted in ``test_second_order``.
"""

import pytest
import torch
from nas_trial.mixing.mixing import Mixing
from nas_trial.oneshot.executor import executor, members, samples
from nascore.record import Task
from nascore.space import MixedDecision, Mixture

PATH = {"first": "conv", "second": "pool"}
ONE_HOT = Mixture((MixedDecision("first", (1.0, 0, 0, 0)), MixedDecision("second", (0, 0, 1.0, 0))))


def computed_by(net, run):
    """Keys of the candidates that a run computes."""
    seen = set()
    for layer in ("first", "second"):
        for key, candidate in getattr(net.net, layer).named_children():
            candidate.register_forward_hook(lambda *_, name=f"{layer}.{key}": seen.add(name))
    run()
    return seen


def proof_of_one_path(kit, images, batches):
    net = kit.made(images)
    assert computed_by(net, lambda: net.executor.train(kit.sample(ONE_HOT), batches(1))) == {
        "first.conv",
        "second.pool",
    }


def proof_of_no_gradient(kit, images, batches):
    net = kit.made(images)
    net.executor.train(kit.sample(ONE_HOT), batches(1))
    assert all(each.grad is None for each in net.net.first.deep.parameters())


def proof_of_terms(kit, images, batches):
    net = kit.made(images)
    (batch,) = batches(1)
    weights = (0.4, 0.3, 0.2, 0.1)
    mixture = Mixture((MixedDecision("first", weights), MixedDecision("second", (0, 0, 0, 1.0))))
    net.net.eval()
    with net.executor._samples.applied(kit.sample(mixture), device=torch.device("cpu")), torch.no_grad():
        found = net.net(batch[0])
    x = net.net.stem(batch[0])
    y = x + sum(w * op(x) for w, op in zip(weights, net.net.first.children(), strict=True))
    torch.testing.assert_close(found, net.net.head(y.mean((2, 3))), rtol=0, atol=1e-10)


def proof_of_no_weight_gradients(kit, images, batches):
    net = kit.made(images)
    net.executor.gradient(kit.sample(kit.mixture(net), Task.GRADIENT), batches(1))
    assert all(each.grad is None for each in net.net.parameters())


PROOFS = (proof_of_one_path, proof_of_no_gradient, proof_of_terms, proof_of_no_weight_gradients)


@pytest.mark.parametrize("proof", PROOFS)
def test_proofs_hold(kit, images, batches, proof):
    proof(kit, images, batches)


def everything_is_computed(monkeypatch):
    """As NNI's Proxyless on weight steps: the weights are one-hot, and all candidates run."""
    monkeypatch.setattr(Mixing, "computed", property(lambda self: tuple(range(len(self.weights)))))
    monkeypatch.setattr(samples, "_set", lambda decision, mixing: setattr(decision, "mixing", mixing))


def zeros_reach_the_unselected(monkeypatch):
    """Unselected candidates get a gradient of zero instead of none, which momentum and decay then move."""
    everything_is_computed(monkeypatch)
    monkeypatch.setattr(Mixing, "alone", lambda self, index, modules, compute: compute())


def closures_are_bound_late(monkeypatch):
    """Closures made in a loop that all see its last candidate."""

    def mixed(self, module_of, args, kwargs):
        computing = []
        for index in self.computed:
            computing.append(lambda: module_of(self.options[index])(*args, **kwargs))  # noqa: B023 -- the bug
        made = [compute() for compute in computing]
        # each closure reads what the loop variable is by then
        return self.sum([self.term(i, out) for i, out in zip(self.computed, made, strict=True)])

    monkeypatch.setattr(Mixing, "mixed", mixed)


def weights_are_graded_too(monkeypatch):
    """As the first-order step of the common implementations: weight gradients are computed, and thrown away."""

    def gradients(loss, gates):
        loss.backward()
        return [gate.grad for gate in gates]

    monkeypatch.setattr(members.Members, "frozen", lambda self: torch.enable_grad())
    monkeypatch.setattr(executor, "_gradients", gradients)


@pytest.mark.parametrize(
    ("bug", "proof"),
    [
        (everything_is_computed, proof_of_one_path),
        (zeros_reach_the_unselected, proof_of_no_gradient),
        (closures_are_bound_late, proof_of_terms),
        (weights_are_graded_too, proof_of_no_weight_gradients),
    ],
)
def test_planted_bug_makes_its_proof_fail(kit, images, batches, monkeypatch, bug, proof):
    bug(monkeypatch)
    with pytest.raises(AssertionError):
        proof(kit, images, batches)
