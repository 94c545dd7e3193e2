"""One attempt at a trial in this process: seed, build, train, keep the weights, and say what came of it.

Not here: processes, leases and the server. The same attempt with the same seed gives the same metrics, wherever it runs
on the CPU with the same number of threads.
"""

from __future__ import annotations

import logging
import os
import random
import time
from asyncio import CancelledError
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from nascore.errors import NascoreError, UnsupportedError
from nascore.record import Lease, Outcome, OutcomeStatus, Proposal, Task
from nascore.space import Architecture
from nascore.weights import OWN, DirectoryStore
from nascore.weights.access import WeightAccess
from torch import nn

from nas_trial import weights
from nas_trial.briefing import Briefing, begin
from nas_trial.build import build
from nas_trial.failures import outcome_of
from nas_trial.generators import generators_kept
from nas_trial.profile import figures_of
from nas_trial.training import Report, train
from nas_trial.trial import Trial
from nas_trial.weights import Inherited
from nas_trial.weights.keeping import Keeping

logger = logging.getLogger(__name__)


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


def opened_store(
    folder: Path | None, *, way: Mapping[str, str] | None = None
) -> AbstractContextManager[WeightAccess | None]:
    """Open the checkpoints of an experiment; ``None`` comes where none are kept.

    Opening costs as much as storing a small network, so a process that carries out many trials opens it once.

    Args:
        folder: The experiment's folder; ``None`` for a worker that does not see it.
        way: For such a worker, how it reaches the server, as the variables of a worker's environment.
    """
    if folder is not None:
        return closing(DirectoryStore(folder / "weights"))
    return _opened_elsewhere(way) if way and way.get("NASCORE_SERVER") else nullcontext()


@contextmanager
def _opened_elsewhere(way: Mapping[str, str]) -> Iterator[WeightAccess]:
    """Open a server's checkpoints."""
    # Forks of the trial, such as a loader's processes, do not use the connection, so nothing has to survive in them.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    # Not imported above: gRPC starts threads, and a process that imports this module may have yet to fork.
    from nascore.client import Client  # noqa: PLC0415
    from nascore.client.weights import Weights  # noqa: PLC0415

    with (
        Client.from_environment(way) as client,
        closing(Weights.of(client, experiment=way.get("NASCORE_EXPERIMENT") or OWN)) as store,
    ):
        yield store


def carry_out(trial: Trial, lease: Lease, *, report: Report, store: WeightAccess | None, briefing: Briefing) -> Attempt:
    """Carry out a leased trial; whatever it raises becomes its outcome.

    Args:
        trial: What is searched, and how it is trained.
        lease: The architecture, its seed and its budget.
        report: Takes the metrics of each epoch; raises ``Stopped`` to end the trial.
        store: Where checkpoints are kept; ``None`` keeps none.
        briefing: What is optimised, and the weights to begin with.
    """
    started = time.monotonic()
    reported: dict[str, float] = {}

    def recorded(step: int, metrics: Mapping[str, float]) -> None:
        reported.update(metrics)
        report(step, metrics)

    try:
        attempt = _trained(trial, lease, report=recorded, store=store, briefing=briefing)
    except (Exception, SystemExit, CancelledError, GeneratorExit) as error:
        # The border of the user's code: its every failure is an outcome, and none may end the worker. What else is no
        # Exception is a person's or the worker's word to end.
        attempt = Attempt(outcome_of(error, metrics=reported))
    return replace(attempt, outcome=replace(attempt.outcome, duration_s=time.monotonic() - started))


def seed_generators(seed: int) -> None:
    """Seed the generators of Python, NumPy and torch from one unsigned 64-bit number."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # the legacy generator is what users' transforms draw from
    if torch.cuda.is_initialized() or _has_accelerator():  # type: ignore[no-untyped-call]  # torch does not annotate
        torch.manual_seed(seed)
    else:
        # The call above notes, with a whole stack for each kind of device, what to do should one appear: half a
        # millisecond, and memory that is never freed.
        torch.default_generator.manual_seed(seed)


@cache
def _has_accelerator() -> bool:
    return torch.accelerator.is_available() if hasattr(torch, "accelerator") else torch.cuda.is_available()


def check_supported(proposal: Proposal) -> Architecture:
    """Return the architecture that a proposal wants built, trained and judged.

    Raises:
        UnsupportedError: It wants something else; what to choose instead is said.
    """
    if proposal.architecture is None:
        raise UnsupportedError(
            f"Trial {proposal.number} proposes a mixture, but trials train one architecture at a time here.",
            hint="Choose a multi-trial tuner, such as random or evolution.",
        )
    if proposal.task is not Task.EVALUATE:
        raise UnsupportedError(
            f"Trial {proposal.number} has the task {proposal.task.value}, but only evaluate is carried out here.",
            hint="Choose a multi-trial tuner, such as random or evolution.",
        )
    return proposal.architecture


def _trained(trial: Trial, lease: Lease, *, report: Report, store: WeightAccess | None, briefing: Briefing) -> Attempt:
    architecture = check_supported(lease.proposal)
    # Before the generators are seeded, so that measuring changes nothing of what is trained.
    figures = figures_of(trial, architecture, demands=briefing.demands, objectives=briefing.objectives)
    seed_generators(lease.seed)
    trial.budget = lease.proposal.budget
    model = build(trial.build, architecture)
    inherited = begin(model, briefing, store)
    if inherited.uncalibrated:
        _calibrate(trial, model, inherited)

    def completed(step: int, metrics: Mapping[str, float]) -> None:
        report(step, {**figures, **metrics})

    trained = train(trial, model, report=completed, objectives=briefing.objectives)
    metrics = {**figures, **trained.metrics}
    outcome = Outcome(OutcomeStatus.COMPLETED, metrics=metrics, batches=trained.batches)
    if store is None or not trial.keeps_weights:
        return Attempt(outcome)
    keeping = Keeping(store, trial.keeps_weights, goal=briefing.goal, experiment=briefing.experiment)
    return Attempt(outcome, _kept(model, keeping, lease, metrics=metrics, parents=inherited.parents))


def _calibrate(trial: Trial, model: nn.Module, inherited: Inherited) -> None:
    """Shows the network one batch, and leaves the generators as if it had not."""
    with generators_kept():
        batch = next(iter(trial.train_batches()), None)
        if batch is not None:
            weights.calibrate(model, inherited.uncalibrated, lambda: trial.training_step(model, batch))


def _kept(
    model: nn.Module, keeping: Keeping, lease: Lease, *, metrics: Mapping[str, float], parents: Sequence[str]
) -> str:
    """Stores the weights; if that fails the trial still counts, for what it learnt is worth more than they are."""
    architecture = lease.proposal.architecture
    fingerprint = "" if architecture is None else architecture.fingerprint
    try:
        return keeping.keep(
            model.state_dict(), trial=lease.trial, parents=parents, architecture=fingerprint, metrics=metrics
        )
    except (NascoreError, OSError) as error:
        logger.warning("The weights of trial %d were not kept: %s", lease.trial, error)
        return ""
