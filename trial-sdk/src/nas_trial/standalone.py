"""A trial without a server: the default architecture is trained here and now, for debugging."""

from __future__ import annotations

import torch

from nas_trial.attempt import seed_generators
from nas_trial.build import build
from nas_trial.environment import core_count
from nas_trial.extract import extract
from nas_trial.progress import metrics_text, write_line
from nas_trial.training import Trained, train
from nas_trial.trial import Trial


def run_standalone(trial: Trial, *, seed: int = 0) -> Trained:
    """Train the default architecture, show its progress, and return its metrics.

    Nothing is caught: an exception of the trial is what one wants to see here.
    """
    torch.set_num_threads(core_count())
    space = extract(trial.build)
    architecture = space.default()
    write_line(f"No server: training the default architecture of {space.size()} on {trial.device}.")
    for path, value in architecture.items():
        write_line(f"  {path} = {value}")
    seed_generators(seed)
    trained = train(trial, build(trial.build, architecture), report=lambda step, metrics: None)
    write_line(f"{metrics_text(trained.metrics)}  after {trained.batches} batches")
    return trained
