"""One attempt at a trial in this process: seed, build, train, keep the weights, and say what came of it.

Not here: processes, leases and the server. The same attempt with the same seed gives the same metrics, wherever it runs
on the CPU with the same number of threads.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from nascore.errors import UnsupportedError
from nascore.record import Lease, Outcome, OutcomeStatus, WarmStart
from nascore.space import Architecture
from nascore.weights import DirectoryStore
from torch import nn

from nas_trial import weights
from nas_trial.build import build
from nas_trial.failures import outcome_of
from nas_trial.training import Report, train
from nas_trial.trial import Trial


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of an attempt.

    Attributes:
        outcome: How it ended.
        checkpoint: Id of the checkpoint with its weights; empty for none.
        is_retryable: Whether another attempt may succeed, because the failure was not the trial's.
    """

    outcome: Outcome
    checkpoint: str = ""
    is_retryable: bool = False


def carry_out(trial: Trial, lease: Lease, *, report: Report, folder: Path | None) -> Attempt:
    """Carry out a leased trial; whatever it raises becomes its outcome.

    Args:
        trial: What is searched, and how it is trained.
        lease: The architecture, its seed and its budget.
        report: Takes the metrics of each epoch; raises ``Stopped`` to end the trial.
        folder: Where checkpoints are kept; ``None`` keeps none.
    """
    started = time.monotonic()
    reported: dict[str, float] = {}

    def recorded(step: int, metrics: Mapping[str, float]) -> None:
        reported.update(metrics)
        report(step, metrics)

    try:
        attempt = _trained(trial, lease, report=recorded, folder=folder)
    except (Exception, SystemExit) as error:
        # The border of the user's code: its every failure is an outcome, and none may end the worker.
        attempt = Attempt(outcome_of(error, metrics=reported))
    return replace(attempt, outcome=replace(attempt.outcome, duration_s=time.monotonic() - started))


def seed_generators(seed: int) -> None:
    """Seed the generators of Python, NumPy and torch from one unsigned 64-bit number."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # the legacy generator is what users' transforms draw from
    torch.manual_seed(seed)


def _trained(trial: Trial, lease: Lease, *, report: Report, folder: Path | None) -> Attempt:
    architecture = _architecture(lease)
    seed_generators(lease.seed)
    trial.budget = lease.proposal.budget
    model = build(trial.build, architecture)
    store = None if folder is None else DirectoryStore(folder)
    parents = _warm_start(model, lease.proposal.warm_start, store)
    trained = train(trial, model, report=report)
    outcome = Outcome(OutcomeStatus.COMPLETED, metrics=trained.metrics, batches=trained.batches)
    if store is None or not trial.keeps_weights:
        return Attempt(outcome)
    checkpoint = weights.save(
        model.state_dict(),
        store,
        trial=lease.trial,
        parents=parents,
        architecture=architecture.fingerprint,
        metrics=trained.metrics,
    )
    return Attempt(outcome, checkpoint)


def _architecture(lease: Lease) -> Architecture:
    if lease.proposal.architecture is None:
        raise UnsupportedError(
            f"Trial {lease.trial} proposes a mixture, but nas.Trial trains one architecture at a time.",
            hint="Choose a multi-trial tuner, such as random or evolution.",
        )
    return lease.proposal.architecture


def _warm_start(model: nn.Module, start: WarmStart | None, store: DirectoryStore | None) -> tuple[str, ...]:
    """Takes over what fits, by key and shape, and returns the checkpoint it came from."""
    if start is None or start.checkpoint is None or store is None:
        return ()
    if start.rules_json:
        raise UnsupportedError("warm_start: rules of inheritance are not known here; equal keys and shapes are.")
    weights.load(start.checkpoint, store, into=model, strict=False)
    return (start.checkpoint,)
