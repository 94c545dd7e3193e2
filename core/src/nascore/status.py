"""Errors on the wire: `NascoreError` to ``google.rpc.Status`` and back, one mapping for all gRPC servers and clients.

Every status carries ``ErrorInfo`` (domain ``nascore``, the closed list of reasons in ``protos/nascore/v1/error.proto``,
the hint in its metadata), ``BadRequest`` with one violation per finding, and ``RetryInfo`` where retrying helps. The
code is never UNKNOWN: an exception that is not ours becomes INTERNAL.

Not here: when to retry (the clients), and what to log (the servers). Source: https://google.aip.dev/193.
"""

from __future__ import annotations

__all__ = ["DOMAIN", "CallStatus", "from_rpc_error", "from_status", "to_call_status", "to_status"]

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from nascore import errors
from nascore.errors import NascoreError, Violation

DOMAIN = "nascore"
"""Domain of every ``ErrorInfo`` that nascore sends."""

_DETAILS_KEY = "grpc-status-details-bin"
# gRPC drops trailers above 8 KiB by default, and the message travels twice, once percent-encoded.
_MESSAGE_BYTES = 1024
_HINT_BYTES = 1024
_VIOLATIONS_BYTES = 2048
_FACT_BYTES = 1024
_HINT = "hint"

