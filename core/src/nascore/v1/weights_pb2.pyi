from nascore.v1 import tensor_pb2 as _tensor_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class UpdateRule(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    UPDATE_RULE_UNSPECIFIED: _ClassVar[UpdateRule]
    UPDATE_RULE_SUM: _ClassVar[UpdateRule]
    UPDATE_RULE_EMA: _ClassVar[UpdateRule]
    UPDATE_RULE_ASSIGN: _ClassVar[UpdateRule]

class LatePolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LATE_POLICY_UNSPECIFIED: _ClassVar[LatePolicy]
    LATE_POLICY_DROP: _ClassVar[LatePolicy]
    LATE_POLICY_SCALE: _ClassVar[LatePolicy]
UPDATE_RULE_UNSPECIFIED: UpdateRule
UPDATE_RULE_SUM: UpdateRule
UPDATE_RULE_EMA: UpdateRule
UPDATE_RULE_ASSIGN: UpdateRule
LATE_POLICY_UNSPECIFIED: LatePolicy
LATE_POLICY_DROP: LatePolicy
LATE_POLICY_SCALE: LatePolicy

class StatBlobsRequest(_message.Message):
    __slots__ = ("blobs",)
    BLOBS_FIELD_NUMBER: _ClassVar[int]
    blobs: _containers.RepeatedCompositeFieldContainer[BlobWanted]
    def __init__(self, blobs: _Optional[_Iterable[_Union[BlobWanted, _Mapping]]] = ...) -> None: ...

class BlobWanted(_message.Message):
    __slots__ = ("digest", "size")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    digest: str
    size: int
    def __init__(self, digest: _Optional[str] = ..., size: _Optional[int] = ...) -> None: ...

class StatBlobsResponse(_message.Message):
    __slots__ = ("blobs",)
    BLOBS_FIELD_NUMBER: _ClassVar[int]
    blobs: _containers.RepeatedCompositeFieldContainer[BlobState]
    def __init__(self, blobs: _Optional[_Iterable[_Union[BlobState, _Mapping]]] = ...) -> None: ...

class BlobState(_message.Message):
    __slots__ = ("is_present", "offset")
    IS_PRESENT_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    is_present: bool
    offset: int
    def __init__(self, is_present: bool = ..., offset: _Optional[int] = ...) -> None: ...

class UploadRequest(_message.Message):
    __slots__ = ("digest", "size", "offset", "crc32c", "data", "offer", "small", "offered")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    CRC32C_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    OFFER_FIELD_NUMBER: _ClassVar[int]
    SMALL_FIELD_NUMBER: _ClassVar[int]
    OFFERED_FIELD_NUMBER: _ClassVar[int]
    digest: str
    size: int
    offset: int
    crc32c: int
    data: bytes
    offer: str
    small: _containers.RepeatedCompositeFieldContainer[SmallBlob]
    offered: _containers.RepeatedCompositeFieldContainer[BlobWanted]
    def __init__(self, digest: _Optional[str] = ..., size: _Optional[int] = ..., offset: _Optional[int] = ..., crc32c: _Optional[int] = ..., data: _Optional[bytes] = ..., offer: _Optional[str] = ..., small: _Optional[_Iterable[_Union[SmallBlob, _Mapping]]] = ..., offered: _Optional[_Iterable[_Union[BlobWanted, _Mapping]]] = ...) -> None: ...

class SmallBlob(_message.Message):
    __slots__ = ("digest", "content")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    digest: str
    content: bytes
    def __init__(self, digest: _Optional[str] = ..., content: _Optional[bytes] = ...) -> None: ...

class UploadResponse(_message.Message):
    __slots__ = ("blobs", "bytes")
    BLOBS_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    blobs: int
    bytes: int
    def __init__(self, blobs: _Optional[int] = ..., bytes: _Optional[int] = ...) -> None: ...

class CommitRequest(_message.Message):
    __slots__ = ("manifest_json", "manifest_blob", "manifest_size", "experiment", "name", "if_match", "create_only", "request_id")
    MANIFEST_JSON_FIELD_NUMBER: _ClassVar[int]
    MANIFEST_BLOB_FIELD_NUMBER: _ClassVar[int]
    MANIFEST_SIZE_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    IF_MATCH_FIELD_NUMBER: _ClassVar[int]
    CREATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    manifest_json: bytes
    manifest_blob: str
    manifest_size: int
    experiment: str
    name: str
    if_match: str
    create_only: bool
    request_id: str
    def __init__(self, manifest_json: _Optional[bytes] = ..., manifest_blob: _Optional[str] = ..., manifest_size: _Optional[int] = ..., experiment: _Optional[str] = ..., name: _Optional[str] = ..., if_match: _Optional[str] = ..., create_only: bool = ..., request_id: _Optional[str] = ...) -> None: ...

class CommitResponse(_message.Message):
    __slots__ = ("checkpoint", "etag")
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    checkpoint: str
    etag: str
    def __init__(self, checkpoint: _Optional[str] = ..., etag: _Optional[str] = ...) -> None: ...

class GetManifestRequest(_message.Message):
    __slots__ = ("checkpoint", "experiment", "name")
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    checkpoint: str
    experiment: str
    name: str
    def __init__(self, checkpoint: _Optional[str] = ..., experiment: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class GetManifestResponse(_message.Message):
    __slots__ = ("checkpoint", "size", "data")
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    checkpoint: str
    size: int
    data: bytes
    def __init__(self, checkpoint: _Optional[str] = ..., size: _Optional[int] = ..., data: _Optional[bytes] = ...) -> None: ...

class ListCheckpointsRequest(_message.Message):
    __slots__ = ("experiment", "trial", "page_size", "page_token")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    experiment: str
    trial: int
    page_size: int
    page_token: str
    def __init__(self, experiment: _Optional[str] = ..., trial: _Optional[int] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListCheckpointsResponse(_message.Message):
    __slots__ = ("checkpoints", "next_page_token")
    CHECKPOINTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    checkpoints: _containers.RepeatedCompositeFieldContainer[CheckpointSummary]
    next_page_token: str
    def __init__(self, checkpoints: _Optional[_Iterable[_Union[CheckpointSummary, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CheckpointSummary(_message.Message):
    __slots__ = ("checkpoint", "experiment", "trial", "size", "metrics", "is_pinned", "committed_at")
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    IS_PINNED_FIELD_NUMBER: _ClassVar[int]
    COMMITTED_AT_FIELD_NUMBER: _ClassVar[int]
    checkpoint: str
    experiment: str
    trial: int
    size: int
    metrics: _containers.RepeatedCompositeFieldContainer[CheckpointMetric]
    is_pinned: bool
    committed_at: int
    def __init__(self, checkpoint: _Optional[str] = ..., experiment: _Optional[str] = ..., trial: _Optional[int] = ..., size: _Optional[int] = ..., metrics: _Optional[_Iterable[_Union[CheckpointMetric, _Mapping]]] = ..., is_pinned: bool = ..., committed_at: _Optional[int] = ...) -> None: ...

class CheckpointMetric(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: float
    def __init__(self, name: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...

class GetLineageRequest(_message.Message):
    __slots__ = ("checkpoint", "depth")
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    checkpoint: str
    depth: int
    def __init__(self, checkpoint: _Optional[str] = ..., depth: _Optional[int] = ...) -> None: ...

class GetLineageResponse(_message.Message):
    __slots__ = ("ancestors", "descendants")
    ANCESTORS_FIELD_NUMBER: _ClassVar[int]
    DESCENDANTS_FIELD_NUMBER: _ClassVar[int]
    ancestors: _containers.RepeatedCompositeFieldContainer[Relative]
    descendants: _containers.RepeatedCompositeFieldContainer[Relative]
    def __init__(self, ancestors: _Optional[_Iterable[_Union[Relative, _Mapping]]] = ..., descendants: _Optional[_Iterable[_Union[Relative, _Mapping]]] = ...) -> None: ...

class Relative(_message.Message):
    __slots__ = ("checkpoint", "distance", "is_released", "trial", "metrics")
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    DISTANCE_FIELD_NUMBER: _ClassVar[int]
    IS_RELEASED_FIELD_NUMBER: _ClassVar[int]
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    checkpoint: str
    distance: int
    is_released: bool
    trial: int
    metrics: _containers.RepeatedCompositeFieldContainer[CheckpointMetric]
    def __init__(self, checkpoint: _Optional[str] = ..., distance: _Optional[int] = ..., is_released: bool = ..., trial: _Optional[int] = ..., metrics: _Optional[_Iterable[_Union[CheckpointMetric, _Mapping]]] = ...) -> None: ...

class DownloadRequest(_message.Message):
    __slots__ = ("checkpoint", "keys", "prefix", "known_digests", "resume_digest", "resume_offset", "takes_small")
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    KNOWN_DIGESTS_FIELD_NUMBER: _ClassVar[int]
    RESUME_DIGEST_FIELD_NUMBER: _ClassVar[int]
    RESUME_OFFSET_FIELD_NUMBER: _ClassVar[int]
    TAKES_SMALL_FIELD_NUMBER: _ClassVar[int]
    checkpoint: str
    keys: _containers.RepeatedScalarFieldContainer[str]
    prefix: str
    known_digests: _containers.RepeatedScalarFieldContainer[str]
    resume_digest: str
    resume_offset: int
    takes_small: bool
    def __init__(self, checkpoint: _Optional[str] = ..., keys: _Optional[_Iterable[str]] = ..., prefix: _Optional[str] = ..., known_digests: _Optional[_Iterable[str]] = ..., resume_digest: _Optional[str] = ..., resume_offset: _Optional[int] = ..., takes_small: bool = ...) -> None: ...

class DownloadResponse(_message.Message):
    __slots__ = ("digest", "size", "offset", "crc32c", "data", "small")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    CRC32C_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    SMALL_FIELD_NUMBER: _ClassVar[int]
    digest: str
    size: int
    offset: int
    crc32c: int
    data: bytes
    small: _containers.RepeatedCompositeFieldContainer[SmallBlob]
    def __init__(self, digest: _Optional[str] = ..., size: _Optional[int] = ..., offset: _Optional[int] = ..., crc32c: _Optional[int] = ..., data: _Optional[bytes] = ..., small: _Optional[_Iterable[_Union[SmallBlob, _Mapping]]] = ...) -> None: ...

class UploadDirectRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class UploadDirectResponse(_message.Message):
    __slots__ = ("port", "ticket", "proof", "blobs", "bytes")
    PORT_FIELD_NUMBER: _ClassVar[int]
    TICKET_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    BLOBS_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    port: int
    ticket: bytes
    proof: bytes
    blobs: int
    bytes: int
    def __init__(self, port: _Optional[int] = ..., ticket: _Optional[bytes] = ..., proof: _Optional[bytes] = ..., blobs: _Optional[int] = ..., bytes: _Optional[int] = ...) -> None: ...

class DownloadDirectRequest(_message.Message):
    __slots__ = ("download",)
    DOWNLOAD_FIELD_NUMBER: _ClassVar[int]
    download: DownloadRequest
    def __init__(self, download: _Optional[_Union[DownloadRequest, _Mapping]] = ...) -> None: ...

class DownloadDirectResponse(_message.Message):
    __slots__ = ("port", "ticket", "proof", "bytes")
    PORT_FIELD_NUMBER: _ClassVar[int]
    TICKET_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    port: int
    ticket: bytes
    proof: bytes
    bytes: int
    def __init__(self, port: _Optional[int] = ..., ticket: _Optional[bytes] = ..., proof: _Optional[bytes] = ..., bytes: _Optional[int] = ...) -> None: ...

class InheritRequest(_message.Message):
    __slots__ = ("experiment", "parents", "tensors", "rules_json", "trial", "request_id")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    PARENTS_FIELD_NUMBER: _ClassVar[int]
    TENSORS_FIELD_NUMBER: _ClassVar[int]
    RULES_JSON_FIELD_NUMBER: _ClassVar[int]
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    experiment: str
    parents: _containers.RepeatedScalarFieldContainer[str]
    tensors: _containers.RepeatedCompositeFieldContainer[TensorSpec]
    rules_json: str
    trial: int
    request_id: str
    def __init__(self, experiment: _Optional[str] = ..., parents: _Optional[_Iterable[str]] = ..., tensors: _Optional[_Iterable[_Union[TensorSpec, _Mapping]]] = ..., rules_json: _Optional[str] = ..., trial: _Optional[int] = ..., request_id: _Optional[str] = ...) -> None: ...

class TensorSpec(_message.Message):
    __slots__ = ("key", "data_type", "shape")
    KEY_FIELD_NUMBER: _ClassVar[int]
    DATA_TYPE_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    key: str
    data_type: _tensor_pb2.DataType
    shape: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, key: _Optional[str] = ..., data_type: _Optional[_Union[_tensor_pb2.DataType, str]] = ..., shape: _Optional[_Iterable[int]] = ...) -> None: ...

class InheritResponse(_message.Message):
    __slots__ = ("checkpoint", "tensors")
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    TENSORS_FIELD_NUMBER: _ClassVar[int]
    checkpoint: str
    tensors: _containers.RepeatedCompositeFieldContainer[Inherited]
    def __init__(self, checkpoint: _Optional[str] = ..., tensors: _Optional[_Iterable[_Union[Inherited, _Mapping]]] = ...) -> None: ...

class Inherited(_message.Message):
    __slots__ = ("key", "parent", "reason")
    KEY_FIELD_NUMBER: _ClassVar[int]
    PARENT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    key: str
    parent: str
    reason: str
    def __init__(self, key: _Optional[str] = ..., parent: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ListNamesRequest(_message.Message):
    __slots__ = ("experiment", "name")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    experiment: str
    name: str
    def __init__(self, experiment: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class ListNamesResponse(_message.Message):
    __slots__ = ("names",)
    NAMES_FIELD_NUMBER: _ClassVar[int]
    names: _containers.RepeatedCompositeFieldContainer[NamedCheckpoint]
    def __init__(self, names: _Optional[_Iterable[_Union[NamedCheckpoint, _Mapping]]] = ...) -> None: ...

class NamedCheckpoint(_message.Message):
    __slots__ = ("name", "checkpoint", "etag")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    name: str
    checkpoint: str
    etag: str
    def __init__(self, name: _Optional[str] = ..., checkpoint: _Optional[str] = ..., etag: _Optional[str] = ...) -> None: ...

class RemoveNameRequest(_message.Message):
    __slots__ = ("experiment", "name", "if_match")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    IF_MATCH_FIELD_NUMBER: _ClassVar[int]
    experiment: str
    name: str
    if_match: str
    def __init__(self, experiment: _Optional[str] = ..., name: _Optional[str] = ..., if_match: _Optional[str] = ...) -> None: ...

class RemoveNameResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class PinRequest(_message.Message):
    __slots__ = ("checkpoint", "is_pinned")
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    IS_PINNED_FIELD_NUMBER: _ClassVar[int]
    checkpoint: str
    is_pinned: bool
    def __init__(self, checkpoint: _Optional[str] = ..., is_pinned: bool = ...) -> None: ...

class PinResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ReleaseRequest(_message.Message):
    __slots__ = ("experiment", "checkpoint", "keep_best")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    KEEP_BEST_FIELD_NUMBER: _ClassVar[int]
    experiment: str
    checkpoint: str
    keep_best: KeepBest
    def __init__(self, experiment: _Optional[str] = ..., checkpoint: _Optional[str] = ..., keep_best: _Optional[_Union[KeepBest, _Mapping]] = ...) -> None: ...

class KeepBest(_message.Message):
    __slots__ = ("metric", "is_minimized", "n")
    METRIC_FIELD_NUMBER: _ClassVar[int]
    IS_MINIMIZED_FIELD_NUMBER: _ClassVar[int]
    N_FIELD_NUMBER: _ClassVar[int]
    metric: str
    is_minimized: bool
    n: int
    def __init__(self, metric: _Optional[str] = ..., is_minimized: bool = ..., n: _Optional[int] = ...) -> None: ...

class ReleaseResponse(_message.Message):
    __slots__ = ("released",)
    RELEASED_FIELD_NUMBER: _ClassVar[int]
    released: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, released: _Optional[_Iterable[str]] = ...) -> None: ...

class RetainRequest(_message.Message):
    __slots__ = ("experiment", "best")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    BEST_FIELD_NUMBER: _ClassVar[int]
    experiment: str
    best: int
    def __init__(self, experiment: _Optional[str] = ..., best: _Optional[int] = ...) -> None: ...

class RetainResponse(_message.Message):
    __slots__ = ("released",)
    RELEASED_FIELD_NUMBER: _ClassVar[int]
    released: int
    def __init__(self, released: _Optional[int] = ...) -> None: ...

class SetQuotaRequest(_message.Message):
    __slots__ = ("experiment", "quota")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    QUOTA_FIELD_NUMBER: _ClassVar[int]
    experiment: str
    quota: int
    def __init__(self, experiment: _Optional[str] = ..., quota: _Optional[int] = ...) -> None: ...

class SetQuotaResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetUsageRequest(_message.Message):
    __slots__ = ("experiment",)
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    experiment: str
    def __init__(self, experiment: _Optional[str] = ...) -> None: ...

class GetUsageResponse(_message.Message):
    __slots__ = ("used", "quota")
    USED_FIELD_NUMBER: _ClassVar[int]
    QUOTA_FIELD_NUMBER: _ClassVar[int]
    used: int
    quota: int
    def __init__(self, used: _Optional[int] = ..., quota: _Optional[int] = ...) -> None: ...

class CollectRequest(_message.Message):
    __slots__ = ("stale_after_s",)
    STALE_AFTER_S_FIELD_NUMBER: _ClassVar[int]
    stale_after_s: float
    def __init__(self, stale_after_s: _Optional[float] = ...) -> None: ...

class CollectResponse(_message.Message):
    __slots__ = ("files", "stagings", "bytes")
    FILES_FIELD_NUMBER: _ClassVar[int]
    STAGINGS_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    files: int
    stagings: int
    bytes: int
    def __init__(self, files: _Optional[int] = ..., stagings: _Optional[int] = ..., bytes: _Optional[int] = ...) -> None: ...

class VerifyRequest(_message.Message):
    __slots__ = ("checkpoint",)
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    checkpoint: str
    def __init__(self, checkpoint: _Optional[str] = ...) -> None: ...

class VerifyResponse(_message.Message):
    __slots__ = ("place", "what", "checkpoints", "lost")
    PLACE_FIELD_NUMBER: _ClassVar[int]
    WHAT_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINTS_FIELD_NUMBER: _ClassVar[int]
    LOST_FIELD_NUMBER: _ClassVar[int]
    place: str
    what: str
    checkpoints: _containers.RepeatedScalarFieldContainer[str]
    lost: int
    def __init__(self, place: _Optional[str] = ..., what: _Optional[str] = ..., checkpoints: _Optional[_Iterable[str]] = ..., lost: _Optional[int] = ...) -> None: ...

class GetPlaceRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetPlaceResponse(_message.Message):
    __slots__ = ("folder", "nonce_file", "nonce")
    FOLDER_FIELD_NUMBER: _ClassVar[int]
    NONCE_FILE_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    folder: str
    nonce_file: str
    nonce: bytes
    def __init__(self, folder: _Optional[str] = ..., nonce_file: _Optional[str] = ..., nonce: _Optional[bytes] = ...) -> None: ...

class OpenTableRequest(_message.Message):
    __slots__ = ("experiment", "table", "tensors", "checkpoint", "rule", "rate", "max_lag", "late")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    TABLE_FIELD_NUMBER: _ClassVar[int]
    TENSORS_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    RATE_FIELD_NUMBER: _ClassVar[int]
    MAX_LAG_FIELD_NUMBER: _ClassVar[int]
    LATE_FIELD_NUMBER: _ClassVar[int]
    experiment: str
    table: str
    tensors: _containers.RepeatedCompositeFieldContainer[TensorSpec]
    checkpoint: str
    rule: UpdateRule
    rate: float
    max_lag: int
    late: LatePolicy
    def __init__(self, experiment: _Optional[str] = ..., table: _Optional[str] = ..., tensors: _Optional[_Iterable[_Union[TensorSpec, _Mapping]]] = ..., checkpoint: _Optional[str] = ..., rule: _Optional[_Union[UpdateRule, str]] = ..., rate: _Optional[float] = ..., max_lag: _Optional[int] = ..., late: _Optional[_Union[LatePolicy, str]] = ...) -> None: ...

class OpenTableResponse(_message.Message):
    __slots__ = ("version", "is_new", "is_blank")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    IS_NEW_FIELD_NUMBER: _ClassVar[int]
    IS_BLANK_FIELD_NUMBER: _ClassVar[int]
    version: int
    is_new: bool
    is_blank: bool
    def __init__(self, version: _Optional[int] = ..., is_new: bool = ..., is_blank: bool = ...) -> None: ...

class PushRequest(_message.Message):
    __slots__ = ("experiment", "table", "worker", "request_id", "base_version", "size", "tensor", "offset", "crc32c", "data", "rule")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    TABLE_FIELD_NUMBER: _ClassVar[int]
    WORKER_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    BASE_VERSION_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    TENSOR_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    CRC32C_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    experiment: str
    table: str
    worker: str
    request_id: str
    base_version: int
    size: int
    tensor: int
    offset: int
    crc32c: int
    data: bytes
    rule: UpdateRule
    def __init__(self, experiment: _Optional[str] = ..., table: _Optional[str] = ..., worker: _Optional[str] = ..., request_id: _Optional[str] = ..., base_version: _Optional[int] = ..., size: _Optional[int] = ..., tensor: _Optional[int] = ..., offset: _Optional[int] = ..., crc32c: _Optional[int] = ..., data: _Optional[bytes] = ..., rule: _Optional[_Union[UpdateRule, str]] = ...) -> None: ...

class PushResponse(_message.Message):
    __slots__ = ("version", "lag", "scale")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    LAG_FIELD_NUMBER: _ClassVar[int]
    SCALE_FIELD_NUMBER: _ClassVar[int]
    version: int
    lag: int
    scale: float
    def __init__(self, version: _Optional[int] = ..., lag: _Optional[int] = ..., scale: _Optional[float] = ...) -> None: ...

class PullRequest(_message.Message):
    __slots__ = ("experiment", "table", "since", "tensors", "as_bf16")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    TABLE_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    TENSORS_FIELD_NUMBER: _ClassVar[int]
    AS_BF16_FIELD_NUMBER: _ClassVar[int]
    experiment: str
    table: str
    since: int
    tensors: _containers.RepeatedScalarFieldContainer[int]
    as_bf16: bool
    def __init__(self, experiment: _Optional[str] = ..., table: _Optional[str] = ..., since: _Optional[int] = ..., tensors: _Optional[_Iterable[int]] = ..., as_bf16: bool = ...) -> None: ...

class PullResponse(_message.Message):
    __slots__ = ("version", "tensors", "tensor", "offset", "crc32c", "data")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    TENSORS_FIELD_NUMBER: _ClassVar[int]
    TENSOR_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    CRC32C_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    version: int
    tensors: _containers.RepeatedCompositeFieldContainer[TensorSpec]
    tensor: int
    offset: int
    crc32c: int
    data: bytes
    def __init__(self, version: _Optional[int] = ..., tensors: _Optional[_Iterable[_Union[TensorSpec, _Mapping]]] = ..., tensor: _Optional[int] = ..., offset: _Optional[int] = ..., crc32c: _Optional[int] = ..., data: _Optional[bytes] = ...) -> None: ...

class SnapshotTableRequest(_message.Message):
    __slots__ = ("experiment", "table", "trial", "notes_json", "name", "request_id")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    TABLE_FIELD_NUMBER: _ClassVar[int]
    TRIAL_FIELD_NUMBER: _ClassVar[int]
    NOTES_JSON_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    experiment: str
    table: str
    trial: int
    notes_json: str
    name: str
    request_id: str
    def __init__(self, experiment: _Optional[str] = ..., table: _Optional[str] = ..., trial: _Optional[int] = ..., notes_json: _Optional[str] = ..., name: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class SnapshotTableResponse(_message.Message):
    __slots__ = ("checkpoint", "version")
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    checkpoint: str
    version: int
    def __init__(self, checkpoint: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class DropTableRequest(_message.Message):
    __slots__ = ("experiment", "table")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    TABLE_FIELD_NUMBER: _ClassVar[int]
    experiment: str
    table: str
    def __init__(self, experiment: _Optional[str] = ..., table: _Optional[str] = ...) -> None: ...

class DropTableResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
