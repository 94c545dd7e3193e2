"""Katib's trials as those of a tuner, and proposals as Katib's suggestions."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable
from datetime import datetime
from functools import cached_property

from nascore.errors import ArchitectureError
from nascore.record import Failure, FailureKind, Outcome, OutcomeStatus, Proposal
from nascore.space import Architecture

from nas_katib.experiment import Form
from nas_katib.v1beta1 import api_pb2

NUMBER = "nascore-proposal"
"""The label of a trial with the number of the proposal that it tries."""
_Status = api_pb2.TrialStatus
_FAILURES = {
    _Status.KILLED: Failure(FailureKind.STOPPED, "The trial was killed."),
    _Status.FAILED: Failure(FailureKind.EXCEPTION, "The trial failed; Katib does not say why."),
    _Status.METRICSUNAVAILABLE: Failure(FailureKind.EXCEPTION, "The trial ended without metrics."),
}

_LOG = logging.getLogger(__name__)


class KatibTrial:
    """A trial of Katib's, read as far as it is looked at; see `nascore.tuner.retold.KnownTrial`.

    Args:
        message: As Katib tells of it.
        form: How its architecture is written.
        objective: The metric without which it has not ended.
    """

    def __init__(self, message: api_pb2.Trial, form: Form, *, objective: str) -> None:
        self._message = message
        self._form = form
        self._objective = objective

    @property
    def key(self) -> str:
        """Its name."""
        return self._message.name

    @cached_property
    def number(self) -> int | None:
        """The number that its label says."""
        text = self._message.spec.labels.get(NUMBER, "")
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None

    @cached_property
    def architecture(self) -> Architecture | None:
        """What it tries."""
        assignments = {each.name: each.value for each in self._message.spec.parameter_assignments.assignments}
        try:
            return self._form.architecture(assignments)
        except ArchitectureError as error:
            _LOG.warning("Trial %s does not fit the space and is passed over: %s", self.key, error)
            return None

    @cached_property
    def outcome(self) -> Outcome | None:
        """What came of it."""
        began = _seconds(self._message.status.start_time)
        duration_s = max(0.0, self.ended_at - began) if began and self.ended_at else 0.0
        return _outcome(self._message.status, self._objective, duration_s=duration_s)

    @cached_property
    def ended_at(self) -> float:
        """When it ended, in Unix seconds; 0 if Katib does not say."""
        return _seconds(self._message.status.completion_time)


def read_trials(trials: Iterable[api_pb2.Trial], form: Form, *, objective: str) -> list[KatibTrial]:
    """Return the trials of a request; arguments as of `KatibTrial`."""
    return [KatibTrial(trial, form, objective=objective) for trial in trials]


def suggestion(proposal: Proposal, form: Form, *, experiment: str) -> api_pb2.GetSuggestionsReply.ParameterAssignments:
    """Return a proposal as Katib's suggestion; its trial is named by its number, which it carries as a label too."""
    assert proposal.architecture is not None
    assignments = form.assignments(proposal.architecture)
    return api_pb2.GetSuggestionsReply.ParameterAssignments(
        assignments=[api_pb2.ParameterAssignment(name=name, value=value) for name, value in assignments.items()],
        trial_name=f"{experiment}-{proposal.number:08d}",
        labels={NUMBER: str(proposal.number)},
    )


def _outcome(status: api_pb2.TrialStatus, objective: str, *, duration_s: float) -> Outcome | None:
    if status.condition in _FAILURES:
        return Outcome(OutcomeStatus.FAILED, duration_s=duration_s, failure=_FAILURES[status.condition])
    if status.condition not in (_Status.SUCCEEDED, _Status.EARLYSTOPPED):
        return None
    values = {metric.name: _value(metric.value) for metric in status.observation.metrics}
    value = values.get(objective)
    if value is None:
        return None  # Katib collects metrics a little later than it sees the trial end.
    metrics = {name: number for name, number in values.items() if number is not None and math.isfinite(number)}
    if not math.isfinite(value):
        failure = Failure(FailureKind.NON_FINITE, f"The metric {objective} was {value}.")
        return Outcome(OutcomeStatus.NON_FINITE, duration_s=duration_s, failure=failure)
    is_whole = status.condition == _Status.SUCCEEDED
    return Outcome(OutcomeStatus.COMPLETED if is_whole else OutcomeStatus.PRUNED, metrics, duration_s=duration_s)


def _value(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _seconds(text: str) -> float:
    """Return a time of Katib's in Unix seconds; 0 if there is none."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return 0.0
