"""Wording: how values of records read on the screen, in tables and in lines of progress."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from nascore.cli.duration import format_duration
from nascore.record import (
    Direction,
    EndReason,
    ExperimentRecord,
    ExperimentState,
    Limits,
    Mode,
    Objective,
    Role,
    Task,
    TrialRecord,
    TrialState,
)

STATE_STYLES: Mapping[str, str] = {
    "queued": "dim",
    "running": "cyan",
    "succeeded": "green",
    "pruned": "yellow",
    "infeasible": "yellow",
    "failed": "red",
    "paused": "yellow",
    "stopped": "yellow",
    "finished": "green",
}
"""Styles of the states of experiments and trials."""

END_REASONS: Mapping[EndReason, str] = {
    EndReason.TRIALS: "all trials are done",
    EndReason.DURATION: "the time is up",
    EndReason.TARGET: "the target is reached",
    EndReason.EXHAUSTED: "the tuner has nothing left to propose",
    EndReason.STOPPED: "stopped by hand",
    EndReason.FAILED: "it could not go on",
}


def metric(value: float) -> str:
    """Return a metric with six significant digits."""
    return f"{value:.6g}"


def metrics_of(trial: TrialRecord) -> Mapping[str, float]:
    """Return what a trial measured: its final metrics, or those of its last report; empty for neither."""
    if trial.outcome is not None:
        return trial.outcome.metrics
    return trial.reports[-1].metrics if trial.reports else {}


def metrics_text(trial: TrialRecord, objectives: Sequence[Objective]) -> str:
    """Return the metrics of a trial in one line, objectives first."""
    metrics = metrics_of(trial)
    names = [objective.metric for objective in objectives if objective.metric in metrics]
    names += [name for name in metrics if name not in names]
    return "  ".join(f"{name} {metric(metrics[name])}" for name in names)


def stage_text(record: ExperimentRecord, trials: Iterable[TrialRecord]) -> str:
    """Return where a one-shot search stands: ``search epoch 3/12  loss 0.61``; empty for other searches.

    Supernets report once an epoch, warm-up included.
    """
    if record.spec.mode is not Mode.ONE_SHOT:
        return ""
    running = [trial for trial in trials if trial.state is TrialState.RUNNING]
    searching = [trial for trial in running if trial.proposal.task is Task.SEARCH]
    if searching:
        return "  ".join(_search_text(record, trial) for trial in searching[:1])
    roles = sorted({_role(trial) for trial in running} - {""})
    if Role.RETRAIN.value in roles:
        return "retraining what the search derived"
    return f"baselines: {', '.join(roles)}" if roles else ""


def _search_text(record: ExperimentRecord, trial: TrialRecord) -> str:
    schedule = record.spec.search.schedule
    epochs = schedule.warmup_epochs + schedule.epochs
    if not trial.reports:
        return f"search epoch 1/{epochs}"
    last = trial.reports[-1]
    measured = "  ".join(f"{name} {metric(value)}" for name, value in last.metrics.items())
    return f"search epoch {min(last.step, epochs)}/{epochs}  {measured}"


def architecture_text(trial: TrialRecord, *, room: int | None = None, alike: frozenset[str] = frozenset()) -> str:
    """Return what was tried in one line: ``op=conv3 units=64``, outer decisions before inner ones.

    Args:
        trial: The trial.
        room: Characters that there are; what does not fit is counted: ``op=conv3 … 4 more``.
        alike: Paths of decisions that tell nothing here, because all trials shown made them alike; they come last.
    """
    role = _role(trial)
    if role:
        room = None if room is None else max(0, room - len(role) - 2)
        return f"{role}: {_subject_text(trial, room, alike)}"
    return _subject_text(trial, room, alike)


def _role(trial: TrialRecord) -> str:
    role = trial.proposal.notes.get("role")
    return role if isinstance(role, str) and role in tuple(Role) else ""


def _subject_text(trial: TrialRecord, room: int | None, alike: frozenset[str]) -> str:
    architecture = trial.proposal.architecture
    if trial.proposal.task is Task.SEARCH:
        return "a supernet of all candidates"
    if architecture is None:
        return "a mixture of all candidates" if trial.proposal.mixture is not None else ""
    if not architecture:
        return "the only architecture"
    paths = sorted(architecture, key=lambda path: (path in alike, path.count("/")))
    return _fitting([f"{path}={_value(architecture[path])}" for path in paths], room)


def _fitting(words: Sequence[str], room: int | None) -> str:
    text = " ".join(words)
    if room is None or len(text) <= room:
        return text
    for shown in range(len(words) - 1, 0, -1):
        text = f"{' '.join(words[:shown])} … {len(words) - shown} more"
        if len(text) <= room:
            return text
    return f"{len(words)} decisions"


def alike_paths(trials: Sequence[TrialRecord]) -> frozenset[str]:
    """Return the paths of decisions that all of several trials made alike."""
    built = [trial.proposal.architecture for trial in trials if trial.proposal.architecture is not None]
    if len(built) < 2:
        return frozenset()
    first, *others = built
    return frozenset(path for path in first if all(path in one and one[path] == first[path] for one in others))


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{','.join(str(part) for part in value)}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False) if " " in value else value
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def objective_text(objective: Objective) -> str:
    """Return an objective as people write it: ``accuracy:max``."""
    direction = "max" if objective.direction is Direction.MAXIMIZE else "min"
    bound = "" if objective.bound is None else f" (good enough: {metric(objective.bound)})"
    return f"{objective.metric}:{direction}{bound}"


def state_text(record: ExperimentRecord, *, is_held: bool = True) -> str:
    """Return where an experiment stands; one that should run but that nobody holds was interrupted."""
    if record.state is ExperimentState.RUNNING and not is_held:
        return "interrupted"
    if record.state is ExperimentState.FINISHED and record.end_reason is not None:
        return f"finished: {END_REASONS[record.end_reason]}"
    return record.state.value


def count_text(count: int, noun: str) -> str:
    """Return a number with its noun: ``1 trial``, ``2 trials``."""
    return f"{count} {noun}{'s' * (count != 1)}"


def done_count(record: ExperimentRecord) -> int:
    """Return the number of trials that have ended."""
    return sum(count for state, count in record.counts.items() if state.is_final)


def name_text(record: ExperimentRecord) -> str:
    """Return the name that a person gave; empty where the id stands for it."""
    return "" if record.spec.name == record.id else record.spec.name


def progress_text(record: ExperimentRecord) -> str:
    """Return trials done, of how many: ``12/50``."""
    limit = record.spec.limits.max_trials
    return f"{done_count(record)}/{limit}" if limit is not None else str(done_count(record))


def counts_text(record: ExperimentRecord) -> str:
    """Return the number of trials per state: ``12 succeeded, 1 failed``."""
    parts = [f"{record.counts[state]} {state.value}" for state in TrialState if record.counts.get(state)]
    return ", ".join(parts) or "none yet"


def limits_text(limits: Limits) -> str:
    """Return limits in one line."""
    parts = []
    if limits.max_trials is not None:
        parts.append(count_text(limits.max_trials, "trial"))
    if limits.max_duration_s is not None:
        parts.append(format_duration(limits.max_duration_s))
    if limits.target is not None:
        parts.append(f"target {metric(limits.target)}")
    return ", ".join(parts) or "none"


def time_text(unix_s: float) -> str:
    """Return local date and time to the second; empty for 0."""
    return datetime.fromtimestamp(unix_s).strftime("%Y-%m-%d %H:%M:%S") if unix_s else ""


def duration_of(trial: TrialRecord, now: float) -> str:
    """Return how long a trial took, or has been running; empty before it begins."""
    if trial.outcome is not None:
        return format_duration(trial.outcome.duration_s)
    if trial.state is TrialState.RUNNING and trial.started_at:
        return format_duration(max(0.0, now - trial.started_at))
    return ""
