from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from typing import ClassVar as _ClassVar

DESCRIPTOR: _descriptor.FileDescriptor

class ErrorReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ERROR_REASON_UNSPECIFIED: _ClassVar[ErrorReason]
    ERROR_REASON_INVALID_INPUT: _ClassVar[ErrorReason]
    ERROR_REASON_INVALID_SPACE: _ClassVar[ErrorReason]
    ERROR_REASON_INVALID_ARCHITECTURE: _ClassVar[ErrorReason]
    ERROR_REASON_UNSATISFIED_CONSTRAINT: _ClassVar[ErrorReason]
    ERROR_REASON_INVALID_SETTINGS: _ClassVar[ErrorReason]
    ERROR_REASON_INVALID_METRIC: _ClassVar[ErrorReason]
    ERROR_REASON_WRONG_STATE: _ClassVar[ErrorReason]
    ERROR_REASON_LEASE_SUPERSEDED: _ClassVar[ErrorReason]
    ERROR_REASON_CONFLICT: _ClassVar[ErrorReason]
    ERROR_REASON_DATABASE_HELD: _ClassVar[ErrorReason]
    ERROR_REASON_NOT_FOUND: _ClassVar[ErrorReason]
    ERROR_REASON_UNAVAILABLE: _ClassVar[ErrorReason]
    ERROR_REASON_DEADLINE_EXCEEDED: _ClassVar[ErrorReason]
    ERROR_REASON_RESOURCE_EXHAUSTED: _ClassVar[ErrorReason]
    ERROR_REASON_UNSUPPORTED: _ClassVar[ErrorReason]
    ERROR_REASON_PERMISSION_DENIED: _ClassVar[ErrorReason]
    ERROR_REASON_DATA_LOSS: _ClassVar[ErrorReason]
    ERROR_REASON_PLUGIN_FAILED: _ClassVar[ErrorReason]
    ERROR_REASON_STRATEGY_CRASHED: _ClassVar[ErrorReason]
    ERROR_REASON_INTERNAL: _ClassVar[ErrorReason]
    ERROR_REASON_UNAUTHENTICATED: _ClassVar[ErrorReason]
ERROR_REASON_UNSPECIFIED: ErrorReason
ERROR_REASON_INVALID_INPUT: ErrorReason
ERROR_REASON_INVALID_SPACE: ErrorReason
ERROR_REASON_INVALID_ARCHITECTURE: ErrorReason
ERROR_REASON_UNSATISFIED_CONSTRAINT: ErrorReason
ERROR_REASON_INVALID_SETTINGS: ErrorReason
ERROR_REASON_INVALID_METRIC: ErrorReason
ERROR_REASON_WRONG_STATE: ErrorReason
ERROR_REASON_LEASE_SUPERSEDED: ErrorReason
ERROR_REASON_CONFLICT: ErrorReason
ERROR_REASON_DATABASE_HELD: ErrorReason
ERROR_REASON_NOT_FOUND: ErrorReason
ERROR_REASON_UNAVAILABLE: ErrorReason
ERROR_REASON_DEADLINE_EXCEEDED: ErrorReason
ERROR_REASON_RESOURCE_EXHAUSTED: ErrorReason
ERROR_REASON_UNSUPPORTED: ErrorReason
ERROR_REASON_PERMISSION_DENIED: ErrorReason
ERROR_REASON_DATA_LOSS: ErrorReason
ERROR_REASON_PLUGIN_FAILED: ErrorReason
ERROR_REASON_STRATEGY_CRASHED: ErrorReason
ERROR_REASON_INTERNAL: ErrorReason
ERROR_REASON_UNAUTHENTICATED: ErrorReason
