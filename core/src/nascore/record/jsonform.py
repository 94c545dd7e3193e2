"""Values of ``nascore.record`` to and from plain JSON values: for the log, for ``--json`` and for exports.

Fields at their default are left out, so that a log line of a trial stays short; unknown fields are ignored on reading,
so that an older reader survives a newer log. Not the wire form (``nascore.record.wire``).
"""

from __future__ import annotations

from collections.abc import Mapping
from sys import intern
from typing import Any, cast

from nascore.record.experiment import ExperimentRecord, ExperimentSpec, Limits
from nascore.record.oneshot import Mode, OneShot, Schedule, Trust
from nascore.record.outcome import Derived, Failure, FailureKind, Outcome, OutcomeStatus, Report, Scored
from nascore.record.proposal import Budget, Direction, JsonValue, Objective, Proposal, Task, Unrolled, WarmStart
from nascore.record.trial import TrialRecord
from nascore.space import Architecture, MixedDecision, Mixture, SearchSpace
from nascore.space.architecture import Value, from_sorted

JsonObject = dict[str, JsonValue]
# Input was written by ourselves and is read field by field; a wrong type shows as a TypeError or ValueError, which the
# log's reader turns into DataLossError with the position.
_Read = Mapping[str, Any]


def architecture_to_json(architecture: Architecture) -> JsonObject:
    """Return the flat dictionary that people read."""
    return _decided_to_json(architecture)


def _decided_to_json(decided: Mapping[str, Value]) -> JsonObject:
    return {path: list(value) if isinstance(value, tuple) else value for path, value in decided.items()}


def architecture_from_json(data: _Read) -> Architecture:
    """Return the architecture of a flat dictionary."""
    if set(map(type, data.values())) == {str}:
        # Keys of candidates and nothing else, which is what nearly all of a long log holds, need no second look.
        return from_sorted(dict(sorted(zip(map(intern, data), map(intern, data.values()), strict=True))))
    return Architecture({path: tuple(value) if isinstance(value, list) else value for path, value in data.items()})


def _mixed_to_json(decisions: tuple[MixedDecision, ...]) -> JsonValue:
    return [{"path": mixed.path, "weights": list(mixed.weights), "graded": list(mixed.graded)} for mixed in decisions]


def _mixed_from_json(data: list[_Read]) -> tuple[MixedDecision, ...]:
    return tuple(MixedDecision(row["path"], tuple(row["weights"]), tuple(row["graded"])) for row in data)


def _mixture_from_json(mixed: list[_Read], fixed: _Read) -> Mixture:
    taken = {path: tuple(value) if isinstance(value, list) else value for path, value in fixed.items()}
    return Mixture(_mixed_from_json(mixed), taken)


def objective_to_json(objective: Objective) -> JsonObject:
    """Return an objective as JSON."""
    data: JsonObject = {"metric": objective.metric, "direction": objective.direction.value}
    if objective.bound is not None:
        data["bound"] = objective.bound
    return data


def objective_from_json(data: _Read) -> Objective:
    """Return the objective in ``data``."""
    return Objective(data["metric"], Direction(data["direction"]), data.get("bound"))


def proposal_to_json(proposal: Proposal) -> JsonObject:
    """Return a proposal as JSON."""
    data: JsonObject = {"number": proposal.number}
    if proposal.architecture is not None:
        data["architecture"] = architecture_to_json(proposal.architecture)
    if proposal.mixture is not None:
        data["mixture"] = _mixed_to_json(proposal.mixture.decisions)
        if proposal.mixture.fixed:
            data["fixed"] = _decided_to_json(proposal.mixture.fixed)
    if proposal.task is not Task.EVALUATE:
        data["task"] = proposal.task.value
    if proposal.budget is not None:
        data["budget"] = {"unit": proposal.budget.unit, "amount": proposal.budget.amount}
    if proposal.warm_start is not None:
        start = proposal.warm_start
        data["warm_start"] = {"checkpoint": start.checkpoint, "parent": start.parent, "rules_json": start.rules_json}
    if proposal.policy_version:
        data["policy_version"] = proposal.policy_version
    if proposal.log_prob is not None:
        data["log_prob"] = proposal.log_prob
    if proposal.notes:
        data["notes"] = dict(proposal.notes)
    if proposal.unrolled is not None:
        data["unrolled"] = proposal.unrolled.radius
    if proposal.partial_channels != 1:
        data["partial_channels"] = proposal.partial_channels
    return data


