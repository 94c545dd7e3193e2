"""Enums of values to and from protobuf; UNSPECIFIED and unknown numbers are refused with the field's name."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Generic, TypeVar

from nascore.errors import InvalidInputError
from nascore.record.exchange import AskStatus
from nascore.record.experiment import ExperimentAction, ExperimentState
from nascore.record.oneshot import Mode
from nascore.record.outcome import OutcomeStatus, Verdict
from nascore.record.proposal import Direction, Task
from nascore.record.trial import Command, LeaseStatus, TrialState
from nascore.v1 import experiment_pb2, trial_pb2, tuner_pb2

EnumT = TypeVar("EnumT", bound=StrEnum)
NumberT = TypeVar("NumberT", bound=int)


class EnumWire(Generic[EnumT, NumberT]):
    """A two-way table between a value's enum and a protobuf enum."""

    def __init__(self, kind: type[EnumT], numbers: Mapping[EnumT, NumberT]) -> None:
        self._kind = kind
        self._numbers = dict(numbers)
        self._members = {int(number): member for member, number in numbers.items()}

    def to_number(self, member: EnumT) -> NumberT:
        """Return the protobuf number of ``member``."""
        return self._numbers[member]

    def from_number(self, number: int, field: str) -> EnumT:
        """Return the member of ``number``.

        Raises:
            InvalidInputError: If it is UNSPECIFIED or from a newer peer; ``field`` is named.
        """
        member = self._members.get(number)
        if member is None:
            known = ", ".join(self._kind)
            raise InvalidInputError(f"{field}: enum number {number} is not one of {known}.", hint="Set the field.")
        return member


DIRECTION = EnumWire(
    Direction,
    {Direction.MAXIMIZE: tuner_pb2.DIRECTION_MAXIMIZE, Direction.MINIMIZE: tuner_pb2.DIRECTION_MINIMIZE},
)
MODE = EnumWire(Mode, {Mode.MULTI_TRIAL: tuner_pb2.MODE_MULTI_TRIAL, Mode.ONE_SHOT: tuner_pb2.MODE_ONE_SHOT})
ASK_STATUS = EnumWire(
    AskStatus,
    {
        AskStatus.OK: tuner_pb2.ASK_STATUS_OK,
        AskStatus.EXHAUSTED: tuner_pb2.ASK_STATUS_EXHAUSTED,
        AskStatus.WAIT: tuner_pb2.ASK_STATUS_WAIT,
    },
)
TASK = EnumWire(
    Task,
    {
        Task.EVALUATE: tuner_pb2.TASK_EVALUATE,
        Task.TRAIN: tuner_pb2.TASK_TRAIN,
        Task.SCORE: tuner_pb2.TASK_SCORE,
        Task.GRADIENT: tuner_pb2.TASK_GRADIENT,
        Task.SEARCH: tuner_pb2.TASK_SEARCH,
    },
)
OUTCOME_STATUS = EnumWire(
    OutcomeStatus,
    {
        OutcomeStatus.COMPLETED: tuner_pb2.OUTCOME_STATUS_COMPLETED,
        OutcomeStatus.PRUNED: tuner_pb2.OUTCOME_STATUS_PRUNED,
        OutcomeStatus.INFEASIBLE: tuner_pb2.OUTCOME_STATUS_INFEASIBLE,
        OutcomeStatus.FAILED: tuner_pb2.OUTCOME_STATUS_FAILED,
        OutcomeStatus.NON_FINITE: tuner_pb2.OUTCOME_STATUS_NON_FINITE,
    },
)
VERDICT = EnumWire(
    Verdict,
    {
        Verdict.CONTINUE: tuner_pb2.VERDICT_CONTINUE,
        Verdict.STOP: tuner_pb2.VERDICT_STOP,
        Verdict.PAUSE: tuner_pb2.VERDICT_PAUSE,
    },
)
TRIAL_STATE = EnumWire(
    TrialState,
    {
        TrialState.QUEUED: experiment_pb2.TRIAL_STATE_QUEUED,
        TrialState.RUNNING: experiment_pb2.TRIAL_STATE_RUNNING,
        TrialState.SUCCEEDED: experiment_pb2.TRIAL_STATE_SUCCEEDED,
        TrialState.PRUNED: experiment_pb2.TRIAL_STATE_PRUNED,
        TrialState.INFEASIBLE: experiment_pb2.TRIAL_STATE_INFEASIBLE,
        TrialState.FAILED: experiment_pb2.TRIAL_STATE_FAILED,
    },
)
LEASE_STATUS = EnumWire(
    LeaseStatus,
    {
        LeaseStatus.GRANTED: trial_pb2.LEASE_STATUS_GRANTED,
        LeaseStatus.NONE_YET: trial_pb2.LEASE_STATUS_NONE_YET,
        LeaseStatus.ENDED: trial_pb2.LEASE_STATUS_ENDED,
    },
)
COMMAND = EnumWire(
    Command,
    {
        Command.CONTINUE: trial_pb2.COMMAND_CONTINUE,
        Command.STOP: trial_pb2.COMMAND_STOP,
        Command.CHECKPOINT: trial_pb2.COMMAND_CHECKPOINT,
    },
)
EXPERIMENT_STATE = EnumWire(
    ExperimentState,
    {
        ExperimentState.RUNNING: experiment_pb2.EXPERIMENT_STATE_RUNNING,
        ExperimentState.PAUSED: experiment_pb2.EXPERIMENT_STATE_PAUSED,
        ExperimentState.STOPPED: experiment_pb2.EXPERIMENT_STATE_STOPPED,
        ExperimentState.FINISHED: experiment_pb2.EXPERIMENT_STATE_FINISHED,
    },
)
EXPERIMENT_ACTION = EnumWire(
    ExperimentAction,
    {
        ExperimentAction.PAUSE: experiment_pb2.EXPERIMENT_ACTION_PAUSE,
        ExperimentAction.RESUME: experiment_pb2.EXPERIMENT_ACTION_RESUME,
        ExperimentAction.STOP: experiment_pb2.EXPERIMENT_ACTION_STOP,
    },
)
