"""A trial begins with the weights of its parent, by the rules of its proposal, and says what came of it."""

from dataclasses import replace

import pytest
import torch
from nas_trial import weights
from nas_trial.attempt import carry_out
from nas_trial.briefing import Briefing, begin, briefing_of
from nas_trial.isolation.leases import briefing_from_message, briefing_to_message
from nas_trial.trial import Trial
from nascore.errors import InvalidInputError
from nascore.record import Lease, OutcomeStatus, Proposal, TrialRecord, TrialState, WarmStart
from nascore.space import Architecture
from nascore.weights import DirectoryStore
from torch import nn

MORPH = '{"preset": "morph"}'


class Deep(Trial):
    """Training changes nothing, so what is kept is what was inherited."""

    epochs = 1

    def __init__(self, depth):
        self.depth = depth
        self.inputs = torch.randn(8, 4)

    def build(self):
        layers = [nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.ReLU()) for _ in range(self.depth)]
        return nn.Sequential(*layers)

    def train_batches(self):
        return [self.inputs]

    def validation_batches(self):
        return [self.inputs]

    def training_step(self, model, batch):
        return model(batch).sum()

    def validation_step(self, model, batch):
        return {"accuracy": 0.5}

    def optimizer(self, parameters):
        return torch.optim.SGD(parameters, lr=0.0)


@pytest.fixture
def store(tmp_path):
    return DirectoryStore(tmp_path)


def carried(trial, store, briefing, seed=3):
    lease = Lease(0, 1, 30.0, Proposal(0, Architecture({})), seed, 1)
    attempt = carry_out(trial, lease, report=lambda *_: None, store=store, briefing=briefing)
    assert attempt.outcome.status is OutcomeStatus.COMPLETED, attempt.outcome.failure
    return attempt.checkpoint


def test_rules_that_are_none_are_the_trials_failure(store):
    checkpoint = carried(Deep(1), store, Briefing())
    with pytest.raises(InvalidInputError, match="no field 'slice'"):
        begin(Deep(1).build(), Briefing(checkpoint=checkpoint, rules='{"slice": 1}'), store)


def test_weights_that_were_given_up_are_no_failure(store, capsys):
    assert not begin(Deep(1).build(), Briefing(checkpoint="0" * 32), store).taken
    assert "There is no checkpoint" in capsys.readouterr().out
    begin(Deep(1).build(), Briefing(checkpoint="0" * 32), None)
    assert "no folder of weights. The trial begins from scratch." in capsys.readouterr().out


def test_rules_reach_the_process_of_the_trial():
    proposal = Proposal(1, Architecture({}), warm_start=WarmStart(parent=0, rules_json=MORPH))
    parent = TrialRecord(0, TrialState.SUCCEEDED, Proposal(0, Architecture({})), checkpoint="a" * 32)
    briefing = briefing_of(proposal, objectives=("accuracy",), trial=lambda number: parent)
    assert briefing == Briefing(("accuracy",), "a" * 32, rules=MORPH)
    known = replace(briefing, experiment="abcdefgh")
    assert briefing_from_message(briefing_to_message(known)) == known


def test_a_child_inherits_what_an_older_version_kept_without_an_experiment(store):
    parent = carried(Deep(1), store, Briefing())
    child = carried(Deep(2), store, Briefing(checkpoint=parent, rules=MORPH, experiment="abcdefgh"))
    assert store.manifest(child).parents == (parent,)
    whose = {one.checkpoint: one.experiment for one in store.checkpoints().checkpoints}
    assert whose == {parent: "default", child: "abcdefgh"}


def test_a_deeper_child_is_calibrated_on_its_own_batches_and_names_its_parent(store, capsys):
    parent = carried(Deep(1), store, Briefing())
    trial = Deep(2)
    child = carried(trial, store, Briefing(checkpoint=parent, rules=MORPH))
    assert f"warm start: 14 of 14 tensors from checkpoint {parent} (7 exact, 7 identity)" in capsys.readouterr().out
    assert store.manifest(child).parents == (parent,)
    inputs, models = trial.inputs, (Deep(1).build(), Deep(2).build())
    for model, checkpoint in zip(models, (parent, child), strict=True):
        weights.load(checkpoint, store, into=model)
        model.train()
    assert torch.allclose(models[0](inputs), models[1](inputs), atol=1e-5)


def test_calibration_leaves_the_generators_alone(store):
    class Drawing(Deep):
        drawn = ()

        def train_batches(self):
            self.drawn = (*self.drawn, float(torch.rand(())))
            return [self.inputs]

    parent = carried(Deep(1), store, Briefing())
    trial = Drawing(2)
    carried(trial, store, Briefing(checkpoint=parent, rules=MORPH))
    assert len(trial.drawn) == 2
    assert trial.drawn[0] == trial.drawn[1]
