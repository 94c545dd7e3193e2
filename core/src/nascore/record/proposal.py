"""What is tried and why: objectives and proposals, as values.

Not here: their wire form (``nascore.record.wire``), and where proposals come from (``nascore.tuner``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Union

from nascore.errors import InvalidInputError, SettingsError
from nascore.space import Architecture, Mixture

JsonValue = Union[str, int, float, bool, None, list["JsonValue"], dict[str, "JsonValue"]]


class Direction(StrEnum):
    """Which way a metric is better."""

    MAXIMIZE = "maximize"
    MINIMIZE = "minimize"


class Task(StrEnum):
    """What a trial does with what it is given."""

    EVALUATE = "evaluate"
    TRAIN = "train"
    SCORE = "score"
    GRADIENT = "gradient"
    SEARCH = "search"
    """Train a supernet by exchanging samples; proposed by the core, and without an architecture."""


@dataclass(frozen=True, slots=True)
class Objective:
    """A metric to optimise.

    Attributes:
        metric: Its name among a trial's metrics.
        direction: Which way is better.
        bound: A value that is good enough; ``None`` for none.

    Raises:
        SettingsError: Without a name, or with a bound that is not finite.
    """

    metric: str
    direction: Direction = Direction.MAXIMIZE
    bound: float | None = None

    def __post_init__(self) -> None:
        if not self.metric or len(self.metric) > 256:
            raise SettingsError(
                f"objective: the name {self.metric!r} must have 1 to 256 characters.",
                hint="Name the metric that trials report, for example accuracy.",
            )
        if self.bound is not None and not math.isfinite(self.bound):
            raise SettingsError(f"objective {self.metric}: the bound {self.bound} is not finite.")

    def score(self, metrics: Mapping[str, float]) -> float:
        """Return the metric with its sign set so that larger is better.

        Raises:
            KeyError: If the metric is missing.
        """
        value = metrics[self.metric]
        return value if self.direction is Direction.MAXIMIZE else -value


@dataclass(frozen=True, slots=True)
class Budget:
    """How much a trial may spend: ``amount`` of ``unit`` ("epochs", "batches", "seconds" or the trial's own word)."""

    unit: str
    amount: float


@dataclass(frozen=True, slots=True)
class WarmStart:
    """Weights to begin with: a checkpoint's id or the number of an earlier trial, and inheritance rules as JSON."""

    checkpoint: str | None = None
    parent: int | None = None
    rules_json: str = ""

    def __post_init__(self) -> None:
        if (self.checkpoint is None) == (self.parent is None):
            raise InvalidInputError("warm_start: give either a checkpoint or a parent trial, and not both.")


@dataclass(frozen=True, slots=True)
class Unrolled:
    """A gradient through one step of the trial's SGD (DARTS, second order; Liu et al., 2019, section 2.3).

    Attributes:
        radius: Radius of the finite difference, divided by the norm of the gradient that it looks along.

    Raises:
        InvalidInputError: The radius is not above 0.
    """

    radius: float = 0.01

    def __post_init__(self) -> None:
        if not (math.isfinite(self.radius) and self.radius > 0):
            raise InvalidInputError(f"unrolled: the radius {self.radius} is not above 0.", hint="Published is 0.01.")


@dataclass(frozen=True, slots=True)
class Proposal:
    """What to try: one architecture, or a mixture of all candidates.

    Attributes:
        number: Place in the experiment's sequence, from 0; also the number of its trial.
        architecture: The architecture, for multi-trial strategies and sampled paths.
        mixture: The mixture, for differentiable and gated strategies.
        task: What the trial does with it.
        budget: How much it may spend; ``None`` leaves it to the trial.
        warm_start: Weights to begin with; ``None`` starts from scratch.
        policy_version: Version of the policy that drew it; 0 where that has no meaning.
        log_prob: Natural logarithm of the probability of drawing it; ``None`` if unknown.
        notes: Anything worth recording, as JSON values (``{"parent": 17}``).
        unrolled: For the task GRADIENT, whether to look one weight step ahead; ``None`` for first order.
        partial_channels: One of so many channels takes part in a mixture (PC-DARTS); 1 for all of them.
    """

    number: int
    architecture: Architecture | None = None
    mixture: Mixture | None = None
    task: Task = Task.EVALUATE
    budget: Budget | None = None
    warm_start: WarmStart | None = None
    policy_version: int = 0
    log_prob: float | None = None
    notes: Mapping[str, JsonValue] = field(default_factory=dict)
    unrolled: Unrolled | None = None
    partial_channels: int = 1
