"""Experiments and their limits to and from protobuf."""

from __future__ import annotations

import json
from dataclasses import fields

from nascore.record.experiment import ExperimentRecord, ExperimentSpec, Limits
from nascore.record.trial import TrialState
from nascore.record.wire.enums import EXPERIMENT_STATE, MODE
from nascore.record.wire.oneshot import one_shot_from_message, one_shot_to_message
from nascore.record.wire.proposal import json_object_from_text, objective_from_message, objective_to_message
from nascore.record.wire.trial import end_reason_from_text
from nascore.space.wire import space_from_message, space_to_message
from nascore.v1 import experiment_pb2


def limits_to_message(limits: Limits) -> experiment_pb2.Limits:
    """Return the message of limits."""
    return experiment_pb2.Limits(
        max_trials=limits.max_trials,
        max_duration_s=limits.max_duration_s,
        target=limits.target,
        max_parallel=limits.max_parallel,
        max_attempts=limits.max_attempts,
        lease_s=limits.lease_s,
        max_failures_in_a_row=limits.max_failures_in_a_row,
    )


def limits_from_message(message: experiment_pb2.Limits) -> Limits:
    """Return the limits of a message.

    Raises:
        SettingsError: If one of them is not above zero.
    """
    names = [limit.name for limit in fields(Limits)]
    return Limits(**{name: getattr(message, name) if message.HasField(name) else None for name in names})


def spec_to_message(spec: ExperimentSpec) -> experiment_pb2.ExperimentSpec:
    """Return the message of what is asked for."""
    return experiment_pb2.ExperimentSpec(
        name=spec.name,
        tuner=spec.tuner,
        settings_json=json.dumps(dict(spec.settings)) if spec.settings else "",
        objectives=[objective_to_message(objective) for objective in spec.objectives],
        limits=limits_to_message(spec.limits),
        seed=spec.seed,
        space=None if spec.space is None else space_to_message(spec.space),
        mode=None if spec.mode is None else MODE.to_number(spec.mode),
        one_shot=None if spec.one_shot is None else one_shot_to_message(spec.one_shot),
    )


def spec_from_message(message: experiment_pb2.ExperimentSpec) -> ExperimentSpec:
    """Return what is asked for.

    Raises:
        SettingsError, SpaceError, InvalidInputError: As the parts do.
    """
    return ExperimentSpec(
        tuner=message.tuner,
        settings=json_object_from_text(message.settings_json, "settings_json"),
        objectives=tuple(objective_from_message(objective) for objective in message.objectives),
        limits=limits_from_message(message.limits),
        seed=message.seed if message.HasField("seed") else None,
        space=space_from_message(message.space) if message.HasField("space") else None,
        name=message.name,
        mode=MODE.from_number(message.mode, "mode") if message.mode else None,
        one_shot=one_shot_from_message(message.one_shot) if message.HasField("one_shot") else None,
    )


def experiment_to_message(record: ExperimentRecord) -> experiment_pb2.Experiment:
    """Return the message of an experiment."""
    return experiment_pb2.Experiment(
        id=record.id,
        spec=spec_to_message(record.spec),
        state=EXPERIMENT_STATE.to_number(record.state),
        end_reason=record.end_reason or "",
        trouble=record.trouble,
        created_at=record.created_at,
        elapsed_s=record.elapsed_s,
        seq=record.seq,
        **{state.value: record.counts.get(state, 0) for state in TrialState},
    )


def experiment_from_message(message: experiment_pb2.Experiment) -> ExperimentRecord:
    """Return the experiment of a message; raises as its parts do."""
    return ExperimentRecord(
        id=message.id,
        spec=spec_from_message(message.spec),
        state=EXPERIMENT_STATE.from_number(message.state, "experiment.state"),
        end_reason=end_reason_from_text(message.end_reason),
        trouble=message.trouble,
        created_at=message.created_at,
        elapsed_s=message.elapsed_s,
        counts={state: getattr(message, state.value) for state in TrialState},
        seq=message.seq,
    )
