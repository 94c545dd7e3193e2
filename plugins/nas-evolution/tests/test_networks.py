"""What the tuner `morphism` proposes computes what its parent computes: each kind of growth, and all together."""

from contextlib import closing
from random import Random

import nas_trial as nas
import pytest
import torch
from nas_evolution import Morphism, MorphismSettings
from nas_trial.hub.operations import Zero
from nas_trial.judging import difference, outputs, trained
from nas_trial.weights import calibrate, inherit, save
from nascore.record import Objective, Outcome, OutcomeStatus, Proposal, proposal_seed
from nascore.tuner import Setup
from nascore.weights import DirectoryStore
from torch import nn

TOLERANCE = 1e-5


class Block(nn.Module):
    """A convolution with a norm, and a second one that may be skipped."""

    def __init__(self, width):
        super().__init__()
        kernel = nas.ValueChoice([5, 3, 1], label="kernel")
        self.convolution = nas.Conv2d(width, width, kernel, padding=kernel // 2)
        self.norm = nas.BatchNorm2d(width)
        self.more = nas.LayerChoice(
            {"convolution": lambda: nas.Conv2d(width, width, 3, padding=1), "skip": nn.Identity}, label="more"
        )

    def forward(self, x):
        return self.more(self.norm(self.convolution(x)).relu()).relu()


class Net(nn.Module):
    """All that grows: width, inner width, kernels, depth, skips, and branches: one beside a layer, and some copies."""

    def __init__(self):
        super().__init__()
        width = nas.Integer(4, 16, step=4, label="width")
        hidden = nas.ValueChoice([32, 8, 16], label="hidden")
        self.stem = nas.Conv2d(2, width, 3, padding=1)
        self.each = nas.Conv2d(width, width, 3, padding=1, groups=width)
        self.blocks = nas.Repeat(lambda _: Block(width), (1, 4), label="depth")
        self.beside = nas.LayerChoice(
            {"none": lambda: Zero(1), "branch": lambda: nas.Branch(nas.Conv2d(width, width, 3, padding=1))},
            label="beside",
        )
        self.paths = nas.Repeat(lambda _: nas.Branch(path(width)), (0, 3), label="paths")
        self.hidden = nas.Linear(width * 16, hidden)
        self.head = nas.Linear(hidden, 5)

    def forward(self, images):
        x = self.each(self.stem(images).relu()).relu()
        for block in self.blocks:
            x = block(x)
        x = sum((path(x) for path in self.paths), x + self.beside(x)).relu()
        return self.head(self.hidden(x.flatten(1)).relu())


def path(width):
    """Nothing of it could be added as a layer that changes nothing: GELU is no ReLU."""
    return nn.Sequential(nas.Conv2d(width, width, 1), nas.BatchNorm2d(width), nn.GELU())


SPACE = nas.extract(Net)
GROWING = {"layers": ("convolution",), "branches": ("branch",)}


class Task(nas.Trial):
    """Whether the first channel is the brighter one."""

    epochs = 1

    def build(self):
        return Net()

    def train_batches(self):
        for _ in range(4):
            images = torch.randn(32, 2, 4, 4)
            means = images.mean(dim=(2, 3))
            yield images, (means[:, 0] > means[:, 1]).long()

    validation_batches = train_batches

    def training_step(self, model, batch):
        return nn.functional.cross_entropy(model(batch[0]), batch[1])

    def validation_step(self, model, batch):
        return {"accuracy": (model(batch[0]).argmax(dim=1) == batch[1]).float().mean()}

    def optimizer(self, parameters):
        return torch.optim.SGD(parameters, lr=0.01)


def grown(parent, *, seed, **settings):
    """A child that the tuner proposes for a parent."""
    setup = Setup(SPACE, (Objective("accuracy"),), seed)
    tuner = Morphism(setup, MorphismSettings(**GROWING, **settings))
    tuner.tell(Proposal(0, parent), Outcome(OutcomeStatus.COMPLETED, {"accuracy": 0.5}))
    return tuner.ask(1, proposal_seed(seed, 1))


def worst_difference(parent, proposal, store):
    """The largest difference of any output, in evaluation, and in training after calibration."""
    batch = torch.randn(16, 2, 4, 4)
    old, new = trained(nas.build(Net, parent), spread=0.1), nas.build(Net, proposal.architecture)
    found = inherit(new, save(old.state_dict(), store, trial=0), store, rules=proposal.warm_start.rules_json)
    assert set(found.left.values()) <= {"its branch is new, and adds nothing yet"}
    calibrate(new, found.uncalibrated, lambda: new(batch))
    scale = outputs(old, batch, training=False).abs().max()
    return max(difference(old, new, batch, training=mode) for mode in (False, True)) / max(1.0, float(scale))


@pytest.fixture
def store(tmp_path):
    torch.manual_seed(0)
    return DirectoryStore(tmp_path)


@pytest.mark.parametrize("grows", ["width", "hidden", "kernel", "depth", "more", "beside", "paths"])
def test_each_kind_of_growth_keeps_the_function(store, grows):
    parent = SPACE.architecture(
        {
            "depth": 2,
            "depth[0]/more": "skip",
            "depth[1]/more": "skip",
            "beside": "none",
            "paths": 1,
            "width": 4,
            "hidden": 8,
            "depth[0]/kernel": 3,
            "depth[1]/kernel": 1,
        }
    )
    paths = set()
    for seed in range(4):
        proposal = grown(parent, seed=seed, grows=(grows,), morphisms=1)
        assert proposal.architecture != parent
        paths |= {path.rpartition("/")[2] for path in proposal.notes["grown"]}
        assert worst_difference(parent, proposal, store) < TOLERANCE
    assert paths == {grows}


@pytest.mark.parametrize("seed", range(12))
def test_any_child_of_any_network_keeps_the_function(store, seed):
    parent = SPACE.sample(Random(seed))
    assert worst_difference(parent, grown(parent, seed=seed), store) < TOLERANCE


def test_a_line_of_descent_keeps_the_function_to_the_largest_network(store):
    setup = Setup(SPACE, (Objective("accuracy"),), 0)
    tuner = Morphism(setup, MorphismSettings(**GROWING, morphisms=2))
    proposal, generations = tuner.ask(0, 0), 0
    while generations < 40:
        parent = proposal.architecture
        tuner = Morphism(setup, tuner.settings)
        tuner.tell(Proposal(0, parent), Outcome(OutcomeStatus.COMPLETED, {"accuracy": 0.5}))
        proposal = tuner.ask(1, generations)
        if proposal.architecture == parent:
            break
        assert worst_difference(parent, proposal, store) < TOLERANCE
        generations += 1
    assert parent["width"] == 16
    assert parent["depth"] == 4
    assert all(parent[f"depth[{block}]/more"] == "convolution" for block in range(4))
    assert parent["beside"] == "branch"
    assert parent["paths"] == 3


@pytest.mark.slow
def test_trials_of_a_search_begin_with_their_parents_weights(tmp_path):
    settings = {
        "layers": ["convolution"],
        "branches": ["branch"],
        "morphisms": 2,
        "population_size": 3,
        "sample_size": 2,
    }
    result = nas.search(Task(), tuner="morphism", trials=5, settings=settings, seed=1, home=tmp_path)
    checkpoints = {each.number: each.checkpoint for each in result.trials}
    (folder,) = tmp_path.glob("experiments/*/weights")
    with closing(DirectoryStore(folder)) as store:
        parents = {number: store.manifest(checkpoint).parents for number, checkpoint in checkpoints.items()}
    assert parents == {
        each.number: () if each.number == 0 else (checkpoints[each.proposal.notes["parent"]],) for each in result.trials
    }
