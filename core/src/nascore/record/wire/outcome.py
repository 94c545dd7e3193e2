"""Outcomes, reports and logged events to and from protobuf."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from nascore.errors import InvalidInputError, MetricError
from nascore.record.outcome import Asked, Derived, Failure, FailureKind, Outcome, Report, Scored, Told
from nascore.record.wire.enums import OUTCOME_STATUS
from nascore.record.wire.gradient import gradient_from_message
from nascore.record.wire.proposal import proposal_from_message, proposal_to_message
from nascore.space.wire import (
    architecture_from_message,
    architecture_to_message,
    write_mixed,
)
from nascore.v1 import tuner_pb2

MAX_METRICS = 1000
MAX_NAME = 256
MAX_DETAIL = 16_384


def metrics_to_messages(metrics: Mapping[str, float]) -> list[tuner_pb2.Metric]:
    """Return the messages of named numbers, sorted by name."""
    return [tuner_pb2.Metric(name=name, value=metrics[name]) for name in sorted(metrics)]


def metrics_from_messages(
    messages: Iterable[tuner_pb2.Metric], field: str, *, must_be_finite: bool = True
) -> dict[str, float]:
    """Return named numbers.

    Args:
        messages: What was sent.
        field: Where it was, for errors.
        must_be_finite: Whether NaN and infinite values are refused.

    Raises:
        MetricError: If a name is empty, long or repeated, a value is not finite, or there are more than 1000.
    """
    metrics: dict[str, float] = {}
    for message in messages:
        name = message.name
        if not 1 <= len(name) <= MAX_NAME:
            raise MetricError(f"{field}: the name {name[:40]!r} must have 1 to {MAX_NAME} characters.")
        if name in metrics:
            raise MetricError(f"{field}: the metric {name} appears twice.")
        if must_be_finite and not math.isfinite(message.value):
            raise MetricError(
                f"{field}: the metric {name} is {message.value}.",
                hint="Only finite numbers are metrics; end such a trial with the status NON_FINITE.",
            )
        metrics[name] = message.value
        if len(metrics) > MAX_METRICS:
            raise MetricError(f"{field}: more than {MAX_METRICS} metrics.")
    return metrics


def failure_to_message(failure: Failure) -> tuner_pb2.Failure:
    """Return the message of a failure, its detail cut to the last 16 KiB."""
    return tuner_pb2.Failure(kind=failure.kind, message=failure.message, detail=failure.detail[-MAX_DETAIL:])


def failure_from_message(message: tuner_pb2.Failure) -> Failure:
    """Return the failure of a message.

    Raises:
        InvalidInputError: If the kind is not one of ours.
    """
    try:
        kind = FailureKind(message.kind)
    except ValueError:
        known = ", ".join(FailureKind)
        raise InvalidInputError(f"failure.kind: {message.kind!r} is not one of {known}.") from None
    return Failure(kind, message.message, message.detail[-MAX_DETAIL:])


def outcome_to_message(outcome: Outcome) -> tuner_pb2.Outcome:
    """Return the message of an outcome."""
    message = tuner_pb2.Outcome(
        status=OUTCOME_STATUS.to_number(outcome.status),
        metrics=metrics_to_messages(outcome.metrics),
        batches=outcome.batches,
        duration_s=outcome.duration_s,
        failure=None if outcome.failure is None else failure_to_message(outcome.failure),
        derived=[derived_to_message(derived) for derived in outcome.derived],
        scored=[_scored_to_message(scored) for scored in outcome.scored],
        costs=costs_to_messages(outcome.costs) if outcome.costs else (),
    )
    if outcome.gradient:
        write_mixed(outcome.gradient, message, "gradient")
    return message


def outcome_from_message(message: tuner_pb2.Outcome, *, must_be_finite: bool = True) -> Outcome:
    """Return the outcome of a message.

    Args:
        message: The message.
        must_be_finite: Whether metrics that are no finite numbers are refused; what a worker says of its trial may hold
            some, and the engine makes NON_FINITE of it.

    Raises:
        InvalidInputError: If the status is unset or a part is malformed.
        MetricError: If a metric is not a finite number.
    """
    gradient = gradient_from_message(message)
    if not math.isfinite(message.duration_s) or message.duration_s < 0:
        raise InvalidInputError(f"outcome.duration_s: {message.duration_s} is not a number of seconds.")
    return Outcome(
        status=OUTCOME_STATUS.from_number(message.status, "outcome.status"),
        metrics=metrics_from_messages(message.metrics, "outcome.metrics", must_be_finite=must_be_finite),
        gradient=gradient,
        batches=message.batches,
        duration_s=message.duration_s,
        failure=failure_from_message(message.failure) if message.HasField("failure") else None,
        derived=tuple(derived_from_message(derived) for derived in message.derived),
        scored=tuple(_scored_from_message(scored) for scored in message.scored),
        costs=costs_from_messages(message.costs) if message.costs else {},
    )


def costs_to_messages(costs: Mapping[tuple[str, str, str], float]) -> list[tuner_pb2.Cost]:
    """Return the messages of known costs, sorted by path, candidate and measure."""
    return [
        tuner_pb2.Cost(path=path, candidate=candidate, measure=measure, value=value)
        for (path, candidate, measure), value in sorted(costs.items())
    ]


def costs_from_messages(messages: Iterable[tuner_pb2.Cost]) -> dict[tuple[str, str, str], float]:
    """Return the known costs of messages.

    Raises:
        InvalidInputError: One is not a finite number.
    """
    costs = {(cost.path, cost.candidate, cost.measure): cost.value for cost in messages}
    for (path, candidate, measure), value in costs.items():
        if not math.isfinite(value):
            raise InvalidInputError(f"costs: {measure} of {candidate!r} at {path!r} is {value}, not a finite number.")
    return costs


def _scored_to_message(scored: Scored) -> tuner_pb2.ScoredArchitecture:
    return tuner_pb2.ScoredArchitecture(
        architecture=architecture_to_message(scored.architecture), metrics=metrics_to_messages(scored.metrics)
    )


def _scored_from_message(message: tuner_pb2.ScoredArchitecture) -> Scored:
    metrics = metrics_from_messages(message.metrics, "outcome.scored.metrics")
    return Scored(architecture_from_message(message.architecture), metrics)


def derived_to_message(derived: Derived) -> tuner_pb2.Derived:
    """Return the message of a final architecture."""
    return tuner_pb2.Derived(architecture=architecture_to_message(derived.architecture), score=derived.score)


def derived_from_message(message: tuner_pb2.Derived) -> Derived:
    """Return the final architecture of a message; raises as architectures do."""
    score = message.score if message.HasField("score") else None
    return Derived(architecture_from_message(message.architecture), score)


def told_to_message(told: Told) -> tuner_pb2.Told:
    """Return the message of a told outcome."""
    return tuner_pb2.Told(
        seq=told.seq, proposal=proposal_to_message(told.proposal), outcome=outcome_to_message(told.outcome)
    )


def told_from_message(message: tuner_pb2.Told) -> Told:
    """Return the told outcome of a message; raises as its parts do."""
    return Told(message.seq, proposal_from_message(message.proposal), outcome_from_message(message.outcome))


def event_to_message(event: Asked | Told) -> tuner_pb2.LoggedEvent:
    """Return the message of a logged event."""
    if isinstance(event, Told):
        return tuner_pb2.LoggedEvent(told=told_to_message(event))
    asked = tuner_pb2.Asked(proposal=proposal_to_message(event.proposal), seed=event.seed)
    return tuner_pb2.LoggedEvent(asked=asked)


def event_from_message(message: tuner_pb2.LoggedEvent) -> Asked | Told:
    """Return the logged event of a message.

    Raises:
        InvalidInputError: If the kind is unset, or as its parts do.
    """
    kind = message.WhichOneof("kind")
    if kind == "told":
        return told_from_message(message.told)
    if kind == "asked":
        return Asked(proposal_from_message(message.asked.proposal), message.asked.seed)
    raise InvalidInputError("event: kind is unset.", hint="Set asked or told.")


def report_to_message(report: Report) -> tuner_pb2.Report:
    """Return the message of an intermediate report."""
    return tuner_pb2.Report(number=report.number, step=report.step, metrics=metrics_to_messages(report.metrics))


def report_from_message(message: tuner_pb2.Report) -> Report:
    """Return the intermediate report of a message; raises MetricError as metrics do."""
    return Report(message.number, message.step, metrics_from_messages(message.metrics, "report.metrics"))
