"""What a trust report says, in plain words and as JSON."""

from __future__ import annotations

from collections.abc import Iterator

from nascore.record.jsonform import JsonObject
from nascore.record.trust.report import Baseline, TrustReport

FEWEST_SCORED = 5
"""Below so many networks, Kendall's tau says nothing."""
WEAK_TAU = 0.3
"""Below it, the supernet's scores say little about the networks."""
EQUAL_TIME = 0.8
"""Random networks below this share of the search's device-seconds are no fair match."""


def warnings_of(report: TrustReport) -> tuple[str, ...]:
    """Return why the result should not be trusted, or not yet; empty if nothing speaks against it."""
    return tuple(_warnings(report))


def note_of(report: TrustReport) -> str:
    """Return what its values are; empty where they are those of the test split, as they should be."""
    if report.is_tested or report.derived is None:
        return ""
    return (
        f"Networks were chosen by these very values ({report.metric}), for not all of them were judged on a test "
        "split; the best of many looks better by them than it is."
    )


def trust_to_json(report: TrustReport) -> JsonObject:
    """Return the report as scripts read it; written, never read back."""
    return {
        "metric": report.metric,
        "chosen_by": report.objective.metric,
        "direction": report.objective.direction.value,
        "derived": _to_json(report.derived),
        "random": _to_json(report.random),
        "largest": _to_json(report.largest),
        "skip": _to_json(report.skip),
        "search_seconds": report.search_seconds,
        "device_seconds": report.device_seconds,
        "kendall_tau": report.tau,
        "kendall_tau_networks": report.tau_count,
        "failed_trials": report.failed,
        "is_complete": report.is_complete,
        "note": note_of(report),
        "warnings": list(warnings_of(report)),
    }


def _to_json(baseline: Baseline | None) -> JsonObject | None:
    if baseline is None:
        return None
    return {
        "trial": baseline.trial,
        "value": baseline.value,
        "chosen_by_value": baseline.chosen_by,
        "device_seconds": baseline.device_seconds,
        "networks": baseline.count,
    }


def _warnings(report: TrustReport) -> Iterator[str]:
    if not report.is_complete:
        yield "The experiment has not ended; this is how far it has come."
    if report.derived is None:
        yield "No derived network was trained, so there is nothing to trust."
        return
    yield from _lost(report, report.derived)
    if report.random is None and report.largest is None and report.skip is None:
        yield "There are no baselines, so nobody knows whether the search was worth its time."
        return
    is_short = report.random is not None and report.random.device_seconds < EQUAL_TIME * report.device_seconds
    if report.is_exhaustive:
        yield "Every network of the space was trained by itself: it is too small for a search to pay."
    elif report.random is not None and is_short:
        yield (
            f"The random networks had {report.random.device_seconds:.0f} device-seconds, the search "
            f"{report.device_seconds:.0f}: more of them might have found more."
        )
    if report.tau is not None and report.tau_count >= FEWEST_SCORED and report.tau < WEAK_TAU:
        yield (
            f"The supernet ranks networks hardly as they rank when trained by themselves (Kendall's tau "
            f"{report.tau:.2f} over {report.tau_count}), so what it led to is close to chance."
        )


def _lost(report: TrustReport, derived: Baseline) -> Iterator[str]:
    several = "" if report.random is None else f"the best of {report.random.count} random networks"
    for name, other in ((several, report.random), ("the largest network", report.largest), ("all-skip", report.skip)):
        if other is None or other.trial == derived.trial:
            continue
        ours, theirs = (_score(report, each) for each in (derived, other))
        if ours <= theirs:
            how = "only equals" if ours == theirs else "is worse than"
            yield f"The derived network ({report.metric} {derived.value:.4g}) {how} {name} ({other.value:.4g})."
    if report.largest is not None and report.largest.trial == derived.trial:
        yield "The derived network is the largest one: nothing was traded for its size, and no search was needed."
    if report.skip is not None and report.skip.trial == derived.trial:
        yield "The derived network skips everything: the search has collapsed."


def _score(report: TrustReport, baseline: Baseline) -> float:
    return report.objective.score({report.objective.metric: baseline.value})
