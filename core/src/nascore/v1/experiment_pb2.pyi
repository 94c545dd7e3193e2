from nascore.v1 import architecture_pb2 as _architecture_pb2
from nascore.v1 import space_pb2 as _space_pb2
from nascore.v1 import tuner_pb2 as _tuner_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ExperimentState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXPERIMENT_STATE_UNSPECIFIED: _ClassVar[ExperimentState]
    EXPERIMENT_STATE_RUNNING: _ClassVar[ExperimentState]
    EXPERIMENT_STATE_PAUSED: _ClassVar[ExperimentState]
    EXPERIMENT_STATE_STOPPED: _ClassVar[ExperimentState]
    EXPERIMENT_STATE_FINISHED: _ClassVar[ExperimentState]

class TrialState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRIAL_STATE_UNSPECIFIED: _ClassVar[TrialState]
    TRIAL_STATE_QUEUED: _ClassVar[TrialState]
    TRIAL_STATE_RUNNING: _ClassVar[TrialState]
    TRIAL_STATE_SUCCEEDED: _ClassVar[TrialState]
    TRIAL_STATE_PRUNED: _ClassVar[TrialState]
    TRIAL_STATE_INFEASIBLE: _ClassVar[TrialState]
    TRIAL_STATE_FAILED: _ClassVar[TrialState]

class ExperimentAction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXPERIMENT_ACTION_UNSPECIFIED: _ClassVar[ExperimentAction]
    EXPERIMENT_ACTION_PAUSE: _ClassVar[ExperimentAction]
    EXPERIMENT_ACTION_RESUME: _ClassVar[ExperimentAction]
    EXPERIMENT_ACTION_STOP: _ClassVar[ExperimentAction]
EXPERIMENT_STATE_UNSPECIFIED: ExperimentState
EXPERIMENT_STATE_RUNNING: ExperimentState
EXPERIMENT_STATE_PAUSED: ExperimentState
EXPERIMENT_STATE_STOPPED: ExperimentState
EXPERIMENT_STATE_FINISHED: ExperimentState
TRIAL_STATE_UNSPECIFIED: TrialState
TRIAL_STATE_QUEUED: TrialState
TRIAL_STATE_RUNNING: TrialState
TRIAL_STATE_SUCCEEDED: TrialState
TRIAL_STATE_PRUNED: TrialState
TRIAL_STATE_INFEASIBLE: TrialState
TRIAL_STATE_FAILED: TrialState
EXPERIMENT_ACTION_UNSPECIFIED: ExperimentAction
EXPERIMENT_ACTION_PAUSE: ExperimentAction
EXPERIMENT_ACTION_RESUME: ExperimentAction
EXPERIMENT_ACTION_STOP: ExperimentAction

class Limits(_message.Message):
    __slots__ = ("max_trials", "max_duration_s", "target", "max_parallel", "max_attempts", "lease_s", "max_failures_in_a_row")
    MAX_TRIALS_FIELD_NUMBER: _ClassVar[int]
    MAX_DURATION_S_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    MAX_PARALLEL_FIELD_NUMBER: _ClassVar[int]
    MAX_ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    LEASE_S_FIELD_NUMBER: _ClassVar[int]
    MAX_FAILURES_IN_A_ROW_FIELD_NUMBER: _ClassVar[int]
    max_trials: int
    max_duration_s: float
    target: float
    max_parallel: int
    max_attempts: int
    lease_s: float
    max_failures_in_a_row: int
    def __init__(self, max_trials: _Optional[int] = ..., max_duration_s: _Optional[float] = ..., target: _Optional[float] = ..., max_parallel: _Optional[int] = ..., max_attempts: _Optional[int] = ..., lease_s: _Optional[float] = ..., max_failures_in_a_row: _Optional[int] = ...) -> None: ...

class ExperimentSpec(_message.Message):
    __slots__ = ("name", "tuner", "settings_json", "objectives", "limits", "seed", "space", "mode", "one_shot")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TUNER_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_JSON_FIELD_NUMBER: _ClassVar[int]
    OBJECTIVES_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    SPACE_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    ONE_SHOT_FIELD_NUMBER: _ClassVar[int]
    name: str
    tuner: str
    settings_json: str
    objectives: _containers.RepeatedCompositeFieldContainer[_tuner_pb2.Objective]
    limits: Limits
    seed: int
    space: _space_pb2.SearchSpace
    mode: _tuner_pb2.Mode
    one_shot: OneShot
    def __init__(self, name: _Optional[str] = ..., tuner: _Optional[str] = ..., settings_json: _Optional[str] = ..., objectives: _Optional[_Iterable[_Union[_tuner_pb2.Objective, _Mapping]]] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ..., seed: _Optional[int] = ..., space: _Optional[_Union[_space_pb2.SearchSpace, _Mapping]] = ..., mode: _Optional[_Union[_tuner_pb2.Mode, str]] = ..., one_shot: _Optional[_Union[OneShot, _Mapping]] = ...) -> None: ...

