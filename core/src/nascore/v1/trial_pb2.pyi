from nascore.v1 import space_pb2 as _space_pb2
from nascore.v1 import tuner_pb2 as _tuner_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LeaseStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LEASE_STATUS_UNSPECIFIED: _ClassVar[LeaseStatus]
    LEASE_STATUS_GRANTED: _ClassVar[LeaseStatus]
    LEASE_STATUS_NONE_YET: _ClassVar[LeaseStatus]
    LEASE_STATUS_ENDED: _ClassVar[LeaseStatus]

class Command(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COMMAND_UNSPECIFIED: _ClassVar[Command]
    COMMAND_CONTINUE: _ClassVar[Command]
    COMMAND_STOP: _ClassVar[Command]
    COMMAND_CHECKPOINT: _ClassVar[Command]
LEASE_STATUS_UNSPECIFIED: LeaseStatus
LEASE_STATUS_GRANTED: LeaseStatus
LEASE_STATUS_NONE_YET: LeaseStatus
LEASE_STATUS_ENDED: LeaseStatus
COMMAND_UNSPECIFIED: Command
COMMAND_CONTINUE: Command
COMMAND_STOP: Command
COMMAND_CHECKPOINT: Command

class RegisterSpaceRequest(_message.Message):
    __slots__ = ("experiment", "worker", "space", "tasks", "batches_per_epoch", "devices")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    SPACE_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    BATCHES_PER_EPOCH_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    experiment: str
    worker: str
    space: _space_pb2.SearchSpace
    tasks: _containers.RepeatedScalarFieldContainer[_tuner_pb2.Task]
    batches_per_epoch: int
    devices: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, experiment: _Optional[str] = ..., worker: _Optional[str] = ..., space: _Optional[_Union[_space_pb2.SearchSpace, _Mapping]] = ..., tasks: _Optional[_Iterable[_Union[_tuner_pb2.Task, str]]] = ..., batches_per_epoch: _Optional[int] = ..., devices: _Optional[_Iterable[str]] = ...) -> None: ...

class RegisterSpaceResponse(_message.Message):
    __slots__ = ("space_fingerprint", "seed", "objectives")
    SPACE_FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    OBJECTIVES_FIELD_NUMBER: _ClassVar[int]
    space_fingerprint: str
    seed: int
    objectives: _containers.RepeatedCompositeFieldContainer[_tuner_pb2.Objective]
    def __init__(self, space_fingerprint: _Optional[str] = ..., seed: _Optional[int] = ..., objectives: _Optional[_Iterable[_Union[_tuner_pb2.Objective, _Mapping]]] = ...) -> None: ...

class Lease(_message.Message):
    __slots__ = ("trial", "epoch", "duration_s", "proposal", "seed", "attempt")
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    DURATION_S_FIELD_NUMBER: _ClassVar[int]
    PROPOSAL_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    trial: int
    epoch: int
    duration_s: float
    proposal: _tuner_pb2.Proposal
    seed: int
    attempt: int
    def __init__(self, trial: _Optional[int] = ..., epoch: _Optional[int] = ..., duration_s: _Optional[float] = ..., proposal: _Optional[_Union[_tuner_pb2.Proposal, _Mapping]] = ..., seed: _Optional[int] = ..., attempt: _Optional[int] = ...) -> None: ...

class LeaseTrialRequest(_message.Message):
    __slots__ = ("experiment", "worker", "request_id", "max_wait_s")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    MAX_WAIT_S_FIELD_NUMBER: _ClassVar[int]
    experiment: str
    worker: str
    request_id: str
    max_wait_s: float
    def __init__(self, experiment: _Optional[str] = ..., worker: _Optional[str] = ..., request_id: _Optional[str] = ..., max_wait_s: _Optional[float] = ...) -> None: ...

class LeaseTrialResponse(_message.Message):
    __slots__ = ("status", "lease", "end_reason")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    LEASE_FIELD_NUMBER: _ClassVar[int]
    END_REASON_FIELD_NUMBER: _ClassVar[int]
    status: LeaseStatus
    lease: Lease
    end_reason: str
    def __init__(self, status: _Optional[_Union[LeaseStatus, str]] = ..., lease: _Optional[_Union[Lease, _Mapping]] = ..., end_reason: _Optional[str] = ...) -> None: ...

