"""What batch norms use in SCORE, against the same written out by hand with torch."""

from copy import deepcopy

import pytest
import torch
from nas_trial.oneshot.executor import ExecutorOptions
from nas_trial.supernet import activate
from nascore.record import Task
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

PATH = {"first": "conv", "second": "deep"}


def judged_alone(net, *, prepare):
    """A copy that computes the path and judges; its batch norms are prepared."""
    alone = deepcopy(net.net)
    activate(alone, PATH)
    alone.eval()
    norms = [part for part in alone.modules() if isinstance(part, _BatchNorm)]
    prepare(alone, norms)
    return alone


def trained(kit, images, batches, **options):
    net = kit.made(images, options=ExecutorOptions(**options))
    net.executor.train(kit.sample({"first": "deep", "second": "conv"}), batches(2))
    net.executor.train(kit.sample(PATH), batches(2))
    return net


def score(kit, net, given):
    return net.executor.score(kit.sample(PATH, Task.SCORE), given).metrics["error"]


def error(alone, given):
    with torch.no_grad():
        return sum(functional.mse_loss(alone(x), y).item() for x, y in given) / len(given)


def test_batch_norms_use_the_batch_by_default(kit, images, batches):
    net = trained(kit, images, batches)
    given = batches(2)
    alone = judged_alone(net, prepare=lambda _, norms: [norm.train() for norm in norms])
    assert score(kit, net, given) == pytest.approx(error(alone, given), abs=1e-12)


def test_running_statistics_are_the_averages_of_training(kit, images, batches):
    net = trained(kit, images, batches, statistics="running")
    given = batches(2)
    alone = judged_alone(net, prepare=lambda *_: None)
    assert score(kit, net, given) == pytest.approx(error(alone, given), abs=1e-12)


def test_recalibrated_statistics_are_those_of_the_first_batches_of_the_very_network(kit, images, batches):
    net = trained(kit, images, batches, statistics="running", recalibration_batches=2)
    given = batches(3)

    def estimate(alone, norms):
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None
            norm.train()
        for x, _ in given[:2]:
            alone(x)
        alone.eval()

    alone = judged_alone(net, prepare=estimate)
    plain = judged_alone(net, prepare=lambda *_: None)
    assert score(kit, net, given) == pytest.approx(error(alone, given), abs=1e-12)
    assert error(alone, given) != pytest.approx(error(plain, given), abs=1e-6)
