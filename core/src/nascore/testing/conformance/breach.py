"""Breaches: what a tuner did that the contract does not allow."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from nascore.errors import PluginError
from nascore.record import Proposal
from nascore.tuner.session import Answer

_SHOWN = 160


class BreachError(PluginError, AssertionError):
    """A tuner does not keep the contract; the message is one sentence on what it did."""


class NeedlessError(Exception):
    """A check has nothing to look at with this tuner; says why."""


def assert_same_answer(expected: Answer, found: Answer, *, when: str) -> None:
    """Make sure that a question was answered as before.

    Raises:
        BreachError: Naming the first proposal that came out otherwise.
    """
    assert_same(expected.proposals, found.proposals, when=when)
    if expected.status is not found.status:
        raise BreachError(f"The status was {expected.status.value}, and {found.status.value} {when}.")


def assert_same(expected: Sequence[Proposal], found: Sequence[Proposal], *, when: str) -> None:
    """As `assert_same_answer`, for proposals alone."""
    for one, other in zip_longest(expected, found):
        if one != other:
            number = (one or other).number
            raise BreachError(f"Proposal {number} was {_text(one)}, and {_text(other)} {when}.")


def _text(proposal: Proposal | None) -> str:
    if proposal is None:
        return "not made"
    made = dict(proposal.architecture) if proposal.architecture is not None else proposal.mixture
    text = f"{proposal.task.value} {made}"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