class RenewLeaseRequest(_message.Message):
    __slots__ = ("experiment", "worker", "trial", "epoch")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    experiment: str
    worker: str
    trial: int
    epoch: int
    def __init__(self, experiment: _Optional[str] = ..., worker: _Optional[str] = ..., trial: _Optional[int] = ..., epoch: _Optional[int] = ...) -> None: ...

class RenewLeaseResponse(_message.Message):
    __slots__ = ("command", "duration_s")
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    DURATION_S_FIELD_NUMBER: _ClassVar[int]
    command: Command
    duration_s: float
    def __init__(self, command: _Optional[_Union[Command, str]] = ..., duration_s: _Optional[float] = ...) -> None: ...

class ReportMetricsRequest(_message.Message):
    __slots__ = ("experiment", "worker", "trial", "epoch", "request_id", "step", "metrics")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    experiment: str
    worker: str
    trial: int
    epoch: int
    request_id: str
    step: int
    metrics: _containers.RepeatedCompositeFieldContainer[_tuner_pb2.Metric]
    def __init__(self, experiment: _Optional[str] = ..., worker: _Optional[str] = ..., trial: _Optional[int] = ..., epoch: _Optional[int] = ..., request_id: _Optional[str] = ..., step: _Optional[int] = ..., metrics: _Optional[_Iterable[_Union[_tuner_pb2.Metric, _Mapping]]] = ...) -> None: ...

class ReportMetricsResponse(_message.Message):
    __slots__ = ("verdict",)
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    verdict: _tuner_pb2.Verdict
    def __init__(self, verdict: _Optional[_Union[_tuner_pb2.Verdict, str]] = ...) -> None: ...

class FinishTrialRequest(_message.Message):
    __slots__ = ("experiment", "worker", "trial", "epoch", "request_id", "outcome", "is_retryable", "checkpoint", "wants_next", "next_wait_s")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    IS_RETRYABLE_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    WANTS_NEXT_FIELD_NUMBER: _ClassVar[int]
    NEXT_WAIT_S_FIELD_NUMBER: _ClassVar[int]
    experiment: str
    worker: str
    trial: int
    epoch: int
    request_id: str
    outcome: _tuner_pb2.Outcome
    is_retryable: bool
    checkpoint: str
    wants_next: bool
    next_wait_s: float
    def __init__(self, experiment: _Optional[str] = ..., worker: _Optional[str] = ..., trial: _Optional[int] = ..., epoch: _Optional[int] = ..., request_id: _Optional[str] = ..., outcome: _Optional[_Union[_tuner_pb2.Outcome, _Mapping]] = ..., is_retryable: bool = ..., checkpoint: _Optional[str] = ..., wants_next: bool = ..., next_wait_s: _Optional[float] = ...) -> None: ...

class FinishTrialResponse(_message.Message):
    __slots__ = ("next",)
    NEXT_FIELD_NUMBER: _ClassVar[int]
    next: LeaseTrialResponse
    def __init__(self, next: _Optional[_Union[LeaseTrialResponse, _Mapping]] = ...) -> None: ...

class ReturnLeaseRequest(_message.Message):
    __slots__ = ("experiment", "worker", "trial", "epoch", "request_id")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    experiment: str
    worker: str
    trial: int
    epoch: int
    request_id: str
    def __init__(self, experiment: _Optional[str] = ..., worker: _Optional[str] = ..., trial: _Optional[int] = ..., epoch: _Optional[int] = ..., request_id: _Optional[str] = ...) -> None: ...

class ReturnLeaseResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WorkRequest(_message.Message):
    __slots__ = ("lease_trial", "renew_lease", "report_metrics", "finish_trial", "return_lease")
    LEASE_TRIAL_FIELD_NUMBER: _ClassVar[int]
    RENEW_LEASE_FIELD_NUMBER: _ClassVar[int]
    REPORT_METRICS_FIELD_NUMBER: _ClassVar[int]
    FINISH_TRIAL_FIELD_NUMBER: _ClassVar[int]
    RETURN_LEASE_FIELD_NUMBER: _ClassVar[int]
    lease_trial: LeaseTrialRequest
    renew_lease: RenewLeaseRequest
    report_metrics: ReportMetricsRequest
    finish_trial: FinishTrialRequest
    return_lease: ReturnLeaseRequest
    def __init__(self, lease_trial: _Optional[_Union[LeaseTrialRequest, _Mapping]] = ..., renew_lease: _Optional[_Union[RenewLeaseRequest, _Mapping]] = ..., report_metrics: _Optional[_Union[ReportMetricsRequest, _Mapping]] = ..., finish_trial: _Optional[_Union[FinishTrialRequest, _Mapping]] = ..., return_lease: _Optional[_Union[ReturnLeaseRequest, _Mapping]] = ...) -> None: ...

class WorkResponse(_message.Message):
    __slots__ = ("lease_trial", "renew_lease", "report_metrics", "finish_trial", "return_lease", "status")
    LEASE_TRIAL_FIELD_NUMBER: _ClassVar[int]
    RENEW_LEASE_FIELD_NUMBER: _ClassVar[int]
    REPORT_METRICS_FIELD_NUMBER: _ClassVar[int]
    FINISH_TRIAL_FIELD_NUMBER: _ClassVar[int]
    RETURN_LEASE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    lease_trial: LeaseTrialResponse
    renew_lease: RenewLeaseResponse
    report_metrics: ReportMetricsResponse
    finish_trial: FinishTrialResponse
    return_lease: ReturnLeaseResponse
    status: bytes
    def __init__(self, lease_trial: _Optional[_Union[LeaseTrialResponse, _Mapping]] = ..., renew_lease: _Optional[_Union[RenewLeaseResponse, _Mapping]] = ..., report_metrics: _Optional[_Union[ReportMetricsResponse, _Mapping]] = ..., finish_trial: _Optional[_Union[FinishTrialResponse, _Mapping]] = ..., return_lease: _Optional[_Union[ReturnLeaseResponse, _Mapping]] = ..., status: _Optional[bytes] = ...) -> None: ...

class ExchangeSamplesRequest(_message.Message):
    __slots__ = ("begin", "exchange", "take_snapshot", "derive")
    BEGIN_FIELD_NUMBER: _ClassVar[int]
    EXCHANGE_FIELD_NUMBER: _ClassVar[int]
    TAKE_SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    DERIVE_FIELD_NUMBER: _ClassVar[int]
    begin: BeginExchange
    exchange: Samples
    take_snapshot: TakeSnapshot
    derive: DeriveSamples
    def __init__(self, begin: _Optional[_Union[BeginExchange, _Mapping]] = ..., exchange: _Optional[_Union[Samples, _Mapping]] = ..., take_snapshot: _Optional[_Union[TakeSnapshot, _Mapping]] = ..., derive: _Optional[_Union[DeriveSamples, _Mapping]] = ...) -> None: ...

class BeginExchange(_message.Message):
    __slots__ = ("experiment", "worker", "trial", "epoch", "batches_per_epoch", "costs", "unmixable", "snapshot", "next_sample")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    BATCHES_PER_EPOCH_FIELD_NUMBER: _ClassVar[int]
    COSTS_FIELD_NUMBER: _ClassVar[int]
    UNMIXABLE_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    NEXT_SAMPLE_FIELD_NUMBER: _ClassVar[int]
    experiment: str
    worker: str
    trial: int
    epoch: int
    batches_per_epoch: int
    costs: _containers.RepeatedCompositeFieldContainer[_tuner_pb2.Cost]
    unmixable: _containers.RepeatedCompositeFieldContainer[_tuner_pb2.Unmixable]
    snapshot: _tuner_pb2.Snapshot
    next_sample: int
    def __init__(self, experiment: _Optional[str] = ..., worker: _Optional[str] = ..., trial: _Optional[int] = ..., epoch: _Optional[int] = ..., batches_per_epoch: _Optional[int] = ..., costs: _Optional[_Iterable[_Union[_tuner_pb2.Cost, _Mapping]]] = ..., unmixable: _Optional[_Iterable[_Union[_tuner_pb2.Unmixable, _Mapping]]] = ..., snapshot: _Optional[_Union[_tuner_pb2.Snapshot, _Mapping]] = ..., next_sample: _Optional[int] = ...) -> None: ...

