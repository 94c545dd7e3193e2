"""What a worker says about the end of a trial, made into an outcome that may be stored and told.

Numbers are numbers: an objective that is NaN or infinite makes the outcome NON_FINITE and never reaches a tuner as a
number; a missing one is refused with the names that were reported. Not here: storing it.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from nascore.errors import MetricError
from nascore.record import (
    Failure,
    FailureKind,
    Objective,
    Outcome,
    OutcomeStatus,
    Proposal,
    Report,
    Task,
)
from nascore.space.nearest import nearest

MAX_METRICS = 1_000
MAX_NAME = 256
MAX_DETAIL = 16 * 1024

_LOG = logging.getLogger(__name__)


def accepted_outcome(
    outcome: Outcome, proposal: Proposal, objectives: Sequence[Objective], *, last_report: Report | None = None
) -> Outcome:
    """Return what is stored of a reported outcome; applying it twice changes nothing more.

    Args:
        outcome: What the worker said.
        proposal: What it was to try; objectives are asked of the task EVALUATE only.
        objectives: What is optimised.
        last_report: For a pruned trial without metrics of its own.

    Raises:
        MetricError: An objective is missing, or a metric has no proper name or is no number.
    """
    if outcome.status is OutcomeStatus.COMPLETED:
        return _completed(outcome, proposal.number, objectives if proposal.task is Task.EVALUATE else ())
    if outcome.status is OutcomeStatus.PRUNED:
        said = outcome.metrics or (last_report.metrics if last_report is not None else {})
        return replace(outcome, metrics=_finite(said, number=proposal.number), failure=_cut(outcome.failure))
    failure = _cut(outcome.failure) or _default_failure(outcome.status)
    return replace(outcome, metrics={}, gradient=(), failure=failure)


def accepted_report(number: int, step: int, metrics: Mapping[str, float]) -> Report:
    """Return an intermediate report that may be stored.

    Raises:
        MetricError: It is empty, or a metric has no proper name or is not finite.
    """
    if not metrics:
        raise MetricError(f"Report of trial {number} at step {step}: no metrics.", hint="Report at least one.")
    numbers = _numbers(metrics, number=number)
    for name, value in numbers.items():
        if not math.isfinite(value):
            raise MetricError(
                f"Report of trial {number} at step {step}: metric {name!r} is {value}, not a finite number.",
                hint="Leave it out of the report, or finish the trial as NON_FINITE.",
            )
    return Report(number, step, numbers)


def _completed(outcome: Outcome, number: int, objectives: Sequence[Objective]) -> Outcome:
    metrics = _numbers(outcome.metrics, number=number)
    for objective in objectives:
        if objective.metric not in metrics:
            raise _missing(objective.metric, metrics, number=number)
    for objective in objectives:
        value = metrics[objective.metric]
        if not math.isfinite(value):
            failure = Failure(FailureKind.NON_FINITE, f"The objective {objective.metric} is {value}.")
            return replace(outcome, status=OutcomeStatus.NON_FINITE, metrics={}, gradient=(), failure=failure)
    return replace(outcome, metrics=_finite(metrics, number=number), failure=None)


def _missing(name: str, metrics: Mapping[str, float], *, number: int) -> MetricError:
    reported = ", ".join(sorted(metrics)) or "nothing"
    close = nearest(name, metrics, n=1)
    hint = f"Did you mean that {close[0]!r} is the objective?" if close else "Report it when the trial finishes."
    return MetricError(
        f"Trial {number}: the objective {name!r} is not among the reported metrics: {reported}.", hint=hint
    )


def _numbers(metrics: Mapping[str, float], *, number: int) -> dict[str, float]:
    if len(metrics) > MAX_METRICS:
        raise MetricError(f"Metrics of trial {number}: {len(metrics):,}; at most {MAX_METRICS:,} are taken.")
    numbers = {}
    for name, value in metrics.items():
        if not 0 < len(name) <= MAX_NAME:
            raise MetricError(f"Metrics of trial {number}: the name {name!r:.80} must have 1 to {MAX_NAME} characters.")
        try:
            numbers[name] = float(value)
        except (TypeError, ValueError, OverflowError) as error:
            raise MetricError(
                f"Metric {name!r} of trial {number}: {value!r:.80} is not a number.", hint="Report a plain number."
            ) from error
    return numbers


def _finite(metrics: Mapping[str, float], *, number: int) -> dict[str, float]:
    """Return the finite ones; others are no objectives here and cannot be written as JSON."""
    numbers = _numbers(metrics, number=number)
    finite = {name: value for name, value in numbers.items() if math.isfinite(value)}
    if len(finite) < len(numbers):
        _LOG.warning("Left out metrics that are not finite: %s.", ", ".join(sorted(set(numbers) - set(finite))))
    return finite


def _cut(failure: Failure | None) -> Failure | None:
    if failure is None or len(failure.detail) <= MAX_DETAIL:
        return failure
    return replace(failure, detail=failure.detail[-MAX_DETAIL:])  # The last lines say what went wrong.


def _default_failure(status: OutcomeStatus) -> Failure:
    kinds = {
        OutcomeStatus.NON_FINITE: (FailureKind.NON_FINITE, "An objective is not a finite number."),
        OutcomeStatus.INFEASIBLE: (FailureKind.INFEASIBLE, "The trial said that this architecture cannot be tried."),
    }
    kind, message = kinds.get(status, (FailureKind.EXCEPTION, "The trial failed and did not say why."))
    return Failure(kind, message)
