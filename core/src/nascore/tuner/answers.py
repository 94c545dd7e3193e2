"""Checking what a tuner proposes, before anybody builds it.

The same check stands on both sides of the wire, because a tuner may be any program. Not here: whether a proposal is
a good one.
"""

from __future__ import annotations

import math

from nascore.errors import ArchitectureError, TunerCrashedError
from nascore.record import Proposal, Task
from nascore.space import MixtureRules, SearchSpace
from nascore.tuner.contract import Mode, NoProposal, Setup

_OF_SAMPLES = frozenset({Task.TRAIN, Task.SCORE, Task.GRADIENT})


def check_proposal(
    answer: object,
    number: int,
    *,
    space: SearchSpace,
    label: str,
    mixing: MixtureRules | None = None,
    may_search: bool = False,
) -> None:
    """Refuse what is not a proposal of this number that fits the space.

    Args:
        answer: What the tuner answered.
        number: The number it was asked for.
        space: The search space.
        label: The tuner, for messages.
        mixing: What mixtures must hold, for the samples of a one-shot search; ``None`` for trials.
        may_search: Whether it may be the training of a supernet, which only the core proposes.

    Raises:
        TunerCrashedError: With the tuner's label, the proposal's number and what is wrong, down to the path.
    """
    if isinstance(answer, NoProposal):
        return
    if not isinstance(answer, Proposal):
        raise _broken(label, number, f"it returned {type(answer).__name__}, not a Proposal or NoProposal")
    if answer.number != number:
        raise _broken(label, number, f"it is numbered {answer.number}")
    if answer.task is Task.SEARCH:
        _check_search(answer, label, may_search=may_search)
        return
    if (answer.architecture is None) == (answer.mixture is None):
        raise _broken(label, number, "it must hold either an architecture or a mixture")
    if answer.architecture is None and answer.task is Task.EVALUATE:
        raise _broken(label, number, "a mixture cannot be evaluated; propose an architecture")
    _check_numbers(answer, label)
    if mixing is not None:
        _check_sample(answer, mixing, label)
    if answer.architecture is not None:
        _check_architecture(answer, space, label)


def mixing_of(setup: Setup) -> MixtureRules | None:
    """Return what mixtures must hold in a session that was opened so; ``None`` where it proposes trials."""
    return MixtureRules(setup.space, setup.unmixable) if setup.mode is Mode.ONE_SHOT else None


def _check_numbers(proposal: Proposal, label: str) -> None:
    budget, log_prob = proposal.budget, proposal.log_prob
    if budget is not None and not (math.isfinite(budget.amount) and budget.amount > 0):
        raise _broken(label, proposal.number, f"its budget is {budget.amount} {budget.unit}, not above 0")
    if log_prob is not None and not (math.isfinite(log_prob) and log_prob <= 0):
        raise _broken(label, proposal.number, f"log_prob {log_prob} is not the logarithm of a probability")


def _check_search(search: Proposal, label: str, *, may_search: bool) -> None:
    if not may_search:
        raise _broken(label, search.number, "its task is to search; only the core proposes that")
    if search.architecture is not None or search.mixture is not None:
        raise _broken(label, search.number, "a search has neither an architecture nor a mixture")


def _check_sample(sample: Proposal, mixing: MixtureRules, label: str) -> None:
    if sample.task not in _OF_SAMPLES:
        raise _broken(label, sample.number, f"a sample's task is train, score or gradient, not {sample.task.value}")
    if sample.partial_channels < 1:
        raise _broken(label, sample.number, f"partial_channels is {sample.partial_channels}, not 1 or more")
    if sample.mixture is None:
        if sample.task is Task.GRADIENT:
            raise _broken(label, sample.number, "there is no gradient of an architecture; propose a mixture")
        return
    try:
        mixing.check(sample.mixture)
    except ArchitectureError as error:
        raise _broken(label, sample.number, error.message.rstrip(".")) from error


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
