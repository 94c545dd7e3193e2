"""What a task with a known answer is, and what its worker answers.

A worker plays the trial: it keeps the weights, if the task has any, and knows nothing of tuners.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from nascore.errors import ArchitectureError
from nascore.record import Objective, Proposal, Task
from nascore.space import Architecture, Candidate, DecisionInfo, OneOf, Repeat, SearchSpace, SomeOf

Weights = dict[str, NDArray[np.float64]]
"""One weight for every candidate, by path of the decision."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a worker measured on one batch.

    Attributes:
        metrics: ``loss`` always; what the objective names wherever an architecture is scored or evaluated.
        gradient: By path, the gradient of the loss with respect to every weight of the mixture; empty if not wanted.
    """

    metrics: Mapping[str, float]
    gradient: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)


class TaskWorker(ABC):
    """One worker with one network of its own."""

    @abstractmethod
    def perform(self, task: Task, weights: Weights, seed: int) -> Answer:
        """Train, score or grade a mixture on the batch of a seed; a one-hot mixture is an architecture."""

    @abstractmethod
    def evaluate(self, architecture: Architecture) -> Mapping[str, float]:
        """Return the metrics of an architecture trained by itself, the objective's among them."""


class JudgedTask(ABC):
    """A search with a known answer.

    Attributes:
        name: What it is called in tables.
        space: Its search space; all decisions are OneOf and always active.
        objective: What is optimised.
        batches_per_epoch: Mini-batches of one epoch.
        epochs: Epochs of search that a good tuner needs at most.
        trials: Trials that a good tuner needs at most where it learns trial by trial.
        unmixable: Decisions that it cannot mix, with the reason.
        costs: As in ``nascore.tuner.Setup``.
        answer: The best architecture, the only one that counts as exact.
    """

    name: ClassVar[str]
    batches_per_epoch: int = 20
    epochs: int = 20
    trials: int = 500

    space: SearchSpace
    objective: Objective
    unmixable: Mapping[str, str]
    costs: Mapping[tuple[str, str, str], float]
    answer: Architecture

    @abstractmethod
    def worker(self, seed: int) -> TaskWorker:
        """Return a worker with a network made from a seed."""

    def distance(self, architecture: Architecture) -> int:
        """Return in how many decisions an architecture differs from the answer."""
        return sum(architecture.get(path) != value for path, value in self.answer.items())


def weights_of(proposal: Proposal, space: SearchSpace) -> Weights:
    """Return the weights of a proposal by path; what is chosen and not mixed has weight 1.

    Raises:
        ArchitectureError: A mixture leaves a decision out, names one that is none, or has the wrong number of weights.
    """
    if proposal.architecture is not None:
        return {info.path: _one_hot(info, proposal.architecture[info.path]) for info in space.decisions}
    if proposal.mixture is None:
        raise ArchitectureError(f"Sample {proposal.number} has neither an architecture nor a mixture; give one.")
    known = {info.path: info for info in space.decisions}
    mixed = {each.path: np.array(each.weights) for each in proposal.mixture.decisions}
    fixed = proposal.mixture.fixed
    _complete(known, {*mixed, *fixed}, number=proposal.number)
    for path, values in mixed.items():
        expected = entries(known[path])
        if len(values) != expected:
            raise ArchitectureError(
                f"Sample {proposal.number} gives {path!r} {len(values)} weights; it has {expected}."
            )
    return mixed | {path: _one_hot(known[path], value) for path, value in fixed.items()}


def entries(info: DecisionInfo) -> int:
    """Return how many weights a decision has in a mixture.

    Raises:
        ArchitectureError: It is a range of numbers, which cannot be mixed.
    """
    if isinstance(info.node, (OneOf, SomeOf)):
        return len(info.node.candidates)
    if isinstance(info.node, Repeat):
        return info.node.max_count - info.node.min_count + 1
    raise ArchitectureError(f"{info.path!r} is a range of numbers; a mixture must fix it.")


def _complete(known: Mapping[str, DecisionInfo], given: set[str], *, number: int) -> None:
    for what, paths in (("does not decide", known.keys() - given), ("decides the unknown", given - known.keys())):
        if paths:
            raise ArchitectureError(f"Sample {number} {what} {', '.join(map(repr, sorted(paths)))}.")


def _one_hot(info: DecisionInfo, value: object) -> NDArray[np.float64]:
    keys = [candidate.key for candidate in _candidates(info)]
    return np.array([float(key == value) for key in keys])


def _candidates(info: DecisionInfo) -> tuple[Candidate, ...]:
    if not isinstance(info.node, OneOf):
        raise ArchitectureError(f"{info.path!r} is not a OneOf, and the judging kit knows no other decisions.")
    return info.node.candidates
