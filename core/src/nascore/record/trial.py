"""Trials and leases, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from nascore.record.oneshot import Role
from nascore.record.outcome import Outcome, Report
from nascore.record.proposal import Objective, Proposal, Task
from nascore.space import Architecture


class TrialState(StrEnum):
    """Where a trial stands; the last four are final and never change."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    PRUNED = "pruned"
    INFEASIBLE = "infeasible"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """Whether the trial has ended."""
        return self not in (TrialState.QUEUED, TrialState.RUNNING)


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """A trial and what came of it.

    Attributes:
        number: Its number, that of its proposal.
        state: Where it stands.
        proposal: What is tried.
        attempt: How often it has been begun.
        epoch: Fencing number of its last lease; rises with each lease.
        worker: Name of the last worker; empty before the first.
        outcome: Set in a final state.
        reports: Intermediate values of the last attempt.
        checkpoint: Id of the checkpoint with its weights; empty for none.
        created_at, started_at, finished_at: Unix times in seconds; 0 if not yet.
        is_enqueued: Whether a person put it in rather than the tuner.
    """

    number: int
    state: TrialState
    proposal: Proposal
    attempt: int = 0
    epoch: int = 0
    worker: str = ""
    outcome: Outcome | None = None
    reports: tuple[Report, ...] = ()
    checkpoint: str = ""
    created_at: float = 0.0
    started_at: float = 0.0
    finished_at: float = 0.0
    is_enqueued: bool = False

    @property
    def architecture(self) -> Architecture | None:
        """The network of the trial: the one proposed, or of a search that is a result the one that it derived."""
        if self.proposal.task is not Task.SEARCH or not is_result(self):
            return self.proposal.architecture
        derived = () if self.outcome is None else self.outcome.derived
        return derived[0].architecture if derived else None


def is_result(trial: TrialRecord) -> bool:
    """Whether a trial's network is a result of the experiment; see `proposes_result`."""
    return proposes_result(trial.proposal)


def proposes_result(proposal: Proposal) -> bool:
    """Whether a proposal's network is a result.

    Baselines of a one-shot search are none, however good; a supernet is one only where nothing is retrained.
    """
    if proposal.task is Task.SEARCH:
        return proposal.notes.get(IS_RESULT) is True
    return proposal.task is Task.EVALUATE and proposal.notes.get("role", Role.RETRAIN) not in _COMPARED


IS_RESULT = "is_result"
"""Note of a search whose derived network is not retrained: the result is what the supernet says of it."""

_COMPARED = tuple(role for role in Role if role is not Role.RETRAIN)


class EndReason(StrEnum):
    """Why an experiment ended."""

    TRIALS = "trials"
    DURATION = "duration"
    TARGET = "target"
    EXHAUSTED = "exhausted"
    STOPPED = "stopped"
    FAILED = "failed"


class LeaseStatus(StrEnum):
    """What a worker shall do next."""

    GRANTED = "granted"
    NONE_YET = "none_yet"
    ENDED = "ended"


class Command(StrEnum):
    """What a running trial is told with its heartbeat."""

    CONTINUE = "continue"
    STOP = "stop"
    CHECKPOINT = "checkpoint"


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on a trial for ``duration_s`` seconds, unless renewed.

    Attributes:
        trial: Number of the trial.
        epoch: Fencing number; a word with an older one is refused.
        duration_s: Seconds until it is lost.
        proposal: What to try.
        seed: Seed of the trial's generators.
        attempt: How often the trial has been begun, from 1.
    """

    trial: int
    epoch: int
    duration_s: float
    proposal: Proposal
    seed: int
    attempt: int


@dataclass(frozen=True, slots=True)
class LeaseAnswer:
    """The answer to a request for work: a lease, or none yet, or why there will be none."""

    status: LeaseStatus
    lease: Lease | None = None
    end_reason: EndReason | None = None


@dataclass(frozen=True, slots=True)
class Renewal:
    """The answer to a heartbeat."""

    command: Command
    duration_s: float


@dataclass(frozen=True, slots=True)
class Registration:
    """The answer to a registered space: its fingerprint, and what the experiment optimises with which seed."""

    space_fingerprint: str
    seed: int
    objectives: tuple[Objective, ...]
