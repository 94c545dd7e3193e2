"""What a supernet consists of is looked up once, and its modes and flags are as torch's own walk would set them."""

import nas_trial as nas
import torch
from nas_trial.oneshot.executor.members import Members
from nascore.record import Task
from torch import nn


class Resting(nn.Sequential):
    """A part that never trains, as people freeze a backbone."""

    def train(self, mode=True):
        return super().train(False)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.resting = Resting(nn.Linear(3, 4), nn.BatchNorm1d(4))
        self.op = nas.LayerChoice({"a": lambda: nn.Linear(4, 4), "b": nn.Identity}, label="op")
        self.norm = nn.BatchNorm1d(4)
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.norm(self.op(self.resting(x))))


def modes(model):
    return {name: module.training for name, module in model.named_modules()}


def test_part_that_never_trains_keeps_its_averages_at_every_step(kit, batches):
    net = kit.made(Net)
    before = net.net.resting[1].running_mean.clone()
    for batch in batches(3, shape=(3,), out=2):
        net.executor.train(kit.sample({"op": "a"}), [batch])
    assert torch.equal(net.net.resting[1].running_mean, before)
    assert not torch.equal(net.net.norm.running_mean, torch.zeros(4, dtype=torch.float64))


def test_mode_that_somebody_changed_is_set_back_before_a_step(kit, batches):
    net = kit.made(Net)
    expected = modes(net.net.train())
    for change in (net.net.eval, net.net.norm.eval, net.net.op.eval):
        change()
        net.executor.train(kit.sample({"op": "a"}), batches(1, shape=(3,), out=2))
        assert modes(net.net) == expected


def test_training_follows_judging_as_if_nothing_had_been_judged(kit, batches):
    judged, plain = kit.made(Net), kit.made(Net)
    first, second = batches(2, shape=(3,), out=2)
    for net in (judged, plain):
        net.executor.train(kit.sample({"op": "a"}), [first])
    judged.executor.score(kit.sample({"op": "b"}, Task.SCORE), [second])
    losses = [net.executor.train(kit.sample({"op": "a"}), [second]).metrics["loss"] for net in (judged, plain)]
    assert losses[0] == losses[1]


def test_judging_lets_norms_train_or_not_and_all_else_rest():
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Dropout(0.5))
    members = Members(model)
    for norms_train in (True, False, True):
        members.judge(norms_train=norms_train)
        assert [part.training for part in model] == [False, norms_train, False]
        members.train()
        assert all(part.training for part in model)


def test_what_was_frozen_before_stays_so_afterwards():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[0].requires_grad_(False)
    members = Members(model)
    with members.frozen():
        assert not any(each.requires_grad for each in model.parameters())
    assert [each.requires_grad for each in model.parameters()] == [False, False, True, True]
