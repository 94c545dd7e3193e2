from nascore.v1 import architecture_pb2 as _architecture_pb2
from nascore.v1 import space_pb2 as _space_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Determinism(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DETERMINISM_UNSPECIFIED: _ClassVar[Determinism]
    DETERMINISM_HISTORY: _ClassVar[Determinism]
    DETERMINISM_REPLAY: _ClassVar[Determinism]
    DETERMINISM_SNAPSHOT: _ClassVar[Determinism]
    DETERMINISM_NONE: _ClassVar[Determinism]

class Mode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MODE_UNSPECIFIED: _ClassVar[Mode]
    MODE_MULTI_TRIAL: _ClassVar[Mode]
    MODE_ONE_SHOT: _ClassVar[Mode]

class Direction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DIRECTION_UNSPECIFIED: _ClassVar[Direction]
    DIRECTION_MAXIMIZE: _ClassVar[Direction]
    DIRECTION_MINIMIZE: _ClassVar[Direction]

class Task(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TASK_UNSPECIFIED: _ClassVar[Task]
    TASK_EVALUATE: _ClassVar[Task]
    TASK_TRAIN: _ClassVar[Task]
    TASK_SCORE: _ClassVar[Task]
    TASK_GRADIENT: _ClassVar[Task]
    TASK_SEARCH: _ClassVar[Task]

class OutcomeStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OUTCOME_STATUS_UNSPECIFIED: _ClassVar[OutcomeStatus]
    OUTCOME_STATUS_COMPLETED: _ClassVar[OutcomeStatus]
    OUTCOME_STATUS_PRUNED: _ClassVar[OutcomeStatus]
    OUTCOME_STATUS_INFEASIBLE: _ClassVar[OutcomeStatus]
    OUTCOME_STATUS_FAILED: _ClassVar[OutcomeStatus]
    OUTCOME_STATUS_NON_FINITE: _ClassVar[OutcomeStatus]

class AskStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ASK_STATUS_UNSPECIFIED: _ClassVar[AskStatus]
    ASK_STATUS_OK: _ClassVar[AskStatus]
    ASK_STATUS_EXHAUSTED: _ClassVar[AskStatus]
    ASK_STATUS_WAIT: _ClassVar[AskStatus]

class Verdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VERDICT_UNSPECIFIED: _ClassVar[Verdict]
    VERDICT_CONTINUE: _ClassVar[Verdict]
    VERDICT_STOP: _ClassVar[Verdict]
    VERDICT_PAUSE: _ClassVar[Verdict]
DETERMINISM_UNSPECIFIED: Determinism
DETERMINISM_HISTORY: Determinism
DETERMINISM_REPLAY: Determinism
DETERMINISM_SNAPSHOT: Determinism
DETERMINISM_NONE: Determinism
MODE_UNSPECIFIED: Mode
MODE_MULTI_TRIAL: Mode
MODE_ONE_SHOT: Mode
DIRECTION_UNSPECIFIED: Direction
DIRECTION_MAXIMIZE: Direction
DIRECTION_MINIMIZE: Direction
TASK_UNSPECIFIED: Task
TASK_EVALUATE: Task
TASK_TRAIN: Task
TASK_SCORE: Task
TASK_GRADIENT: Task
TASK_SEARCH: Task
OUTCOME_STATUS_UNSPECIFIED: OutcomeStatus
OUTCOME_STATUS_COMPLETED: OutcomeStatus
OUTCOME_STATUS_PRUNED: OutcomeStatus
OUTCOME_STATUS_INFEASIBLE: OutcomeStatus
OUTCOME_STATUS_FAILED: OutcomeStatus
OUTCOME_STATUS_NON_FINITE: OutcomeStatus
ASK_STATUS_UNSPECIFIED: AskStatus
ASK_STATUS_OK: AskStatus
ASK_STATUS_EXHAUSTED: AskStatus
ASK_STATUS_WAIT: AskStatus
VERDICT_UNSPECIFIED: Verdict
VERDICT_CONTINUE: Verdict
VERDICT_STOP: Verdict
VERDICT_PAUSE: Verdict

class Objective(_message.Message):
    __slots__ = ("metric", "direction", "bound")
    METRIC_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    BOUND_FIELD_NUMBER: _ClassVar[int]
    metric: str
    direction: Direction
    bound: float
    def __init__(self, metric: _Optional[str] = ..., direction: _Optional[_Union[Direction, str]] = ..., bound: _Optional[float] = ...) -> None: ...

class DescribeRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DescribeResponse(_message.Message):
    __slots__ = ("name", "version", "min_protocol", "max_protocol", "modes", "node_kinds", "max_objectives", "uses_fidelity", "determinism", "settings_schema_json", "can_review", "can_derive", "can_snapshot", "summary", "can_stream", "ignores_outcomes", "can_recall", "frames_path")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    MIN_PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    MAX_PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    MODES_FIELD_NUMBER: _ClassVar[int]
    NODE_KINDS_FIELD_NUMBER: _ClassVar[int]
    MAX_OBJECTIVES_FIELD_NUMBER: _ClassVar[int]
    USES_FIDELITY_FIELD_NUMBER: _ClassVar[int]
    DETERMINISM_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_SCHEMA_JSON_FIELD_NUMBER: _ClassVar[int]
    CAN_REVIEW_FIELD_NUMBER: _ClassVar[int]
    CAN_DERIVE_FIELD_NUMBER: _ClassVar[int]
    CAN_SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    CAN_STREAM_FIELD_NUMBER: _ClassVar[int]
    IGNORES_OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    CAN_RECALL_FIELD_NUMBER: _ClassVar[int]
    FRAMES_PATH_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    min_protocol: int
    max_protocol: int
    modes: _containers.RepeatedScalarFieldContainer[Mode]
    node_kinds: _containers.RepeatedScalarFieldContainer[str]
    max_objectives: int
    uses_fidelity: bool
    determinism: Determinism
    settings_schema_json: str
    can_review: bool
    can_derive: bool
    can_snapshot: bool
    summary: str
    can_stream: bool
    ignores_outcomes: bool
    can_recall: bool
    frames_path: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ..., min_protocol: _Optional[int] = ..., max_protocol: _Optional[int] = ..., modes: _Optional[_Iterable[_Union[Mode, str]]] = ..., node_kinds: _Optional[_Iterable[str]] = ..., max_objectives: _Optional[int] = ..., uses_fidelity: bool = ..., determinism: _Optional[_Union[Determinism, str]] = ..., settings_schema_json: _Optional[str] = ..., can_review: bool = ..., can_derive: bool = ..., can_snapshot: bool = ..., summary: _Optional[str] = ..., can_stream: bool = ..., ignores_outcomes: bool = ..., can_recall: bool = ..., frames_path: _Optional[str] = ...) -> None: ...

class Cost(_message.Message):
    __slots__ = ("path", "candidate", "measure", "value")
    PATH_FIELD_NUMBER: _ClassVar[int]
    CANDIDATE_FIELD_NUMBER: _ClassVar[int]
    MEASURE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    path: str
    candidate: str
    measure: str
    value: float
    def __init__(self, path: _Optional[str] = ..., candidate: _Optional[str] = ..., measure: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...

class OpenRequest(_message.Message):
    __slots__ = ("session", "space", "objectives", "settings_json", "seed", "costs", "batches_per_epoch", "snapshot", "mode", "schedule", "workers", "unmixable")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    SPACE_FIELD_NUMBER: _ClassVar[int]
    OBJECTIVES_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_JSON_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    COSTS_FIELD_NUMBER: _ClassVar[int]
    BATCHES_PER_EPOCH_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    UNMIXABLE_FIELD_NUMBER: _ClassVar[int]
    session: str
    space: _space_pb2.SearchSpace
    objectives: _containers.RepeatedCompositeFieldContainer[Objective]
    settings_json: str
    seed: int
    costs: _containers.RepeatedCompositeFieldContainer[Cost]
    batches_per_epoch: int
    snapshot: Snapshot
    mode: Mode
    schedule: Schedule
    workers: int
    unmixable: _containers.RepeatedCompositeFieldContainer[Unmixable]
    def __init__(self, session: _Optional[str] = ..., space: _Optional[_Union[_space_pb2.SearchSpace, _Mapping]] = ..., objectives: _Optional[_Iterable[_Union[Objective, _Mapping]]] = ..., settings_json: _Optional[str] = ..., seed: _Optional[int] = ..., costs: _Optional[_Iterable[_Union[Cost, _Mapping]]] = ..., batches_per_epoch: _Optional[int] = ..., snapshot: _Optional[_Union[Snapshot, _Mapping]] = ..., mode: _Optional[_Union[Mode, str]] = ..., schedule: _Optional[_Union[Schedule, _Mapping]] = ..., workers: _Optional[int] = ..., unmixable: _Optional[_Iterable[_Union[Unmixable, _Mapping]]] = ...) -> None: ...

class Schedule(_message.Message):
    __slots__ = ("warmup_epochs", "epochs")
    WARMUP_EPOCHS_FIELD_NUMBER: _ClassVar[int]
    EPOCHS_FIELD_NUMBER: _ClassVar[int]
    warmup_epochs: int
    epochs: int
    def __init__(self, warmup_epochs: _Optional[int] = ..., epochs: _Optional[int] = ...) -> None: ...

class Unmixable(_message.Message):
    __slots__ = ("path", "reason")
    PATH_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    path: str
    reason: str
    def __init__(self, path: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class Snapshot(_message.Message):
    __slots__ = ("state", "seq")
    STATE_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    state: bytes
    seq: int
    def __init__(self, state: _Optional[bytes] = ..., seq: _Optional[int] = ...) -> None: ...

class OpenResponse(_message.Message):
    __slots__ = ("cannot_tune",)
    CANNOT_TUNE_FIELD_NUMBER: _ClassVar[int]
    cannot_tune: str
    def __init__(self, cannot_tune: _Optional[str] = ...) -> None: ...

class Budget(_message.Message):
    __slots__ = ("unit", "amount")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    unit: str
    amount: float
    def __init__(self, unit: _Optional[str] = ..., amount: _Optional[float] = ...) -> None: ...

class WarmStart(_message.Message):
    __slots__ = ("checkpoint", "parent", "rules_json")
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    PARENT_FIELD_NUMBER: _ClassVar[int]
    RULES_JSON_FIELD_NUMBER: _ClassVar[int]
    checkpoint: str
    parent: int
    rules_json: str
    def __init__(self, checkpoint: _Optional[str] = ..., parent: _Optional[int] = ..., rules_json: _Optional[str] = ...) -> None: ...

class Proposal(_message.Message):
    __slots__ = ("number", "architecture", "mixture", "task", "budget", "warm_start", "policy_version", "log_prob", "notes_json", "unrolled", "partial_channels")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    ARCHITECTURE_FIELD_NUMBER: _ClassVar[int]
    MIXTURE_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    BUDGET_FIELD_NUMBER: _ClassVar[int]
    WARM_START_FIELD_NUMBER: _ClassVar[int]
    POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    LOG_PROB_FIELD_NUMBER: _ClassVar[int]
    NOTES_JSON_FIELD_NUMBER: _ClassVar[int]
    UNROLLED_FIELD_NUMBER: _ClassVar[int]
    PARTIAL_CHANNELS_FIELD_NUMBER: _ClassVar[int]
    number: int
    architecture: _architecture_pb2.Architecture
    mixture: _architecture_pb2.Mixture
    task: Task
    budget: Budget
    warm_start: WarmStart
    policy_version: int
    log_prob: float
    notes_json: str
    unrolled: Unrolled
    partial_channels: int
    def __init__(self, number: _Optional[int] = ..., architecture: _Optional[_Union[_architecture_pb2.Architecture, _Mapping]] = ..., mixture: _Optional[_Union[_architecture_pb2.Mixture, _Mapping]] = ..., task: _Optional[_Union[Task, str]] = ..., budget: _Optional[_Union[Budget, _Mapping]] = ..., warm_start: _Optional[_Union[WarmStart, _Mapping]] = ..., policy_version: _Optional[int] = ..., log_prob: _Optional[float] = ..., notes_json: _Optional[str] = ..., unrolled: _Optional[_Union[Unrolled, _Mapping]] = ..., partial_channels: _Optional[int] = ...) -> None: ...

class Unrolled(_message.Message):
    __slots__ = ("radius",)
    RADIUS_FIELD_NUMBER: _ClassVar[int]
    radius: float
    def __init__(self, radius: _Optional[float] = ...) -> None: ...

class Metric(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: float
    def __init__(self, name: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...

class Outcome(_message.Message):
    __slots__ = ("status", "metrics", "gradient", "batches", "duration_s", "failure", "derived", "scored", "costs")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    GRADIENT_FIELD_NUMBER: _ClassVar[int]
    BATCHES_FIELD_NUMBER: _ClassVar[int]
    DURATION_S_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    DERIVED_FIELD_NUMBER: _ClassVar[int]
    SCORED_FIELD_NUMBER: _ClassVar[int]
    COSTS_FIELD_NUMBER: _ClassVar[int]
    status: OutcomeStatus
    metrics: _containers.RepeatedCompositeFieldContainer[Metric]
    gradient: _containers.RepeatedCompositeFieldContainer[_architecture_pb2.MixedDecision]
    batches: int
    duration_s: float
    failure: Failure
    derived: _containers.RepeatedCompositeFieldContainer[Derived]
    scored: _containers.RepeatedCompositeFieldContainer[ScoredArchitecture]
    costs: _containers.RepeatedCompositeFieldContainer[Cost]
    def __init__(self, status: _Optional[_Union[OutcomeStatus, str]] = ..., metrics: _Optional[_Iterable[_Union[Metric, _Mapping]]] = ..., gradient: _Optional[_Iterable[_Union[_architecture_pb2.MixedDecision, _Mapping]]] = ..., batches: _Optional[int] = ..., duration_s: _Optional[float] = ..., failure: _Optional[_Union[Failure, _Mapping]] = ..., derived: _Optional[_Iterable[_Union[Derived, _Mapping]]] = ..., scored: _Optional[_Iterable[_Union[ScoredArchitecture, _Mapping]]] = ..., costs: _Optional[_Iterable[_Union[Cost, _Mapping]]] = ...) -> None: ...

class ScoredArchitecture(_message.Message):
    __slots__ = ("architecture", "metrics")
    ARCHITECTURE_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    architecture: _architecture_pb2.Architecture
    metrics: _containers.RepeatedCompositeFieldContainer[Metric]
    def __init__(self, architecture: _Optional[_Union[_architecture_pb2.Architecture, _Mapping]] = ..., metrics: _Optional[_Iterable[_Union[Metric, _Mapping]]] = ...) -> None: ...

class Failure(_message.Message):
    __slots__ = ("kind", "message", "detail")
    KIND_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    kind: str
    message: str
    detail: str
    def __init__(self, kind: _Optional[str] = ..., message: _Optional[str] = ..., detail: _Optional[str] = ...) -> None: ...

class Told(_message.Message):
    __slots__ = ("seq", "proposal", "outcome")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    PROPOSAL_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    seq: int
    proposal: Proposal
    outcome: Outcome
    def __init__(self, seq: _Optional[int] = ..., proposal: _Optional[_Union[Proposal, _Mapping]] = ..., outcome: _Optional[_Union[Outcome, _Mapping]] = ...) -> None: ...

class AskRequest(_message.Message):
    __slots__ = ("session", "first_number", "seeds", "outcomes", "told_through")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    FIRST_NUMBER_FIELD_NUMBER: _ClassVar[int]
    SEEDS_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    TOLD_THROUGH_FIELD_NUMBER: _ClassVar[int]
    session: str
    first_number: int
    seeds: _containers.RepeatedScalarFieldContainer[int]
    outcomes: _containers.RepeatedCompositeFieldContainer[Told]
    told_through: int
    def __init__(self, session: _Optional[str] = ..., first_number: _Optional[int] = ..., seeds: _Optional[_Iterable[int]] = ..., outcomes: _Optional[_Iterable[_Union[Told, _Mapping]]] = ..., told_through: _Optional[int] = ...) -> None: ...

class AskResponse(_message.Message):
    __slots__ = ("proposals", "status")
    PROPOSALS_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    proposals: _containers.RepeatedCompositeFieldContainer[Proposal]
    status: AskStatus
    def __init__(self, proposals: _Optional[_Iterable[_Union[Proposal, _Mapping]]] = ..., status: _Optional[_Union[AskStatus, str]] = ...) -> None: ...

class StreamAsksRequest(_message.Message):
    __slots__ = ("ask",)
    ASK_FIELD_NUMBER: _ClassVar[int]
    ask: AskRequest
    def __init__(self, ask: _Optional[_Union[AskRequest, _Mapping]] = ...) -> None: ...

class StreamAsksResponse(_message.Message):
    __slots__ = ("answer", "status")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    answer: AskResponse
    status: bytes
    def __init__(self, answer: _Optional[_Union[AskResponse, _Mapping]] = ..., status: _Optional[bytes] = ...) -> None: ...

class TellRequest(_message.Message):
    __slots__ = ("session", "outcomes", "after_seq")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    AFTER_SEQ_FIELD_NUMBER: _ClassVar[int]
    session: str
    outcomes: _containers.RepeatedCompositeFieldContainer[Told]
    after_seq: int
    def __init__(self, session: _Optional[str] = ..., outcomes: _Optional[_Iterable[_Union[Told, _Mapping]]] = ..., after_seq: _Optional[int] = ...) -> None: ...

class TellResponse(_message.Message):
    __slots__ = ("told_through",)
    TOLD_THROUGH_FIELD_NUMBER: _ClassVar[int]
    told_through: int
    def __init__(self, told_through: _Optional[int] = ...) -> None: ...

class LoggedEvent(_message.Message):
    __slots__ = ("asked", "told")
    ASKED_FIELD_NUMBER: _ClassVar[int]
    TOLD_FIELD_NUMBER: _ClassVar[int]
    asked: Asked
    told: Told
    def __init__(self, asked: _Optional[_Union[Asked, _Mapping]] = ..., told: _Optional[_Union[Told, _Mapping]] = ...) -> None: ...

class Asked(_message.Message):
    __slots__ = ("proposal", "seed")
    PROPOSAL_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    proposal: Proposal
    seed: int
    def __init__(self, proposal: _Optional[_Union[Proposal, _Mapping]] = ..., seed: _Optional[int] = ...) -> None: ...

class ReplayRequest(_message.Message):
    __slots__ = ("session", "events")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    session: str
    events: _containers.RepeatedCompositeFieldContainer[LoggedEvent]
    def __init__(self, session: _Optional[str] = ..., events: _Optional[_Iterable[_Union[LoggedEvent, _Mapping]]] = ...) -> None: ...

class ReplayResponse(_message.Message):
    __slots__ = ("told_through", "diverged")
    TOLD_THROUGH_FIELD_NUMBER: _ClassVar[int]
    DIVERGED_FIELD_NUMBER: _ClassVar[int]
    told_through: int
    diverged: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, told_through: _Optional[int] = ..., diverged: _Optional[_Iterable[int]] = ...) -> None: ...

class Report(_message.Message):
    __slots__ = ("number", "step", "metrics")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    number: int
    step: int
    metrics: _containers.RepeatedCompositeFieldContainer[Metric]
    def __init__(self, number: _Optional[int] = ..., step: _Optional[int] = ..., metrics: _Optional[_Iterable[_Union[Metric, _Mapping]]] = ...) -> None: ...

class ReviewRequest(_message.Message):
    __slots__ = ("session", "reports")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    REPORTS_FIELD_NUMBER: _ClassVar[int]
    session: str
    reports: _containers.RepeatedCompositeFieldContainer[Report]
    def __init__(self, session: _Optional[str] = ..., reports: _Optional[_Iterable[_Union[Report, _Mapping]]] = ...) -> None: ...

class ReviewResponse(_message.Message):
    __slots__ = ("verdicts",)
    VERDICTS_FIELD_NUMBER: _ClassVar[int]
    verdicts: _containers.RepeatedScalarFieldContainer[Verdict]
    def __init__(self, verdicts: _Optional[_Iterable[_Union[Verdict, str]]] = ...) -> None: ...

class DeriveRequest(_message.Message):
    __slots__ = ("session", "count")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    session: str
    count: int
    def __init__(self, session: _Optional[str] = ..., count: _Optional[int] = ...) -> None: ...

class Derived(_message.Message):
    __slots__ = ("architecture", "score")
    ARCHITECTURE_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    architecture: _architecture_pb2.Architecture
    score: float
    def __init__(self, architecture: _Optional[_Union[_architecture_pb2.Architecture, _Mapping]] = ..., score: _Optional[float] = ...) -> None: ...

class DeriveResponse(_message.Message):
    __slots__ = ("architectures",)
    ARCHITECTURES_FIELD_NUMBER: _ClassVar[int]
    architectures: _containers.RepeatedCompositeFieldContainer[Derived]
    def __init__(self, architectures: _Optional[_Iterable[_Union[Derived, _Mapping]]] = ...) -> None: ...

class SnapshotRequest(_message.Message):
    __slots__ = ("session",)
    SESSION_FIELD_NUMBER: _ClassVar[int]
    session: str
    def __init__(self, session: _Optional[str] = ...) -> None: ...

class SnapshotResponse(_message.Message):
    __slots__ = ("snapshot",)
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    snapshot: Snapshot
    def __init__(self, snapshot: _Optional[_Union[Snapshot, _Mapping]] = ...) -> None: ...

class CloseRequest(_message.Message):
    __slots__ = ("session",)
    SESSION_FIELD_NUMBER: _ClassVar[int]
    session: str
    def __init__(self, session: _Optional[str] = ...) -> None: ...

class CloseResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
