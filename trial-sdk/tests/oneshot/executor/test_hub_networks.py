"""Every space of the hub makes a supernet that is mixed, graded and sampled; what it cannot mix, it names."""

import random

import nas_trial as nas
import pytest
import torch
from nas_trial.hub.catalogue import MODULES
from nas_trial.oneshot.executor import Executor
from nas_trial.supernet import decisions_of, space_of
from nascore.record import Proposal, Task
from nascore.space import MixedDecision, Mixture, Repeat

SMALL = {
    "amoebanet": {"layers": 3, "width": 4},
    "autoformer": {"resolution": 32},
    "darts": {"layers": 3, "width": 4, "affine": False},
    "enas-macro": {"layers": 6, "width": 4},
    "enas-micro": {"layers": 5, "width": 4},
    "mobilenetv2-cifar": {"width": 0.25, "downsampling": 4},
    "mobilenetv3": {"width": 0.25},
    "nasbench101": {"width": 8, "depth": 1},
    "nasbench201": {"width": 4, "depth": 1},
    "nasnet": {"layers": 3, "width": 4},
    "pnas": {"layers": 3, "width": 4},
    "proxylessnas": {"width": 0.25},
    "shufflenetv2": {"width": 0.25},
}
"""One of each module, as small as it can be."""

QUICK = {"darts", "enas-macro", "mobilenetv2-cifar", "nasbench101", "nasbench201", "proxylessnas"}
SAMPLED = {"nasbench101"}
"""Spaces whose decisions stand for the wiring of the network, of which nothing can be mixed."""


class Pictures(nas.Trial):
    device = "cpu"

    def __init__(self, name):
        self._name = name

    def build(self):
        return nas.hub.get(self._name).make(classes=4, channels=3, **SMALL[self._name])

    def optimizer(self, parameters):
        return torch.optim.SGD(parameters, 0.01, momentum=0.9)


def whole(net, unmixable):
    """All decisions mixed evenly and graded; those that cannot be are as by default."""
    default, mixed = space_of(net).default(), []
    for path, decision in decisions_of(net).items():
        node = decision.node
        count = node.max_count - node.min_count + 1 if isinstance(node, Repeat) else len(node.candidates)
        if path not in unmixable:
            mixed.append(MixedDecision(path, (1 / count,) * count, tuple(range(count))))
    return Mixture(tuple(mixed), {path: default[path] for path in unmixable})


def test_every_module_of_the_hub_is_tried():
    assert {MODULES[name] for name in SMALL} == set(MODULES.values())


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in sorted(SMALL)]
)
def test_space_of_the_hub_is_mixed_graded_and_sampled(name):
    torch.manual_seed(0)
    trial = Pictures(name)
    net = nas.build(trial.build, None)
    executor = Executor(trial, net)
    side = 32 if name == "autoformer" else 16
    batch = torch.randn(2, 3, side, side), torch.tensor([0, 1])
    unmixable = executor.probe(batch)
    assert set(unmixable) == (set(decisions_of(net)) if name in SAMPLED else set())
    if name not in SAMPLED:
        mixture = whole(net, unmixable)
        graded = executor.gradient(Proposal(0, mixture=mixture, task=Task.GRADIENT), [batch]).gradient
        assert [each.path for each in graded if not any(each.weights)] == []
        executor.train(Proposal(1, mixture=mixture, task=Task.TRAIN), [batch])
    path = space_of(net).sample(random.Random(1))
    before = {key: each.clone() for key, each in net.state_dict().items()}
    executor.train(Proposal(2, path, task=Task.TRAIN), [batch])
    assert any(not torch.equal(each, before[key]) for key, each in net.state_dict().items())