class OneShot(_message.Message):
    __slots__ = ("schedule", "derive", "retrain_epochs", "supernets", "workers", "sync_every", "trust")
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    DERIVE_FIELD_NUMBER: _ClassVar[int]
    RETRAIN_EPOCHS_FIELD_NUMBER: _ClassVar[int]
    SUPERNETS_FIELD_NUMBER: _ClassVar[int]
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    SYNC_EVERY_FIELD_NUMBER: _ClassVar[int]
    TRUST_FIELD_NUMBER: _ClassVar[int]
    schedule: _tuner_pb2.Schedule
    derive: int
    retrain_epochs: float
    supernets: int
    workers: int
    sync_every: int
    trust: Trust
    def __init__(self, schedule: _Optional[_Union[_tuner_pb2.Schedule, _Mapping]] = ..., derive: _Optional[int] = ..., retrain_epochs: _Optional[float] = ..., supernets: _Optional[int] = ..., workers: _Optional[int] = ..., sync_every: _Optional[int] = ..., trust: _Optional[_Union[Trust, _Mapping]] = ...) -> None: ...

class Trust(_message.Message):
    __slots__ = ("is_off", "max_random", "sampled")
    IS_OFF_FIELD_NUMBER: _ClassVar[int]
    MAX_RANDOM_FIELD_NUMBER: _ClassVar[int]
    SAMPLED_FIELD_NUMBER: _ClassVar[int]
    is_off: bool
    max_random: int
    sampled: int
    def __init__(self, is_off: bool = ..., max_random: _Optional[int] = ..., sampled: _Optional[int] = ...) -> None: ...

class Experiment(_message.Message):
    __slots__ = ("id", "spec", "state", "end_reason", "trouble", "created_at", "elapsed_s", "queued", "running", "succeeded", "pruned", "infeasible", "failed", "seq")
    ID_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    END_REASON_FIELD_NUMBER: _ClassVar[int]
    TROUBLE_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    ELAPSED_S_FIELD_NUMBER: _ClassVar[int]
    QUEUED_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    SUCCEEDED_FIELD_NUMBER: _ClassVar[int]
    PRUNED_FIELD_NUMBER: _ClassVar[int]
    INFEASIBLE_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    id: str
    spec: ExperimentSpec
    state: ExperimentState
    end_reason: str
    trouble: str
    created_at: float
    elapsed_s: float
    queued: int
    running: int
    succeeded: int
    pruned: int
    infeasible: int
    failed: int
    seq: int
    def __init__(self, id: _Optional[str] = ..., spec: _Optional[_Union[ExperimentSpec, _Mapping]] = ..., state: _Optional[_Union[ExperimentState, str]] = ..., end_reason: _Optional[str] = ..., trouble: _Optional[str] = ..., created_at: _Optional[float] = ..., elapsed_s: _Optional[float] = ..., queued: _Optional[int] = ..., running: _Optional[int] = ..., succeeded: _Optional[int] = ..., pruned: _Optional[int] = ..., infeasible: _Optional[int] = ..., failed: _Optional[int] = ..., seq: _Optional[int] = ...) -> None: ...

class Trial(_message.Message):
    __slots__ = ("number", "state", "proposal", "attempt", "epoch", "worker", "outcome", "reports", "checkpoint", "created_at", "started_at", "finished_at", "is_enqueued")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PROPOSAL_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REPORTS_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    FINISHED_AT_FIELD_NUMBER: _ClassVar[int]
    IS_ENQUEUED_FIELD_NUMBER: _ClassVar[int]
    number: int
    state: TrialState
    proposal: _tuner_pb2.Proposal
    attempt: int
    epoch: int
    worker: str
    outcome: _tuner_pb2.Outcome
    reports: _containers.RepeatedCompositeFieldContainer[_tuner_pb2.Report]
    checkpoint: str
    created_at: float
    started_at: float
    finished_at: float
    is_enqueued: bool
    def __init__(self, number: _Optional[int] = ..., state: _Optional[_Union[TrialState, str]] = ..., proposal: _Optional[_Union[_tuner_pb2.Proposal, _Mapping]] = ..., attempt: _Optional[int] = ..., epoch: _Optional[int] = ..., worker: _Optional[str] = ..., outcome: _Optional[_Union[_tuner_pb2.Outcome, _Mapping]] = ..., reports: _Optional[_Iterable[_Union[_tuner_pb2.Report, _Mapping]]] = ..., checkpoint: _Optional[str] = ..., created_at: _Optional[float] = ..., started_at: _Optional[float] = ..., finished_at: _Optional[float] = ..., is_enqueued: bool = ...) -> None: ...

class CreateExperimentRequest(_message.Message):
    __slots__ = ("request_id", "spec")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SPEC_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    spec: ExperimentSpec
    def __init__(self, request_id: _Optional[str] = ..., spec: _Optional[_Union[ExperimentSpec, _Mapping]] = ...) -> None: ...

