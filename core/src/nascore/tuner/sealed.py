"""Sealed samples: what goes from a tuner to a worker and back through the core, which looks at it but does not open it.

A sealed value is the bytes of a message that was looked through once: whoever opens it (the tuner, the worker) finds
nothing wrong in it. Most messages of a search are like the one before but for their weights, and are looked through at
the speed of C (``nascore.space.stencil``); the others are read like any message.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol, runtime_checkable

from nascore.errors import InvalidInputError
from nascore.record import AskStatus, Failure, FailureKind, Outcome, OutcomeStatus, Proposal
from nascore.record.wire import OUTCOME_STATUS, outcome_from_message, outcome_to_message, proposal_from_message
from nascore.record.wire.gradient import is_known_gradient
from nascore.record.wire.outcome import MAX_METRICS, MAX_NAME
from nascore.space import MixtureRules, SearchSpace
from nascore.space.stencil import Stencil
from nascore.space.wire import stencil_of
from nascore.tuner.answers import check_proposal
from nascore.tuner.samples import lost_with
from nascore.tuner.session import TunerSession
from nascore.tuner.wire import MAX_PROPOSAL_BYTES
from nascore.v1 import tuner_pb2

_PLAIN_TASKS = frozenset({tuner_pb2.TASK_TRAIN, tuner_pb2.TASK_SCORE, tuner_pb2.TASK_GRADIENT})
_OPTIONAL = ("budget", "log_prob", "warm_start", "unrolled")
_STATUSES = frozenset(OUTCOME_STATUS.to_number(status) for status in OutcomeStatus)
_MOST_FORMS = 256


class SealedSample(NamedTuple):
    """A sample: its number, the bytes of its ``Proposal``, and whether the tuner proposed it in the session at hand."""

    number: int
    data: bytes
    is_recalled: bool = True


class SealedTold(NamedTuple):
    """A sample with the bytes of its ``Outcome``, and the place of that outcome among those of the session."""

    seq: int
    sample: SealedSample
    outcome: bytes


class SealedAnswer(NamedTuple):
    """The next samples, and why there are fewer than wanted."""

    samples: tuple[SealedSample, ...]
    status: AskStatus


@runtime_checkable
class SampleSession(TunerSession, Protocol):
    """A session that samples can be exchanged with."""

    async def exchange(
        self, first_number: int, seeds: Sequence[int], *, told: Sequence[SealedTold], told_through: int
    ) -> SealedAnswer:
        """Tell what came of samples, then ask for one sample a seed (possibly none); else as `TunerSession.ask`."""


class SampleGate:
    """Looks through the samples of one session as they come from its tuner.

    Args:
        space: The search space.
        mixing: What mixtures must hold.
    """

    def __init__(self, space: SearchSpace, mixing: MixtureRules) -> None:
        self._space = space
        self._mixing = mixing
        # What mixtures look like that hold every decision: of those only the weights can be otherwise, and they may be
        # anything. (Of one with a decision left out it depends on the weights whether it may be.)
        self._passed: set[Stencil] = set()

    def sealed(self, message: tuner_pb2.Proposal, number: int, *, label: str) -> SealedSample:
        """Return the sample of a message, sealed.

        Raises:
            InvalidInputError: The message is malformed or too large.
            TunerCrashedError: It is not the sample of this number, or does not fit the space; the tuner is named.
        """
        data = message.SerializeToString()
        if len(data) > MAX_PROPOSAL_BYTES:
            raise InvalidInputError(
                f"proposal {message.number}: {len(data):,} bytes; at most {MAX_PROPOSAL_BYTES:,} are taken."
            )
        stencil = stencil_of(message.mixture) if _is_plain(message) else None
        if stencil is None or stencil not in self._passed or message.number != number:
            proposal = proposal_from_message(message)
            check_proposal(proposal, number, space=self._space, label=label, mixing=self._mixing)
            self._learn(proposal, stencil)
        return SealedSample(number, data)

    def _learn(self, proposal: Proposal, stencil: Stencil | None) -> None:
        mixture = proposal.mixture
        if stencil is None or mixture is None or len(mixture.decisions) < len(self._space.decisions):
            return
        if len(self._passed) >= _MOST_FORMS:
            self._passed.clear()
        self._passed.add(stencil)


def opened_sample(sample: SealedSample) -> Proposal:
    """Return a sample for somebody who reads it."""
    return proposal_from_message(tuner_pb2.Proposal.FromString(sample.data))


def sealed_outcome(message: tuner_pb2.Outcome) -> bytes:
    """Return the bytes of an outcome, sealed; where a metric is no finite number, of one that says so instead.

    Raises:
        InvalidInputError, MetricError, ArchitectureError: A part is malformed.
    """
    is_plain = not (message.derived or message.scored or message.costs or message.HasField("failure"))
    if is_plain and _is_sound(message):
        data = message.SerializeToString()
        if not message.gradient or is_known_gradient(message, data):
            return data
    return _bytes_of(_finite(outcome_from_message(message, must_be_finite=False)))


def lost_outcome(worker: str) -> bytes:
    """Return the sealed outcome of a sample that was lost with its worker."""
    return _bytes_of(lost_with(worker))


def _is_plain(message: tuner_pb2.Proposal) -> bool:
    """Whether a proposal is a mixture and little else, so that it is right if the mixture is."""
    return (
        message.HasField("mixture")
        and message.task in _PLAIN_TASKS
        and not message.mixture.fixed
        and not message.notes_json
        and not any(map(message.HasField, _OPTIONAL))
    )


def _is_sound(message: tuner_pb2.Outcome) -> bool:
    """Whether status, metrics and duration of an outcome are as they must be."""
    metrics = {metric.name: metric.value for metric in message.metrics}
    return (
        message.status in _STATUSES
        and 0.0 <= message.duration_s < math.inf
        and len(metrics) == len(message.metrics) <= MAX_METRICS
        and all(map(math.isfinite, metrics.values()))
        and all(1 <= len(name) <= MAX_NAME for name in metrics)
    )


def _finite(outcome: Outcome) -> Outcome:
    """Return the outcome as a tuner may see it: a number that is none never reaches it."""
    wrong = [name for name, value in outcome.metrics.items() if not math.isfinite(value)]
    if not wrong:
        return outcome
    failure = Failure(FailureKind.NON_FINITE, f"The metric {wrong[0]} is {outcome.metrics[wrong[0]]}.")
    return replace(outcome, status=OutcomeStatus.NON_FINITE, metrics={}, gradient=(), failure=failure)


def _bytes_of(outcome: Outcome) -> bytes:
    return outcome_to_message(outcome).SerializeToString()
