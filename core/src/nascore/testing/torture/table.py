"""The result of a torture as one table for people."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from nascore.testing.checker import Rule
from nascore.testing.torture.campaign import Result

_SHOWN = 10


def table(result: Result) -> str:
    """Return the table: what was done, and what was found."""
    return "\n".join(f"{name:<34}{value}" for name, value in _rows(result))


def verdict(result: Result) -> str:
    """Return the first violations as sentences, and where the evidence is; empty if there are none."""
    found = result.judgement.violations
    if not found:
        return ""
    lines = [str(violation) for violation in found[:_SHOWN]]
    if len(found) > _SHOWN:
        lines.append(f"and {len(found) - _SHOWN} more.")
    return "\n".join([*lines, f"Judge it again with: python -m nascore.testing.checker {result.folder}"])


def _rows(result: Result) -> Iterator[tuple[str, object]]:
    plan, tally, judgement = result.plan, result.tally, result.judgement
    yield "tuner, workers, seed", f"{plan.tuner}, {plan.workers}, {plan.seed}"
    yield "fault planted", plan.plant.value
    yield "kills", f"{tally.kills.total()} ({_named(tally.kills)})"
    yield "stops", f"{tally.stops.total()} ({_named(tally.stops)})"
    yield "trials ended", f"{judgement.ended} of {judgement.trials}"
    yield "operations", f"{judgement.operations}; answer never came: {judgement.unknown}"
    yield "acknowledged", f"{judgement.acknowledged}; trials among them: {judgement.finishes}"
    yield "refused as superseded", judgement.zombies
    yield "acknowledged and lost", judgement.count(Rule.LOST)
    yield "counted twice", judgement.count(Rule.TWICE)
    yield "leases stuck", judgement.count(Rule.STUCK)
    yield "other proposals", judgement.count(Rule.PROPOSALS)
    yield "violations in all", len(judgement.violations)
    for role, seconds in sorted(tally.recoveries.items()):
        if role != "worker":
            yield f"recovery of {role}, p50 / max", f"{statistics.median(seconds):.2f} s / {max(seconds):.2f} s"
    yield "took", f"{result.seconds:.0f} s"


def _named(counted: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counted.items())) or "none"
