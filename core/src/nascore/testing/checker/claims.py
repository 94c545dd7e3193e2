"""What workers were told, held against the log: one function for each call, each yielding what does not agree."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from nascore.experiment import events
from nascore.record import ExperimentSpec, OutcomeStatus, trial_seed
from nascore.record.jsonform import outcome_to_json, proposal_to_json
from nascore.testing.checker.logbook import Logged
from nascore.testing.checker.story import Story
from nascore.testing.checker.violation import Rule, Violation
from nascore.testing.history import Operation

CLOCK_SLACK_S = 0.1
"""How far the Unix clocks of workers and server may be apart."""


def claims_of(story: Story, operation: Operation) -> Iterator[Violation]:
    """Yield what an acknowledged operation and the log do not agree on."""
    yield from _CLAIMS.get(operation.call, _nothing)(story, operation)


def _nothing(story: Story, operation: Operation) -> Iterator[Violation]:
    yield from ()


def _leased(story: Story, operation: Operation) -> Iterator[Violation]:
    yield from _granted(story, operation, operation.answer, request_id=operation.request_id)


def _granted(story: Story, operation: Operation, answer: Mapping[str, Any], *, request_id: str) -> Iterator[Violation]:
    if "trial" not in answer:
        return
    number, epoch = int(answer["trial"]), int(answer["epoch"])
    claim = f"{operation.worker} was given trial {number} with epoch {epoch} (request {request_id})"
    trial = story.trials.get(number)
    lease = None if trial is None else trial.leases.get(epoch)
    if trial is None or lease is None:
        yield Violation(Rule.LOST, f"{claim}, but the log has no such lease.")
        return
    if (lease.worker, lease.request_id) != (operation.worker, request_id):
        yield Violation(Rule.HOLDER, f"{claim}, but the log gave it to {lease.worker} (request {lease.request_id}).")
    if _canonical(answer["proposal"]) != _canonical(proposal_to_json(trial.proposal)):
        yield Violation(Rule.LOST, f"{claim}, but the log holds another proposal for it.")
    if story.spec is not None and answer["seed"] != trial_seed(story.spec.seed or 0, number):
        yield Violation(Rule.LOST, f"{claim} with the seed {answer['seed']}, which is not that trial's.")


def _renewed(story: Story, operation: Operation) -> Iterator[Violation]:
    claim = f"{operation.worker} renewed trial {operation.trial} with epoch {operation.epoch}"
    trial = story.trials.get(operation.trial)
    lease = None if trial is None else trial.leases.get(operation.epoch)
    if lease is None or lease.worker != operation.worker:
        yield Violation(Rule.ZOMBIE, f"{claim}, but the log gave it no such lease.")
    elif lease.ended is not None and lease.ended.time < operation.begun_time - CLOCK_SLACK_S:
        yield Violation(Rule.ZOMBIE, f"{claim} after that lease had ended (entry {lease.ended.seq}).")


def _reported(story: Story, operation: Operation) -> Iterator[Violation]:
    said = operation.arguments
    claim = (
        f"{operation.worker} reported step {said['step']} of trial {operation.trial} (request {operation.request_id})"
    )
    event = _effect(story, operation.request_id)
    if not isinstance(event, events.Reported):
        yield Violation(Rule.LOST, f"{claim} and was answered, but the log has no such report.")
    elif (event.report.number, event.epoch, event.report.step, event.verdict.value) != (
        operation.trial,
        operation.epoch,
        said["step"],
        operation.answer["verdict"],
    ) or dict(event.report.metrics) != said["metrics"]:
        yield Violation(Rule.LOST, f"{claim} and was answered, but the log holds something else.")


def _returned(story: Story, operation: Operation) -> Iterator[Violation]:
    event = _effect(story, operation.request_id)
    if not isinstance(event, events.Returned) or (event.trial, event.epoch) != (operation.trial, operation.epoch):
        yield Violation(
            Rule.LOST,
            f"{operation.worker} gave trial {operation.trial} back (request {operation.request_id}) and was answered,"
            " but the log has nothing of it.",
        )


def _finished(story: Story, operation: Operation) -> Iterator[Violation]:
    following = operation.answer.get("next")
    if following:
        yield from _granted(story, operation, following, request_id=f"{operation.request_id}/next")
    if operation.arguments["is_retryable"] and isinstance(_effect(story, operation.request_id), events.Retried):
        return
    trial = story.trials.get(operation.trial)
    claim = (
        f"{operation.worker} finished trial {operation.trial} with epoch {operation.epoch} as"
        f" {operation.arguments['outcome']['status']} {operation.arguments['outcome']['metrics']}"
        f" (request {operation.request_id}) and was answered"
    )
    ending = None if trial is None else trial.outcome
    if ending is None:
        yield Violation(Rule.LOST, f"{claim}, but in the log it has not ended.")
    elif ending.epoch != operation.epoch:
        yield Violation(Rule.LOST, f"{claim}, but the log holds what came with epoch {ending.epoch}.")
    elif (wrong := _difference(story.spec, operation, ending)) is not None:
        yield Violation(Rule.LOST, f"{claim}, but the log holds {wrong}.")


def _difference(spec: ExperimentSpec | None, operation: Operation, ending: events.Finished) -> str | None:
    said, stored = operation.arguments["outcome"], ending.outcome
    metrics = {name: float(value) for name, value in said["metrics"].items()}
    status = OutcomeStatus(said["status"])
    objectives = () if spec is None else spec.objectives
    if status is OutcomeStatus.COMPLETED:
        if any(not math.isfinite(metrics.get(objective.metric, math.nan)) for objective in objectives):
            status = OutcomeStatus.NON_FINITE
        expected = {name: value for name, value in metrics.items() if math.isfinite(value)}
        if status is OutcomeStatus.COMPLETED and dict(stored.metrics) != expected:
            return f"the metrics {dict(stored.metrics)}"
    if stored.status is not status:
        return f"the status {stored.status.value}"
    return None if ending.checkpoint == operation.arguments["checkpoint"] else f"the checkpoint {ending.checkpoint!r}"


def _read(story: Story, operation: Operation) -> Iterator[Violation]:
    seen = operation.answer
    claim = f"{operation.worker} read that trial {operation.trial} is {seen['state']} with epoch {seen['epoch']}"
    trial = story.trials.get(operation.trial)
    if trial is None:
        yield Violation(Rule.READ, f"{claim}, but the log has no such trial.")
        return
    lease = trial.leases.get(int(seen["epoch"]))
    if seen["epoch"] and (lease is None or lease.worker != seen["worker"]):
        yield Violation(Rule.READ, f"{claim}, held by {seen['worker']}, but the log has no such lease.")
    if seen["outcome"] is None:
        return
    ending = trial.outcome
    if ending is None or ending.epoch != seen["epoch"]:
        yield Violation(Rule.READ, f"{claim}, but in the log it has not ended so.")
    elif _canonical(seen["outcome"]) != _canonical({"metrics": {}, **outcome_to_json(ending.outcome)}):
        yield Violation(Rule.READ, f"{claim} as {seen['outcome']}, but the log holds {ending.outcome}.")


def _effect(story: Story, request_id: str) -> events.Event | None:
    found: list[Logged] = story.requests.get(request_id, [])
    return found[0].event if found else None


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=dict)


_CLAIMS: Mapping[str, Callable[[Story, Operation], Iterator[Violation]]] = {
    "lease": _leased,
    "renew": _renewed,
    "report": _reported,
    "return_lease": _returned,
    "finish": _finished,
    "get_trial": _read,
}