_CODES: dict[type[NascoreError], grpc.StatusCode] = {
    errors.InvalidInputError: grpc.StatusCode.INVALID_ARGUMENT,
    errors.SpaceError: grpc.StatusCode.INVALID_ARGUMENT,
    errors.ArchitectureError: grpc.StatusCode.INVALID_ARGUMENT,
    errors.ConstraintError: grpc.StatusCode.INVALID_ARGUMENT,
    errors.SettingsError: grpc.StatusCode.INVALID_ARGUMENT,
    errors.MetricError: grpc.StatusCode.INVALID_ARGUMENT,
    errors.StateError: grpc.StatusCode.FAILED_PRECONDITION,
    errors.LeaseSupersededError: grpc.StatusCode.FAILED_PRECONDITION,
    errors.ConflictError: grpc.StatusCode.ALREADY_EXISTS,
    errors.HeldError: grpc.StatusCode.FAILED_PRECONDITION,
    errors.NotFoundError: grpc.StatusCode.NOT_FOUND,
    errors.UnavailableError: grpc.StatusCode.UNAVAILABLE,
    errors.DeadlineError: grpc.StatusCode.DEADLINE_EXCEEDED,
    errors.ExhaustedResourceError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.UnsupportedError: grpc.StatusCode.UNIMPLEMENTED,
    errors.PermissionDeniedError: grpc.StatusCode.PERMISSION_DENIED,
    errors.UnauthenticatedError: grpc.StatusCode.UNAUTHENTICATED,
    errors.DataLossError: grpc.StatusCode.DATA_LOSS,
    errors.PluginError: grpc.StatusCode.INTERNAL,
    errors.TunerCrashedError: grpc.StatusCode.INTERNAL,
    errors.InternalError: grpc.StatusCode.INTERNAL,
}
_BY_REASON: dict[str, type[NascoreError]] = {kind.reason: kind for kind in _CODES}
_BY_NUMBER: dict[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}
_BY_CODE: dict[grpc.StatusCode, type[NascoreError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: errors.InvalidInputError,
    grpc.StatusCode.OUT_OF_RANGE: errors.InvalidInputError,
    grpc.StatusCode.FAILED_PRECONDITION: errors.StateError,
    grpc.StatusCode.ABORTED: errors.UnavailableError,
    grpc.StatusCode.ALREADY_EXISTS: errors.ConflictError,
    grpc.StatusCode.NOT_FOUND: errors.NotFoundError,
    grpc.StatusCode.UNAVAILABLE: errors.UnavailableError,
    grpc.StatusCode.CANCELLED: errors.UnavailableError,
    grpc.StatusCode.DEADLINE_EXCEEDED: errors.DeadlineError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: errors.ExhaustedResourceError,
    grpc.StatusCode.UNIMPLEMENTED: errors.UnsupportedError,
    grpc.StatusCode.UNAUTHENTICATED: errors.UnauthenticatedError,
    grpc.StatusCode.PERMISSION_DENIED: errors.PermissionDeniedError,
    grpc.StatusCode.DATA_LOSS: errors.DataLossError,
}
"""What a status without our ``ErrorInfo`` means: from a proxy, from gRPC itself, or from a peer in another language."""


def to_status(
    error: BaseException, *, retry_after_s: float = 1.0, metadata: Mapping[str, str] | None = None
) -> status_pb2.Status:
    """Return the status that says what ``error`` says; long texts are cut so that it fits gRPC's trailers.

    Args:
        error: Any exception; what is not a `NascoreError` becomes INTERNAL with its type and text.
        retry_after_s: Seconds to wait, sent where retrying helps.
        metadata: More facts for ``ErrorInfo``, for example name and version of a tuner.
    """
    known = error if isinstance(error, NascoreError) else _defect(error)
    code = _CODES[_known(known)]
    status = status_pb2.Status(code=code.value[0], message=_cut(known.message, _MESSAGE_BYTES))
    info = error_details_pb2.ErrorInfo(reason=_reason(known), domain=DOMAIN, metadata=_facts(known, metadata or {}))
    if known.hint:
        info.metadata[_HINT] = _cut(known.hint, _HINT_BYTES)
    status.details.add().Pack(info)
    if known.violations:
        status.details.add().Pack(_bad_request(known.violations))
    if known.is_retryable:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromTimedelta(timedelta(seconds=retry_after_s))
        status.details.add().Pack(retry)
    return status


@dataclass(frozen=True, slots=True)
class CallStatus:
    """How a call ends: ``context.abort_with_status(status)``.

    In ``grpc.aio``: ``await context.abort(status.code, status.details, status.trailing_metadata)``.

    Attributes:
        code: The code.
        details: The message.
        trailing_metadata: The whole status, serialized.
    """

    code: grpc.StatusCode
    details: str
    trailing_metadata: tuple[tuple[str, bytes], ...]


def to_call_status(
    error: BaseException, *, retry_after_s: float = 1.0, metadata: Mapping[str, str] | None = None
) -> CallStatus:
    """Return the status of `to_status` as gRPC's servers take it."""
    status = to_status(error, retry_after_s=retry_after_s, metadata=metadata)
    return CallStatus(_BY_NUMBER[status.code], status.message, ((_DETAILS_KEY, status.SerializeToString()),))


def from_rpc_error(error: grpc.RpcError) -> NascoreError:
    """Return the error that a failed call stands for, from ``grpc`` or ``grpc.aio``; it is returned, not raised."""
    if not isinstance(error, (grpc.Call, grpc.aio.AioRpcError)):
        return errors.UnavailableError(f"The call failed before it was sent: {error}")
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS_KEY and isinstance(value, bytes):
            try:
                return from_status(status_pb2.Status.FromString(value))
            except DecodeError:
                break
    return _plain(error.code(), error.details() or "")


def from_status(status: status_pb2.Status) -> NascoreError:
    """Return the error that a status stands for; a foreign one, or an unknown reason, goes by its code."""
    info = error_details_pb2.ErrorInfo()
    violations: tuple[Violation, ...] = ()
    for detail in status.details:
        bad_request = error_details_pb2.BadRequest()
        if not detail.Unpack(info) and detail.Unpack(bad_request):
            violations = tuple(Violation(entry.field, entry.description) for entry in bad_request.field_violations)
    kind = _BY_REASON.get(info.reason) if info.domain == DOMAIN else None
    if kind is None:
        return _plain(_BY_NUMBER.get(status.code, grpc.StatusCode.UNKNOWN), status.message)
    error = kind(status.message, hint=info.metadata.get(_HINT, ""), violations=violations)
    error.facts = {name: fact for name, fact in info.metadata.items() if name != _HINT}
    return error


def _facts(error: NascoreError, metadata: Mapping[str, str]) -> dict[str, str]:
    return {name: _cut(fact, _FACT_BYTES) for name, fact in (*error.facts.items(), *metadata.items())}


def _plain(code: grpc.StatusCode, text: str) -> NascoreError:
    kind = _BY_CODE.get(code, errors.InternalError)
    return kind(text or f"The call failed with {code.name} and no message.")


def _defect(error: BaseException) -> errors.InternalError:
    return errors.InternalError(
        f"Unexpected {type(error).__name__}: {error}", hint="This is a defect; the log of the server has the traceback."
    )


def _reason(error: NascoreError) -> str:
    return _known(error).reason


def _known(error: NascoreError) -> type[NascoreError]:
    # A plugin may subclass; only reasons of the closed list travel.
    return next((kind for kind in type(error).__mro__ if kind in _CODES), errors.InternalError)


def _bad_request(violations: tuple[Violation, ...]) -> error_details_pb2.BadRequest:
    request = error_details_pb2.BadRequest()
    for sent, violation in enumerate(violations):
        entry = request.field_violations.add(
            field=_cut(violation.field, 256), description=_cut(violation.message, _MESSAGE_BYTES)
        )
        if request.ByteSize() > _VIOLATIONS_BYTES:
            entry.field = ""
            entry.description = f"... and {len(violations) - sent} more."
            break
    return request


def _cut(text: str, limit: int) -> str:
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= limit:
        return encoded.decode()
    return encoded[: limit - 3].decode("utf-8", "ignore") + "..."
