"""Candidates that are graded but not chosen leave alone the buffers of those that are."""

import nas_trial as nas
import torch
from nas_trial.judging import PlantedTrial
from nas_trial.mixing import untracked
from nas_trial.oneshot.executor import Executor
from nas_trial.supernet import decisions_of
from nascore.record import OutcomeStatus, Proposal, Task
from nascore.space import MixedDecision, Mixture
from torch import nn


def test_a_straight_through_gradient_passes_candidates_whose_buffers_it_needs():
    trial = PlantedTrial(0, layers=2, maps=3)
    supernet = nas.build(trial.build, None)
    mixed = tuple(MixedDecision(path, (0.0, 1.0, 0.0), (0, 1, 2)) for path in decisions_of(supernet))
    sample = Proposal(0, mixture=Mixture(mixed), task=Task.GRADIENT)
    outcome = Executor(trial, supernet).gradient(sample, [next(iter(trial.train_batches()))])
    assert outcome.status is OutcomeStatus.COMPLETED
    assert all(value != 0.0 for each in outcome.gradient for value in each.weights)


def test_what_a_buffer_holds_is_put_back_and_what_was_not_written_is_not_touched():
    module = nn.Module()
    module.register_buffer("written", torch.zeros(2))
    module.register_buffer("read", torch.ones(2))
    version = module.read._version
    with untracked(module):
        module.written.add_(1.0)
    assert torch.equal(module.written, torch.zeros(2))
    assert module.read._version == version
