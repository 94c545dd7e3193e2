"""The judgement: histories and the log together, and what of the promises did not hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from nascore.errors import LeaseSupersededError
from nascore.testing.checker.claims import CLOCK_SLACK_S, claims_of
from nascore.testing.checker.logbook import Logged
from nascore.testing.checker.story import Story
from nascore.testing.checker.violation import Rule, Violation
from nascore.testing.history import Operation, Status


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was looked at, and what was found.

    Attributes:
        operations: Operations in the histories.
        acknowledged: Of these, those that the server acknowledged.
        finishes: Trials whose end was acknowledged to a worker.
        zombies: Words refused because their lease was lost.
        unknown: Operations whose answer never came.
        trials: Trials in the log.
        ended: Of these, those that have ended.
        violations: What must not be.
    """

    operations: int
    acknowledged: int
    finishes: int
    zombies: int
    unknown: int
    trials: int
    ended: int
    violations: tuple[Violation, ...]

    def count(self, rule: Rule) -> int:
        """Return how often a rule was broken."""
        return sum(1 for violation in self.violations if violation.rule is rule)


def judged(operations: Sequence[Operation], log: Iterable[Logged], *, holders: Collection[str] = ()) -> Judgement:
    """Hold histories against the log of the experiment.

    Args:
        operations: What all workers asked, and were told.
        log: The whole log, once nobody writes to it.
        holders: Workers that still live, and may hold trials.
    """
    story = Story(log)
    acknowledged = [operation for operation in operations if operation.is_acknowledged]
    violations = list(story.violations)
    for operation in acknowledged:
        violations.extend(claims_of(story, operation))
    violations.extend(_shared(acknowledged))
    violations.extend(_refused(story, operations))
    violations.extend(_stuck(story, holders))
    return Judgement(
        operations=len(operations),
        acknowledged=len(acknowledged),
        finishes=len({operation.trial for operation in acknowledged if operation.call == "finish"}),
        zombies=sum(1 for operation in operations if operation.reason == LeaseSupersededError.reason),
        unknown=sum(1 for operation in operations if operation.status is Status.UNKNOWN),
        trials=len(story.trials),
        ended=sum(1 for trial in story.trials.values() if trial.finished is not None),
        violations=tuple(dict.fromkeys(violations)),
    )


def _shared(acknowledged: Iterable[Operation]) -> Iterator[Violation]:
    """Yield leases that were given to two workers, whatever the log says."""
    holders: dict[tuple[int, int], set[str]] = defaultdict(set)
    for operation in acknowledged:
        granted = operation.answer if operation.call == "lease" else operation.answer.get("next") or {}
        if "trial" in granted:
            holders[granted["trial"], granted["epoch"]].add(operation.worker)
    for (trial, epoch), workers in holders.items():
        if len(workers) > 1:
            names = " and ".join(sorted(workers))
            yield Violation(Rule.HOLDER, f"Trial {trial} was given to {names} with the same epoch {epoch}.")


def _refused(story: Story, operations: Iterable[Operation]) -> Iterator[Violation]:
    attempts: dict[str, list[Operation]] = defaultdict(list)
    for operation in operations:
        if operation.reason == LeaseSupersededError.reason:
            yield from _superseded(story, operation)
        if operation.request_id:
            attempts[operation.request_id].append(operation)
    for request_id, group in attempts.items():
        statuses = {operation.status for operation in group}
        if Status.REFUSED in statuses and Status.ACKNOWLEDGED not in statuses:
            for effect in (*story.requests.get(request_id, ()), *story.requests.get(f"{request_id}/next", ())):
                yield Violation(
                    Rule.REFUSED,
                    f"{group[0].worker} was refused to {group[0].call} trial {group[0].trial} ({group[-1].reason},"
                    f" request {request_id}), but the log took it (entry {effect.seq}).",
                )


def _superseded(story: Story, operation: Operation) -> Iterator[Violation]:
    trial = story.trials.get(operation.trial)
    lease = None if trial is None else trial.leases.get(operation.epoch)
    if lease is None or lease.worker != operation.worker:
        return  # It never was this worker's; if it was told so, that claim is found by itself.
    if lease.ended is None or lease.ended.time > operation.ended_time + CLOCK_SLACK_S:
        yield Violation(
            Rule.ZOMBIE,
            f"{operation.worker} was refused to {operation.call} trial {operation.trial} with epoch {operation.epoch},"
            " although by the log it still held it.",
        )


def _stuck(story: Story, holders: Collection[str]) -> Iterator[Violation]:
    for number, trial in story.trials.items():
        if trial.state != "running":
            continue
        lease = trial.leases.get(trial.epoch)
        if lease is None or lease.worker not in holders:
            name = "nobody" if lease is None else f"{lease.worker}, which is gone"
            yield Violation(Rule.STUCK, f"Trial {number} is still held with epoch {trial.epoch} by {name}.")
