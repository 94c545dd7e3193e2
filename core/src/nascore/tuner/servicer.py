"""`TunerService` around conductors: messages in, one call, messages out, errors as status.

Runs in the event loop of the host and calls the tuner from the loop's own thread, so that the tuner sees one thread
only and calls one by one. A call that computes long holds up all others; the core's deadlines see to that.

Not here: the process, its socket and its signals (``host``).
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeVar

import grpc
from google.protobuf.message import Message

from nascore.errors import (
    InternalError,
    NascoreError,
    NotFoundError,
    TunerCrashedError,
    UnauthenticatedError,
    UnsupportedError,
)
from nascore.record.wire import (
    VERDICT,
    derived_to_message,
    event_from_message,
    json_object_from_text,
    report_from_message,
    told_from_message,
)
from nascore.status import to_call_status, to_status
from nascore.tuner.conductor import Conductor
from nascore.tuner.contract import Settings, Tuner
from nascore.tuner.local import describe
from nascore.tuner.wire import answer_to_message, description_to_message, setup_from_message
from nascore.v1 import tuner_pb2

RequestT = TypeVar("RequestT", bound=Message)
InputT = TypeVar("InputT")
Context: TypeAlias = "grpc.aio.ServicerContext[Message, Message]"

SERVICE = "nascore.v1.TunerService"
SOCKET_VARIABLE = "NASCORE_TUNER_SOCKET"
TOKEN_VARIABLE = "NASCORE_TUNER_TOKEN"  # noqa: S105  # the name of a variable, not a token

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Hosted:
    """The tuner that a host serves, or why it cannot be loaded.

    Attributes:
        tuner_type: The tuner; ``None`` if it cannot be loaded.
        version: Version of the package that holds it.
        error: Why it cannot be loaded.
    """

    tuner_type: type[Tuner[Settings]] | None
    version: str = ""
    error: NascoreError | None = None

    @property
    def facts(self) -> dict[str, str]:
        """Name and version of the tuner, sent along with every error."""
        return {"tuner": self.tuner_type.name, "version": self.version} if self.tuner_type else {}

    def loaded(self) -> type[Tuner[Settings]]:
        """Return the tuner, or raise why it cannot be loaded."""
        if self.tuner_type is None:
            raise self.error or InternalError("The host has no tuner.")
        return self.tuner_type


def tuner_handler(hosted: Hosted) -> grpc.GenericRpcHandler:
    """Return ``TunerService`` for a tuner, one conductor a session."""
    service = _TunerService(hosted)
    facts = hosted.facts

    def served(method: Callable[[RequestT], Message], request_type: type[RequestT]) -> grpc.RpcMethodHandler:
        return _handler(method, request_type.FromString, metadata=facts)

    handlers = {
        "Describe": served(service.describe, tuner_pb2.DescribeRequest),
        "Open": served(service.open, tuner_pb2.OpenRequest),
        "Ask": served(service.ask, tuner_pb2.AskRequest),
        "StreamAsks": _stream_handler(service.ask, metadata=facts),
        "Tell": served(service.tell, tuner_pb2.TellRequest),
        "Replay": served(service.replay, tuner_pb2.ReplayRequest),
        "Review": served(service.review, tuner_pb2.ReviewRequest),
        "Derive": served(service.derive, tuner_pb2.DeriveRequest),
        "Snapshot": served(service.snapshot, tuner_pb2.SnapshotRequest),
        "Close": served(service.close, tuner_pb2.CloseRequest),
    }
    generic: grpc.GenericRpcHandler = grpc.method_handlers_generic_handler(  # type: ignore[no-untyped-call]  # untyped
        SERVICE, handlers
    )
    return generic


class _TunerService:
    """The calls, as functions from message to message."""

    def __init__(self, hosted: Hosted) -> None:
        self._hosted = hosted
        self._sessions: dict[str, Conductor] = {}

    def describe(self, request: tuner_pb2.DescribeRequest) -> tuner_pb2.DescribeResponse:
        description = describe(self._hosted.loaded(), version=self._hosted.version)
        return description_to_message(replace(description, can_stream=True))

    def open(self, request: tuner_pb2.OpenRequest) -> tuner_pb2.OpenResponse:
        has_state = request.HasField("snapshot")
        try:
            self._sessions[request.session] = Conductor(
                self._hosted.loaded(),
                setup_from_message(request),
                settings=json_object_from_text(request.settings_json, "settings_json"),
                version=self._hosted.version,
                state=request.snapshot.state if has_state else None,
                state_seq=request.snapshot.seq,
            )
        except UnsupportedError as error:
            return tuner_pb2.OpenResponse(cannot_tune=str(error))
        return tuner_pb2.OpenResponse()

    def ask(self, request: tuner_pb2.AskRequest) -> tuner_pb2.AskResponse:
        outcomes = [told_from_message(told) for told in request.outcomes]
        answer = self._session(request.session).ask(
            request.first_number, request.seeds, outcomes=outcomes, told_through=request.told_through
        )
        return answer_to_message(answer)

    def tell(self, request: tuner_pb2.TellRequest) -> tuner_pb2.TellResponse:
        conductor = self._session(request.session)
        conductor.tell([told_from_message(told) for told in request.outcomes], after_seq=request.after_seq)
        return tuner_pb2.TellResponse(told_through=conductor.told_through)

    def replay(self, request: tuner_pb2.ReplayRequest) -> tuner_pb2.ReplayResponse:
        conductor = self._session(request.session)
        diverged = conductor.replay([event_from_message(event) for event in request.events])
        return tuner_pb2.ReplayResponse(told_through=conductor.told_through, diverged=diverged)

    def review(self, request: tuner_pb2.ReviewRequest) -> tuner_pb2.ReviewResponse:
        reports = [report_from_message(report) for report in request.reports]
        verdicts = self._session(request.session).review(reports)
        return tuner_pb2.ReviewResponse(verdicts=[VERDICT.to_number(verdict) for verdict in verdicts])

    def derive(self, request: tuner_pb2.DeriveRequest) -> tuner_pb2.DeriveResponse:
        found = self._session(request.session).derive(request.count)
        return tuner_pb2.DeriveResponse(architectures=[derived_to_message(derived) for derived in found])

    def snapshot(self, request: tuner_pb2.SnapshotRequest) -> tuner_pb2.SnapshotResponse:
        kept = self._session(request.session).snapshot()
        if kept is None:
            raise UnsupportedError(f"{self._hosted.loaded().name} keeps no snapshots; it is rebuilt by replay.")
        return tuner_pb2.SnapshotResponse(snapshot=tuner_pb2.Snapshot(state=kept[0], seq=kept[1]))

    def close(self, request: tuner_pb2.CloseRequest) -> tuner_pb2.CloseResponse:
        self._sessions.pop(request.session, None)
        return tuner_pb2.CloseResponse()

    def _session(self, name: str) -> Conductor:
        if name not in self._sessions:
            raise NotFoundError(f"No session {name!r} is open.", hint="Open it and replay the log.")
        return self._sessions[name]


class TokenInterceptor(grpc.aio.ServerInterceptor):
    """Refuses every call without the token; for sockets that others on this machine can reach.

    Args:
        token: The token, sent by callers as ``authorization: Bearer TOKEN``.
    """

    def __init__(self, token: str) -> None:
        self._expected = f"Bearer {token}".encode()

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler:
        """Let a call with the right token pass."""
        given = dict(handler_call_details.invocation_metadata).get("authorization", "")
        if hmac.compare_digest(str(given).encode(), self._expected):
            return await continuation(handler_call_details)

        def refuse(request: bytes) -> Message:
            raise UnauthenticatedError("The tuner's token is missing or wrong.", hint=f"Send {TOKEN_VARIABLE}.")

        return _handler(refuse, bytes)


def serialize(message: Message) -> bytes:
    """Return the bytes of a message of any type."""
    return message.SerializeToString()


def _stream_handler(
    ask: Callable[[tuner_pb2.AskRequest], tuner_pb2.AskResponse], *, metadata: Mapping[str, str]
) -> grpc.RpcMethodHandler:
    """Return the handler of asks on a stream; a question that fails does not end it."""

    def answered(request: tuner_pb2.StreamAsksRequest) -> tuner_pb2.StreamAsksResponse:
        try:
            return tuner_pb2.StreamAsksResponse(answer=ask(request.ask))
        except Exception as failure:  # as in _handler
            _note(failure, "ask")
            return tuner_pb2.StreamAsksResponse(status=to_status(failure, metadata=metadata).SerializeToString())

    async def converse(
        requests: AsyncIterator[tuner_pb2.StreamAsksRequest],
        context: grpc.aio.ServicerContext[tuner_pb2.StreamAsksRequest, tuner_pb2.StreamAsksResponse],
    ) -> None:
        while isinstance(request := await context.read(), tuner_pb2.StreamAsksRequest):
            await context.write(answered(request))

    handler: grpc.RpcMethodHandler = grpc.stream_stream_rpc_method_handler(  # type: ignore[no-untyped-call]  # see grpc
        converse,
        request_deserializer=tuner_pb2.StreamAsksRequest.FromString,
        response_serializer=serialize,
    )
    return handler


def _note(failure: Exception, name: str) -> None:
    if isinstance(failure, TunerCrashedError) or not isinstance(failure, NascoreError):
        _log.error("%s failed: %s", name, failure, exc_info=failure)


def _handler(
    method: Callable[[InputT], Message],
    decode: Callable[[bytes], InputT],
    *,
    metadata: Mapping[str, str] | None = None,
) -> grpc.RpcMethodHandler:
    async def answer(request: InputT, context: Context) -> Message:
        try:
            return method(request)
        except Exception as error:
            failure = error
        _note(failure, method.__name__)
        status = to_call_status(failure, metadata=metadata)
        await context.abort(status.code, status.details, status.trailing_metadata)
        raise failure

    handler: grpc.RpcMethodHandler = grpc.unary_unary_rpc_method_handler(  # type: ignore[no-untyped-call]  # see grpc
        answer, request_deserializer=decode, response_serializer=serialize
    )
    return handler