class Samples(_message.Message):
    __slots__ = ("outcomes", "want")
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    WANT_FIELD_NUMBER: _ClassVar[int]
    outcomes: _containers.RepeatedCompositeFieldContainer[SampleOutcome]
    want: int
    def __init__(self, outcomes: _Optional[_Iterable[_Union[SampleOutcome, _Mapping]]] = ..., want: _Optional[int] = ...) -> None: ...

class SampleOutcome(_message.Message):
    __slots__ = ("number", "outcome")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    number: int
    outcome: _tuner_pb2.Outcome
    def __init__(self, number: _Optional[int] = ..., outcome: _Optional[_Union[_tuner_pb2.Outcome, _Mapping]] = ...) -> None: ...

class TakeSnapshot(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DeriveSamples(_message.Message):
    __slots__ = ("count",)
    COUNT_FIELD_NUMBER: _ClassVar[int]
    count: int
    def __init__(self, count: _Optional[int] = ...) -> None: ...

class ExchangeSamplesResponse(_message.Message):
    __slots__ = ("begun", "next", "snapshot", "derived", "status")
    BEGUN_FIELD_NUMBER: _ClassVar[int]
    NEXT_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    DERIVED_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    begun: ExchangeBegun
    next: NextSamples
    snapshot: _tuner_pb2.Snapshot
    derived: _tuner_pb2.DeriveResponse
    status: bytes
    def __init__(self, begun: _Optional[_Union[ExchangeBegun, _Mapping]] = ..., next: _Optional[_Union[NextSamples, _Mapping]] = ..., snapshot: _Optional[_Union[_tuner_pb2.Snapshot, _Mapping]] = ..., derived: _Optional[_Union[_tuner_pb2.DeriveResponse, _Mapping]] = ..., status: _Optional[bytes] = ...) -> None: ...

class ExchangeBegun(_message.Message):
    __slots__ = ("schedule", "seed", "frames_path", "frames_key")
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    FRAMES_PATH_FIELD_NUMBER: _ClassVar[int]
    FRAMES_KEY_FIELD_NUMBER: _ClassVar[int]
    schedule: _tuner_pb2.Schedule
    seed: int
    frames_path: str
    frames_key: bytes
    def __init__(self, schedule: _Optional[_Union[_tuner_pb2.Schedule, _Mapping]] = ..., seed: _Optional[int] = ..., frames_path: _Optional[str] = ..., frames_key: _Optional[bytes] = ...) -> None: ...

class NextSamples(_message.Message):
    __slots__ = ("samples", "status")
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    samples: _containers.RepeatedCompositeFieldContainer[_tuner_pb2.Proposal]
    status: _tuner_pb2.AskStatus
    def __init__(self, samples: _Optional[_Iterable[_Union[_tuner_pb2.Proposal, _Mapping]]] = ..., status: _Optional[_Union[_tuner_pb2.AskStatus, str]] = ...) -> None: ...

class ExchangeState(_message.Message):
    __slots__ = ("tuner", "pending", "next_sample")
    TUNER_FIELD_NUMBER: _ClassVar[int]
    PENDING_FIELD_NUMBER: _ClassVar[int]
    NEXT_SAMPLE_FIELD_NUMBER: _ClassVar[int]
    tuner: bytes
    pending: _containers.RepeatedCompositeFieldContainer[_tuner_pb2.Proposal]
    next_sample: int
    def __init__(self, tuner: _Optional[bytes] = ..., pending: _Optional[_Iterable[_Union[_tuner_pb2.Proposal, _Mapping]]] = ..., next_sample: _Optional[int] = ...) -> None: ...
