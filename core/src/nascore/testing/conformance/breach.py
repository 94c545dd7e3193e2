"""Breaches: what a tuner did that the contract does not allow."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from nascore.errors import PluginError
from nascore.record import Proposal
from nascore.tuner.session import Answer

_SHOWN = 3


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
            raise BreachError(f"Proposal {number} came out otherwise {when}: {_difference(one, other)}.")


def _difference(one: Proposal | None, other: Proposal | None) -> str:
    """What differs, so that it can be read at a glance: the first few of many decisions, and how many there are."""
    if one is None or other is None:
        return "it was not made" if one is None else "it is not made"
    if (one.number, one.task) != (other.number, other.task):
        return f"it was {one.task.value} {one.number}, and is {other.task.value} {other.number}"
    before, after = _decided(one), _decided(other)
    paths = [path for path in dict.fromkeys([*before, *after]) if before.get(path) != after.get(path)]
    if not paths:
        return "it has another budget, warm start or note"
    shown = [f"{path} was {before.get(path, 'not there')}, and is {after.get(path, 'not there')}" for path in paths]
    more = f" ({len(paths)} of {len(before)} decisions differ)" if len(paths) > _SHOWN else ""
    return f"{'; '.join(shown[:_SHOWN])}{more}"


def _decided(proposal: Proposal) -> dict[str, str]:
    """Everything that was decided, as texts."""
    decided = {path: repr(value) for path, value in (proposal.architecture or {}).items()}
    for mixed in proposal.mixture.decisions if proposal.mixture is not None else ():
        decided[mixed.path] = "/".join(f"{weight:.9g}" for weight in mixed.weights)
    return decided
