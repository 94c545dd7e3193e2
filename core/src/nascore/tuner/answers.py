"""Checking what a tuner proposes, before anybody builds it.

The same check stands on both sides of the wire, because a tuner may be any program. Not here: whether a proposal is
a good one.
"""

from __future__ import annotations

import math

from nascore.errors import ArchitectureError, TunerCrashedError
from nascore.record import Proposal, Task
from nascore.space import SearchSpace
from nascore.tuner.contract import NoProposal


def check_proposal(answer: object, number: int, *, space: SearchSpace, label: str) -> None:
    """Refuse what is not a proposal of this number that fits the space.

    Raises:
        TunerCrashedError: With the tuner's label, the proposal's number and what is wrong, down to the path.
    """
    if isinstance(answer, NoProposal):
        return
    if not isinstance(answer, Proposal):
        raise _broken(label, number, f"it returned {type(answer).__name__}, not a Proposal or NoProposal")
    if answer.number != number:
        raise _broken(label, number, f"it is numbered {answer.number}")
    if (answer.architecture is None) == (answer.mixture is None):
        raise _broken(label, number, "it must hold either an architecture or a mixture")
    if answer.architecture is None and answer.task is Task.EVALUATE:
        raise _broken(label, number, "a mixture cannot be evaluated; propose an architecture")
    _check_numbers(answer, label)
    if answer.architecture is not None:
        _check_architecture(answer, space, label)


def _check_numbers(proposal: Proposal, label: str) -> None:
    budget, log_prob = proposal.budget, proposal.log_prob
    if budget is not None and not (math.isfinite(budget.amount) and budget.amount > 0):
        raise _broken(label, proposal.number, f"its budget is {budget.amount} {budget.unit}, not above 0")
    if log_prob is not None and not (math.isfinite(log_prob) and log_prob <= 0):
        raise _broken(label, proposal.number, f"log_prob {log_prob} is not the logarithm of a probability")


def _check_architecture(proposal: Proposal, space: SearchSpace, label: str) -> None:
    try:
        space.check(proposal.architecture or {})
    except ArchitectureError as error:
        # Findings come with their paths; the first few say what is wrong with the tuner.
        listing = "; ".join(str(violation) for violation in error.violations[:3]) or error.message
        raise _broken(label, proposal.number, f"its architecture does not fit the space: {listing}") from error


def _broken(label: str, number: int, what: str) -> TunerCrashedError:
    return TunerCrashedError(
        f"Tuner {label} broke its contract with proposal {number}: {what}.",
        hint="This is a defect of the tuner; report it to its authors.",
    )
