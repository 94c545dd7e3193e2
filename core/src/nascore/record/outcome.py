"""What came of a proposal: outcomes, failures, intermediate reports and verdicts, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from nascore.record.proposal import Proposal
from nascore.space import Architecture, MixedDecision


class OutcomeStatus(StrEnum):
    """How a trial ended, as a tuner sees it."""

    COMPLETED = "completed"
    PRUNED = "pruned"
    INFEASIBLE = "infeasible"
    FAILED = "failed"
    NON_FINITE = "non_finite"


class FailureKind(StrEnum):
    """Why a trial did not complete."""

    EXCEPTION = "exception"
    NON_FINITE = "non_finite"
    OUT_OF_MEMORY = "out_of_memory"
    SIGNAL = "signal"
    EXIT_CODE = "exit_code"
    LOST = "lost"
    INFEASIBLE = "infeasible"
    STOPPED = "stopped"


class Verdict(StrEnum):
    """What a running trial shall do after a report."""

    CONTINUE = "continue"
    STOP = "stop"
    PAUSE = "pause"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a trial did not complete: kind, one sentence, and the last lines or traceback (at most 16 KiB)."""

    kind: FailureKind
    message: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Derived:
    """A final architecture with the tuner's own estimate (larger is better; ``None`` for none)."""

    architecture: Architecture
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Scored:
    """A network and the metrics that it had with the weights of a supernet."""

    architecture: Architecture
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a proposal.

    Attributes:
        status: How it ended.
        metrics: Finite numbers by name; empty unless completed or pruned.
        gradient: For the task GRADIENT, the gradient of the loss with respect to each decision's weights.
        batches: Mini-batches used; 0 if not counted.
        duration_s: Seconds from lease to end.
        failure: Why it did not complete; ``None`` if it did.
        derived: For the task SEARCH, the final architectures, best first.
        scored: For the task SEARCH, networks drawn at random from the space, and what the supernet says of them.
        costs: For the task SEARCH, the known cost per decision path, candidate key and measure (parameters, macs).
    """

    status: OutcomeStatus
    metrics: Mapping[str, float] = field(default_factory=dict)
    gradient: tuple[MixedDecision, ...] = ()
    batches: int = 0
    duration_s: float = 0.0
    failure: Failure | None = None
    derived: tuple[Derived, ...] = ()
    scored: tuple[Scored, ...] = ()
    costs: Mapping[tuple[str, str, str], float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Told:
    """A proposal with its outcome, and the place of that outcome in the experiment's log."""

    seq: int
    proposal: Proposal
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Asked:
    """A logged proposal with the seed that was given for it."""

    proposal: Proposal
    seed: int


@dataclass(frozen=True, slots=True)
class Report:
    """An intermediate report of a running trial: values at a step, which rises within an attempt."""

    number: int
    step: int
    metrics: Mapping[str, float]