class CreateExperimentResponse(_message.Message):
    __slots__ = ("experiment",)
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    experiment: Experiment
    def __init__(self, experiment: _Optional[_Union[Experiment, _Mapping]] = ...) -> None: ...

class GetExperimentRequest(_message.Message):
    __slots__ = ("experiment",)
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    experiment: str
    def __init__(self, experiment: _Optional[str] = ...) -> None: ...

class GetExperimentResponse(_message.Message):
    __slots__ = ("experiment",)
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    experiment: Experiment
    def __init__(self, experiment: _Optional[_Union[Experiment, _Mapping]] = ...) -> None: ...

class ListExperimentsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListExperimentsResponse(_message.Message):
    __slots__ = ("experiments",)
    EXPERIMENTS_FIELD_NUMBER: _ClassVar[int]
    experiments: _containers.RepeatedCompositeFieldContainer[Experiment]
    def __init__(self, experiments: _Optional[_Iterable[_Union[Experiment, _Mapping]]] = ...) -> None: ...

class UpdateExperimentRequest(_message.Message):
    __slots__ = ("request_id", "experiment", "action", "limits")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    experiment: str
    action: ExperimentAction
    limits: Limits
    def __init__(self, request_id: _Optional[str] = ..., experiment: _Optional[str] = ..., action: _Optional[_Union[ExperimentAction, str]] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ...) -> None: ...

class UpdateExperimentResponse(_message.Message):
    __slots__ = ("experiment",)
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    experiment: Experiment
    def __init__(self, experiment: _Optional[_Union[Experiment, _Mapping]] = ...) -> None: ...

class DeleteExperimentRequest(_message.Message):
    __slots__ = ("request_id", "experiment")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    experiment: str
    def __init__(self, request_id: _Optional[str] = ..., experiment: _Optional[str] = ...) -> None: ...

class DeleteExperimentResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetTrialRequest(_message.Message):
    __slots__ = ("experiment", "number")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    experiment: str
    number: int
    def __init__(self, experiment: _Optional[str] = ..., number: _Optional[int] = ...) -> None: ...

class GetTrialResponse(_message.Message):
    __slots__ = ("trial",)
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    trial: Trial
    def __init__(self, trial: _Optional[_Union[Trial, _Mapping]] = ...) -> None: ...

class ListTrialsRequest(_message.Message):
    __slots__ = ("experiment", "states", "page_size", "page_token")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    experiment: str
    states: _containers.RepeatedScalarFieldContainer[TrialState]
    page_size: int
    page_token: str
    def __init__(self, experiment: _Optional[str] = ..., states: _Optional[_Iterable[_Union[TrialState, str]]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListTrialsResponse(_message.Message):
    __slots__ = ("trials", "next_page_token")
    TRIALS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    trials: _containers.RepeatedCompositeFieldContainer[Trial]
    next_page_token: str
    def __init__(self, trials: _Optional[_Iterable[_Union[Trial, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListBestRequest(_message.Message):
    __slots__ = ("experiment", "count")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    experiment: str
    count: int
    def __init__(self, experiment: _Optional[str] = ..., count: _Optional[int] = ...) -> None: ...

class ListBestResponse(_message.Message):
    __slots__ = ("trials",)
    TRIALS_FIELD_NUMBER: _ClassVar[int]
    trials: _containers.RepeatedCompositeFieldContainer[Trial]
    def __init__(self, trials: _Optional[_Iterable[_Union[Trial, _Mapping]]] = ...) -> None: ...

class EnqueueArchitecturesRequest(_message.Message):
    __slots__ = ("request_id", "experiment", "architectures")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    ARCHITECTURES_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    experiment: str
    architectures: _containers.RepeatedCompositeFieldContainer[_architecture_pb2.Architecture]
    def __init__(self, request_id: _Optional[str] = ..., experiment: _Optional[str] = ..., architectures: _Optional[_Iterable[_Union[_architecture_pb2.Architecture, _Mapping]]] = ...) -> None: ...

class EnqueueArchitecturesResponse(_message.Message):
    __slots__ = ("trials",)
    TRIALS_FIELD_NUMBER: _ClassVar[int]
    trials: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, trials: _Optional[_Iterable[int]] = ...) -> None: ...

class WatchExperimentRequest(_message.Message):
    __slots__ = ("experiment", "after_seq")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    AFTER_SEQ_FIELD_NUMBER: _ClassVar[int]
    experiment: str
    after_seq: int
    def __init__(self, experiment: _Optional[str] = ..., after_seq: _Optional[int] = ...) -> None: ...

class WatchExperimentResponse(_message.Message):
    __slots__ = ("seq", "experiment", "trial")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    seq: int
    experiment: Experiment
    trial: Trial
    def __init__(self, seq: _Optional[int] = ..., experiment: _Optional[_Union[Experiment, _Mapping]] = ..., trial: _Optional[_Union[Trial, _Mapping]] = ...) -> None: ...
