"""Small networks, a trial around any of them, and samples for them."""

from collections.abc import Callable, Mapping
from types import SimpleNamespace

import nas_trial as nas
import pytest
import torch
from nas_trial.oneshot.executor import Executor, ExecutorOptions
from nas_trial.supernet import decisions_of
from nascore.record import Proposal, Task
from nascore.space import Architecture, MixedDecision, Mixture, Repeat, SomeOf
from torch import nn
from torch.nn import functional


class Fitting(nas.Trial):
    """Fits numbers; the network, its loss and its optimizer are given."""

    device = "cpu"

    def __init__(self, factory: Callable[[], nn.Module], optimizer: Mapping[str, object]) -> None:
        self._factory = factory
        self._optimizer = dict(optimizer)

    def build(self) -> nn.Module:
        return self._factory()

    def training_step(self, model, batch):
        return functional.mse_loss(model(batch[0]), batch[1])

    def validation_step(self, model, batch):
        return {"error": functional.mse_loss(model(batch[0]), batch[1])}

    def optimizer(self, parameters):
        return torch.optim.SGD(parameters, **self._optimizer)


def made(factory, *, seed=0, dtype=torch.float64, options=None, optimizer=None, trial=Fitting):
    """A supernet with its executor; the generator is at ``seed``."""
    torch.manual_seed(seed)
    settings = {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01} if optimizer is None else optimizer
    fitting = trial(factory, settings)
    supernet = nas.build(fitting.build, None).to(dtype)
    executor = Executor(fitting, supernet, options=options or ExecutorOptions())
    return SimpleNamespace(trial=fitting, net=supernet, executor=executor, decisions=decisions_of(supernet))


def count(decision) -> int:
    node = decision.node
    return node.max_count - node.min_count + 1 if isinstance(node, Repeat) else len(node.candidates)


def mixture(net, *, graded=True, weights=None, fixed=None, seed=3):
    """Weights for everything that is not fixed: those given by path, or random ones that add up to 1."""
    generator = torch.Generator().manual_seed(seed)
    mixed = []
    for path, decision in net.decisions.items():
        if path in (fixed or {}):
            continue
        size = count(decision)
        drawn = torch.rand(size, generator=generator) + 0.1
        default = (1.0,) * size if isinstance(decision.node, SomeOf) else tuple((drawn / drawn.sum()).tolist())
        mixed.append(MixedDecision(path, (weights or {}).get(path, default), tuple(range(size)) if graded else ()))
    return Mixture(tuple(mixed), fixed or {})


def sample(what, task=Task.TRAIN, **more):
    if isinstance(what, Mixture):
        return Proposal(0, mixture=what, task=task, **more)
    return Proposal(0, Architecture(what), task=task, **more)


@pytest.fixture
def kit():
    return SimpleNamespace(made=made, mixture=mixture, sample=sample, count=count, Fitting=Fitting)


class Images(nn.Module):
    """Convolutions, a pooling, a skip and dropout between two layers of choices, with batch norms."""

    def __init__(self, width=4):
        super().__init__()
        self.stem = nn.Conv2d(2, width, 3, padding=1)
        for name in ("first", "second"):
            self.add_module(
                name,
                nas.LayerChoice(
                    {
                        "conv": lambda: nn.Sequential(
                            nn.ReLU(), nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width)
                        ),
                        "deep": lambda: nn.Sequential(
                            nn.ReLU(), nn.Conv2d(width, width, 1), nn.BatchNorm2d(width), nn.GELU(), nn.Dropout(0.3)
                        ),
                        "pool": lambda: nn.AvgPool2d(3, 1, 1),
                        "skip": nn.Identity,
                    },
                    label=name,
                ),
            )
        self.head = nn.Linear(width, 3)

    def forward(self, x):
        x = self.stem(x)
        return self.head(self.second(x + self.first(x)).mean((2, 3)))


@pytest.fixture
def images():
    return Images


@pytest.fixture
def batches():
    generator = torch.Generator().manual_seed(11)

    def some(number, *, dtype=torch.float64, shape=(2, 6, 6), size=5, out=3):
        return [
            (
                torch.randn(size, *shape, generator=generator, dtype=dtype),
                torch.randn(size, out, generator=generator, dtype=dtype),
            )
            for _ in range(number)
        ]

    return some