def proposal_from_json(data: _Read) -> Proposal:
    """Return the proposal in ``data``."""
    architecture, mixture = data.get("architecture"), data.get("mixture")
    budget, start, unrolled = data.get("budget"), data.get("warm_start"), data.get("unrolled")
    return Proposal(
        number=data["number"],
        architecture=None if architecture is None else architecture_from_json(architecture),
        mixture=None if mixture is None else _mixture_from_json(mixture, data.get("fixed", {})),
        task=Task(data.get("task", Task.EVALUATE)),
        budget=None if budget is None else Budget(**budget),
        warm_start=None if start is None else WarmStart(**start),
        policy_version=data.get("policy_version", 0),
        log_prob=data.get("log_prob"),
        notes=data.get("notes", {}),
        unrolled=None if unrolled is None else Unrolled(unrolled),
        partial_channels=data.get("partial_channels", 1),
    )


def outcome_to_json(outcome: Outcome) -> JsonObject:
    """Return an outcome as JSON."""
    data: JsonObject = {"status": outcome.status.value, "duration_s": outcome.duration_s}
    if outcome.metrics:
        data["metrics"] = dict(outcome.metrics)
    if outcome.gradient:
        data["gradient"] = _mixed_to_json(outcome.gradient)
    if outcome.batches:
        data["batches"] = outcome.batches
    if outcome.failure is not None:
        failure = outcome.failure
        data["failure"] = {"kind": failure.kind.value, "message": failure.message, "detail": failure.detail}
    if outcome.derived:
        data["derived"] = [_derived_to_json(derived) for derived in outcome.derived]
    if outcome.scored:
        data["scored"] = [_scored_to_json(scored) for scored in outcome.scored]
    if outcome.costs:
        data["costs"] = [[*place, value] for place, value in sorted(outcome.costs.items())]
    return data


def _scored_to_json(scored: Scored) -> JsonObject:
    return {"architecture": architecture_to_json(scored.architecture), "metrics": dict(scored.metrics)}


def _derived_to_json(derived: Derived) -> JsonObject:
    return {"architecture": architecture_to_json(derived.architecture), "score": derived.score}


def outcome_from_json(data: _Read) -> Outcome:
    """Return the outcome in ``data``."""
    failure = data.get("failure")
    return Outcome(
        status=OutcomeStatus(data["status"]),
        metrics=data.get("metrics", {}),
        gradient=_mixed_from_json(data.get("gradient", [])),
        batches=data.get("batches", 0),
        duration_s=data["duration_s"],
        failure=None
        if failure is None
        else Failure(FailureKind(failure["kind"]), failure["message"], failure.get("detail", "")),
        derived=tuple(
            Derived(architecture_from_json(row["architecture"]), row["score"]) for row in data.get("derived", [])
        ),
        scored=tuple(
            Scored(architecture_from_json(row["architecture"]), row["metrics"]) for row in data.get("scored", [])
        ),
        costs={(path, key, measure): value for path, key, measure, value in data.get("costs", [])},
    )


def report_to_json(report: Report) -> JsonObject:
    """Return an intermediate report as JSON."""
    return {"number": report.number, "step": report.step, "metrics": dict(report.metrics)}


def report_from_json(data: _Read) -> Report:
    """Return the intermediate report in ``data``."""
    return Report(data["number"], data["step"], data["metrics"])


def limits_to_json(limits: Limits) -> JsonObject:
    """Return limits as JSON, set ones only."""
    names = Limits.__dataclass_fields__
    return {name: value for name in names if (value := getattr(limits, name)) is not None}


def limits_from_json(data: _Read) -> Limits:
    """Return the limits in ``data``."""
    return Limits(**{name: data.get(name) for name in Limits.__dataclass_fields__})


