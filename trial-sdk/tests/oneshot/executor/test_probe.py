"""The probe names what cannot be mixed, with a reason, and leaves everything as it was."""

import nas_trial as nas
import pytest
import torch
from torch import nn


class Mixed(nn.Module):
    """One decision of each kind that can be mixed, or cannot."""

    def __init__(self):
        super().__init__()
        self.good = nas.LayerChoice({"a": lambda: nn.Conv2d(2, 2, 1), "b": nn.Identity}, label="good")
        self.stride = nas.Conv2d(2, 2, 1, stride=nas.ValueChoice([1, 2], label="stride"))
        shapes = {"one": lambda: nn.Conv2d(2, 2, 1), "two": lambda: nn.Conv2d(2, 2, 1, stride=2)}
        self.shape = nas.LayerChoice(shapes, label="shape")
        self.kernel = nas.ValueChoice([1, 3], label="kernel")
        self.conv = nas.Conv2d(2, 2, self.kernel, padding=self.kernel // 2)
        self.act = nas.ValueChoice(["relu", "tanh"], label="act")
        self.drop = nas.Dropout(nas.Real(0.1, 0.5, label="rate"))
        self.norm = nn.BatchNorm2d(2)
        self.head = nn.Linear(2, 3)

    def forward(self, x):
        x = self.norm(self.conv(self.shape(self.stride(self.good(x)))))
        x = getattr(torch, nas.current(self.act))(x)
        return self.head(self.drop(x).mean((2, 3)))


def test_probe_names_what_cannot_be_mixed_with_its_reason(kit, batches):
    net = kit.made(Mixed)
    before = {name: each.clone() for name, each in net.net.state_dict().items()}
    generator = torch.get_rng_state()
    found = net.executor.probe(batches(1)[0])
    assert list(found) == ["act", "rate", "shape", "stride"]
    assert found["act"] == "the model uses its value as a plain number or text"
    assert found["rate"] == "a range of numbers has no weights"
    assert found["shape"] == "'one' gives the shape [5, 2, 6, 6] and 'two' gives the shape [5, 2, 3, 3]"
    assert found["stride"].startswith("Conv2d has stride (1, 1) or (2, 2) under some of its candidates")
    assert all(torch.equal(net.net.state_dict()[name], each) for name, each in before.items())
    assert torch.equal(torch.get_rng_state(), generator)


def test_what_was_probed_can_be_fixed_and_the_rest_mixed(kit, batches):
    net = kit.made(Mixed)
    fixed = {"act": "tanh", "rate": 0.2, "shape": "two", "stride": "1"}
    mixture = kit.mixture(net, fixed=fixed)
    outcome = net.executor.train(kit.sample(mixture), batches(2))
    assert [each.path for each in outcome.gradient] == ["good", "kernel"]
    assert all(any(each.weights) for each in outcome.gradient)


def test_probe_finds_what_fails_in_user_code(kit, batches):
    class Looks(nn.Module):
        def __init__(self):
            super().__init__()
            self.fine = nas.LayerChoice({"a": nn.Identity, "b": nn.Tanh}, label="fine")
            self.depth = nas.Repeat(lambda i: nn.Identity(), (1, 2), label="depth")
            self.head = nn.Linear(2, 3)

        def forward(self, x):
            if len(list(self.depth)) == 2:
                raise IndexError("this network is too deep")
            return self.head(self.fine(x).mean((2, 3)))

    found = kit.made(Looks).executor.probe(batches(1)[0])
    assert found == {"depth": "IndexError: this network is too deep"}


def test_network_that_never_computes_is_no_matter_of_mixing(kit, batches):
    class Broken(nn.Module):
        def __init__(self):
            super().__init__()
            self.op = nas.LayerChoice({"a": lambda: nn.Linear(1, 1), "b": nn.Identity}, label="op")

        def forward(self, x):
            raise IndexError("broken")

    with pytest.raises(IndexError, match="broken"):
        kit.made(Broken).executor.probe(batches(1)[0])


class Hidden(nn.Module):
    """The activation is a plain text too, but the default does not read it."""

    def __init__(self):
        super().__init__()
        self.is_on = nas.ValueChoice(["off", "on"], label="is_on")
        self.act = nas.ValueChoice(["relu", "tanh"], label="act")
        self.op = nas.LayerChoice({"a": lambda: nn.Linear(2, 3), "b": lambda: nn.Linear(2, 3)}, label="op")

    def forward(self, x):
        if nas.current(self.is_on) == "on":
            x = getattr(torch, nas.current(self.act))(x)
        return self.op(x.mean((2, 3)))


def test_probe_names_what_the_default_does_not_reach(kit, batches):
    assert list(kit.made(Hidden).executor.probe(batches(1)[0])) == ["act", "is_on"]


def test_architecture_that_fails_by_itself_is_no_matter_of_mixing(kit, batches):
    class Picky(Hidden):
        def forward(self, x):
            if nas.current(self.is_on) == "on":
                raise RuntimeError("not on this machine")
            return self.op(x.mean((2, 3)))

    assert list(kit.made(Picky).executor.probe(batches(1)[0])) == ["is_on"]
