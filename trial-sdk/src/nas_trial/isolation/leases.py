"""Leases and attempts as messages between the processes of a worker."""

from __future__ import annotations

from typing import Any

from nascore.record import Direction, Lease, Objective
from nascore.record.jsonform import outcome_from_json, outcome_to_json, proposal_from_json, proposal_to_json

from nas_trial.attempt import Attempt
from nas_trial.briefing import Briefing
from nas_trial.profile.demands import Demands


def lease_to_message(lease: Lease) -> dict[str, Any]:
    """Return a lease as a message."""
    return {
        "trial": lease.trial,
        "epoch": lease.epoch,
        "duration_s": lease.duration_s,
        "proposal": proposal_to_json(lease.proposal),
        "seed": lease.seed,
        "attempt": lease.attempt,
    }


def lease_from_message(message: dict[str, Any]) -> Lease:
    """Return the lease of a message."""
    return Lease(**{**message, "proposal": proposal_from_json(message["proposal"])})


def briefing_to_message(briefing: Briefing) -> dict[str, Any]:
    """Return a briefing as a message."""
    return {
        "objectives": briefing.objectives,
        "checkpoint": briefing.checkpoint,
        "remark": briefing.remark,
        "rules": briefing.rules,
        "maxima": dict(briefing.demands.maxima),
        "reported": briefing.demands.reported,
        "goal": None if briefing.goal is None else [briefing.goal.metric, briefing.goal.direction.value],
        "experiment": briefing.experiment,
    }


def briefing_from_message(message: dict[str, Any]) -> Briefing:
    """Return the briefing of a message."""
    demands = Demands(message["maxima"], tuple(message["reported"]))
    goal = None if message["goal"] is None else Objective(message["goal"][0], Direction(message["goal"][1]))
    return Briefing(
        tuple(message["objectives"]),
        message["checkpoint"],
        message["remark"],
        message["rules"],
        demands,
        goal,
        message["experiment"],
    )


def attempt_to_message(attempt: Attempt) -> dict[str, Any]:
    """Return an attempt as a message."""
    return {
        "outcome": outcome_to_json(attempt.outcome),
        "checkpoint": attempt.checkpoint,
        "is_retryable": attempt.is_retryable,
    }


def attempt_from_message(message: dict[str, Any]) -> Attempt:
    """Return the attempt of a message."""
    return Attempt(outcome_from_json(message["outcome"]), message["checkpoint"], message["is_retryable"])