def one_shot_to_json(one_shot: OneShot) -> JsonObject:
    """Return how a one-shot search goes as JSON."""
    schedule, trust = one_shot.schedule, one_shot.trust
    return {
        "warmup_epochs": schedule.warmup_epochs,
        "epochs": schedule.epochs,
        "derive": one_shot.derive,
        "retrain_epochs": one_shot.retrain_epochs,
        "supernets": one_shot.supernets,
        "workers": one_shot.workers,
        "sync_every": one_shot.sync_every,
        "trust": None if trust is None else {"max_random": trust.max_random, "sampled": trust.sampled},
    }


def one_shot_from_json(data: _Read) -> OneShot:
    """Return how a one-shot search goes."""
    trust = data["trust"]
    return OneShot(
        schedule=Schedule(data["epochs"], warmup_epochs=data["warmup_epochs"]),
        derive=data["derive"],
        retrain_epochs=data["retrain_epochs"],
        supernets=data["supernets"],
        workers=data["workers"],
        sync_every=data["sync_every"],
        trust=None if trust is None else Trust(**trust),
    )


def spec_to_json(spec: ExperimentSpec) -> JsonObject:
    """Return what was asked for as JSON; the space in its own JSON form."""
    data = _spec_to_json(spec)
    if spec.mode is not None:
        data["mode"] = spec.mode.value
    if spec.one_shot is not None:
        data["one_shot"] = one_shot_to_json(spec.one_shot)
    return data


def _spec_to_json(spec: ExperimentSpec) -> JsonObject:
    return {
        "name": spec.name,
        "tuner": spec.tuner,
        "settings": dict(spec.settings),
        "objectives": [objective_to_json(objective) for objective in spec.objectives],
        "limits": limits_to_json(spec.limits),
        "seed": None if spec.seed is None else str(spec.seed),
        "space": None if spec.space is None else spec.space.canonical_json().decode(),
    }


def spec_from_json(data: _Read) -> ExperimentSpec:
    """Return what was asked for in ``data``."""
    seed, space, mode, one_shot = (data.get(name) for name in ("seed", "space", "mode", "one_shot"))
    return ExperimentSpec(
        tuner=data["tuner"],
        settings=data.get("settings", {}),
        objectives=tuple(objective_from_json(objective) for objective in data["objectives"]),
        limits=limits_from_json(data["limits"]),
        seed=None if seed is None else int(seed),
        space=None if space is None else SearchSpace.from_json(space),
        name=data.get("name", ""),
        mode=None if mode is None else Mode(mode),
        one_shot=None if one_shot is None else one_shot_from_json(one_shot),
    )


def trial_to_json(trial: TrialRecord) -> JsonObject:
    """Return a trial as people and scripts read it (``--json``); written, never read back."""
    proposal, outcome = trial.proposal, trial.outcome
    architecture = None if trial.architecture is None else architecture_to_json(trial.architecture)
    return {
        "number": trial.number,
        "state": trial.state.value,
        "metrics": {} if outcome is None else dict(outcome.metrics),
        "architecture": cast(JsonValue, architecture),
        "fingerprint": None if trial.architecture is None else trial.architecture.fingerprint,
        "failure": None if outcome is None or outcome.failure is None else outcome_to_json(outcome)["failure"],
        "duration_s": None if outcome is None else outcome.duration_s,
        "attempt": trial.attempt,
        "worker": trial.worker,
        "checkpoint": trial.checkpoint,
        "notes": dict(proposal.notes),
        "is_enqueued": trial.is_enqueued,
        "created_at": trial.created_at,
        "started_at": trial.started_at,
        "finished_at": trial.finished_at,
        "reports": [{"step": report.step, "metrics": dict(report.metrics)} for report in trial.reports],
    }


def experiment_to_json(record: ExperimentRecord) -> JsonObject:
    """Return an experiment as people and scripts read it (``--json``); written, never read back."""
    data = spec_to_json(record.spec)
    data.pop("space")
    data.update(
        id=record.id,
        space_fingerprint=None if record.spec.space is None else record.spec.space.fingerprint,
        state=record.state.value,
        end_reason=None if record.end_reason is None else record.end_reason.value,
        trouble=record.trouble,
        created_at=record.created_at,
        elapsed_s=record.elapsed_s,
        counts={state.value: count for state, count in record.counts.items()},
        seq=record.seq,
    )
    return data
