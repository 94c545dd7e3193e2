"""A search that goes on from its state does bit by bit what it would have done."""

import random

import numpy as np
import pytest
import torch
from nas_trial.oneshot.executor import ExecutorOptions
from nascore.errors import SettingsError
from nascore.record import Task
from safetensors.torch import load, save


def scheduled(kit, kind):
    class Scheduled(kit.Fitting):
        def optimizer(self, parameters):
            return kind(parameters, 0.01)

        def scheduler(self, optimizer):
            return torch.optim.lr_scheduler.MultiStepLR(optimizer, [1, 3])

    return Scheduled


def go_on(kit, net, batch):
    """Some samples of every kind; returns everything that came of them."""
    told = []
    for _ in range(2):
        told.append(net.executor.train(kit.sample(kit.mixture(net, graded=False)), batch[:1]))
        told.append(net.executor.gradient(kit.sample(kit.mixture(net), Task.GRADIENT), batch[1:]))
        net.executor.end_epoch()
    return [(each.metrics, each.gradient) for each in told], random.random(), np.random.rand(), torch.rand(1).item()


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW])
@pytest.mark.parametrize("paths", [1, 2])
def test_state_is_everything_that_comes_after(kit, images, batches, kind, paths):
    options = ExecutorOptions(paths_per_step=paths, path_dropout=0.3)
    net = kit.made(images, trial=scheduled(kit, kind), options=options)
    batch = batches(2)
    net.executor.train(kit.sample(kit.mixture(net)), batch)
    net.executor.train(kit.sample({"first": "deep", "second": "skip"}), batch[:1])
    net.executor.end_epoch()
    state = load(save(net.executor.state_dict()))
    expected = go_on(kit, net, batch)
    fresh = kit.made(images, trial=scheduled(kit, kind), options=options, seed=99)
    fresh.executor.load_state_dict(state)
    assert go_on(kit, fresh, batch) == expected
    for name, tensor in net.net.state_dict().items():
        assert torch.equal(tensor, fresh.net.state_dict()[name]), name


def test_state_is_a_copy(kit, images, batches):
    net = kit.made(images)
    state = net.executor.state_dict()
    before = {name: each.clone() for name, each in state.items()}
    net.executor.train(kit.sample({"first": "conv", "second": "conv"}), batches(1))
    assert all(torch.equal(state[name], each) for name, each in before.items())


def test_state_of_another_supernet_is_refused_and_nothing_is_loaded(kit, images):
    net = kit.made(images)
    other = kit.made(lambda: images(width=8))
    before = {name: each.clone() for name, each in net.net.state_dict().items()}
    with pytest.raises(ValueError, match="belongs to another supernet: they differ at 'first"):
        net.executor.load_state_dict(other.executor.state_dict())
    assert all(torch.equal(net.net.state_dict()[name], each) for name, each in before.items())


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"optimizer": {"what": 1}}', b'{"a": {"tensor": "none"}}'])
def test_foreign_bytes_are_refused(kit, images, content):
    net = kit.made(images)
    state = net.executor.state_dict()
    state["form"] = torch.frombuffer(bytearray(content), dtype=torch.uint8) if content else torch.empty(0).byte()
    with pytest.raises(ValueError, match="state"):
        net.executor.load_state_dict(state)
    with pytest.raises(ValueError, match="no state of an executor"):
        net.executor.load_state_dict({})


def test_schedule_that_cannot_be_written_down_is_named(kit, images):
    class Odd(kit.Fitting):
        def scheduler(self, optimizer):
            schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1)
            schedule.extra = object()
            return schedule

    with pytest.raises(NotImplementedError, match=r"scheduler.extra of the optimizer or its schedule is a object"):
        kit.made(images, trial=Odd).executor.state_dict()


def test_options_out_of_range_are_refused():
    for wrong in (
        {"paths_per_step": 0},
        {"clip_norm": 0.0},
        {"clip_norm": float("nan")},
        {"path_dropout": 1.0},
        {"statistics": "none"},
        {"recalibration_batches": -1},
    ):
        with pytest.raises(SettingsError, match=next(iter(wrong))):
            ExecutorOptions(**wrong)
