"""`TunerService` around conductors: messages in, one call, messages out, errors as status.

Runs in the event loop of the host and calls the tuner from the loop's own thread, so that the tuner sees one thread
only and calls one by one. A call that computes long holds up all others; the core's deadlines see to that.

Not here: the process, its socket and its signals (``host``).
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import grpc
from google.protobuf.message import DecodeError, Message

from nascore.errors import (
    InternalError,
    NascoreError,
    NotFoundError,
    UnauthenticatedError,
    UnsupportedError,
)
from nascore.record import Told
from nascore.record.wire import (
    VERDICT,
    derived_to_message,
    event_from_message,
    json_object_from_text,
    outcome_from_message,
    report_from_message,
    told_from_message,
)
from nascore.tuner.conductor import Conductor
from nascore.tuner.contract import Settings, Tuner
from nascore.tuner.handlers import Answered, asks_answered, call_handler, stream_handler
from nascore.tuner.local import describe
from nascore.tuner.wire import answer_to_message, description_to_message, setup_from_message
from nascore.v1 import tuner_pb2

RequestT = TypeVar("RequestT", bound=Message)

SERVICE = "nascore.v1.TunerService"
SOCKET_VARIABLE = "NASCORE_TUNER_SOCKET"
TOKEN_VARIABLE = "NASCORE_TUNER_TOKEN"  # noqa: S105  # the name of a variable, not a token


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


class ServedTuner:
    """``TunerService`` for a tuner, one conductor a session.

    Args:
        hosted: The tuner.
        frames_path: Socket at which the caller opens a door for frames; empty for none.
    """

    def __init__(self, hosted: Hosted, *, frames_path: str = "") -> None:
        self._service = _TunerService(hosted, frames_path=frames_path)
        self._answered = asks_answered(self._service.ask, metadata=hosted.facts)
        self._facts = hosted.facts

    def handler(self) -> grpc.GenericRpcHandler:
        """Return what serves it over gRPC."""
        return _generic_handler(self._service, self._answered, facts=self._facts)

    async def answer(self, frame: bytes) -> bytes | None:
        """Answer a question that came as a frame; ``None`` if it is none."""
        try:
            request = tuner_pb2.StreamAsksRequest.FromString(frame)
        except DecodeError:
            return None
        return self._answered(request).SerializeToString()


def tuner_handler(hosted: Hosted) -> grpc.GenericRpcHandler:
    """Return ``TunerService`` for a tuner over gRPC alone."""
    return ServedTuner(hosted).handler()


def _generic_handler(service: _TunerService, answered: Answered, *, facts: Mapping[str, str]) -> grpc.GenericRpcHandler:

    def served(method: Callable[[RequestT], Message], request_type: type[RequestT]) -> grpc.RpcMethodHandler:
        return call_handler(method, request_type.FromString, metadata=facts)

    handlers = {
        "Describe": served(service.describe, tuner_pb2.DescribeRequest),
        "Open": served(service.open, tuner_pb2.OpenRequest),
        "Ask": served(service.ask, tuner_pb2.AskRequest),
        "StreamAsks": stream_handler(answered),
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

    def __init__(self, hosted: Hosted, *, frames_path: str) -> None:
        self._hosted = hosted
        self._frames_path = frames_path
        self._sessions: dict[str, Conductor] = {}

    def describe(self, request: tuner_pb2.DescribeRequest) -> tuner_pb2.DescribeResponse:
        description = describe(self._hosted.loaded(), version=self._hosted.version)
        can = replace(description, can_stream=True, can_recall=True, frames_path=self._frames_path)
        return description_to_message(can)

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
        conductor = self._session(request.session)
        outcomes = _new(request.outcomes, conductor)
        answer = conductor.ask(
            request.first_number, request.seeds, outcomes=outcomes, told_through=request.told_through
        )
        return answer_to_message(answer)

    def tell(self, request: tuner_pb2.TellRequest) -> tuner_pb2.TellResponse:
        conductor = self._session(request.session)
        conductor.tell(_new(request.outcomes, conductor), after_seq=request.after_seq)
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

        return call_handler(refuse, bytes)


def _new(messages: Iterable[tuner_pb2.Told], conductor: Conductor) -> list[Told]:
    """Return the outcomes that were not taken yet; those that come with a sample's number alone, with the sample."""
    new = [told for told in messages if told.seq > conductor.told_through]
    return [
        Told(told.seq, conductor.recalled(told.proposal.number), outcome_from_message(told.outcome))
        if _is_number_alone(told.proposal)
        else told_from_message(told)
        for told in new
    ]


def _is_number_alone(proposal: tuner_pb2.Proposal) -> bool:
    return not proposal.task and proposal.WhichOneof("subject") is None
