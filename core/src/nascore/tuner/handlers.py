"""Functions from message to message as handlers of gRPC: one for each call, and one for asks on a stream.

They are called in the thread of the event loop, one by one. Not here: what is called (``servicer``).
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TypeAlias, TypeVar

import grpc
from google.protobuf.message import Message

from nascore.errors import NascoreError, TunerCrashedError
from nascore.status import to_call_status, to_status
from nascore.v1 import tuner_pb2

InputT = TypeVar("InputT")
Context: TypeAlias = "grpc.aio.ServicerContext[Message, Message]"
Answered: TypeAlias = Callable[[tuner_pb2.StreamAsksRequest], tuner_pb2.StreamAsksResponse]

_log = logging.getLogger(__name__)


def serialize(message: Message) -> bytes:
    """Return the bytes of a message of any type."""
    return message.SerializeToString()


def asks_answered(
    ask: Callable[[tuner_pb2.AskRequest], tuner_pb2.AskResponse], *, metadata: Mapping[str, str]
) -> Answered:
    """Return what answers asks one after the other; one that fails is answered with its status."""

    def answered(request: tuner_pb2.StreamAsksRequest) -> tuner_pb2.StreamAsksResponse:
        try:
            return tuner_pb2.StreamAsksResponse(answer=ask(request.ask))
        except Exception as failure:  # as in call_handler
            _note(failure, "ask")
            return tuner_pb2.StreamAsksResponse(status=to_status(failure, metadata=metadata).SerializeToString())

    return answered


def stream_handler(answered: Answered) -> grpc.RpcMethodHandler:
    """Return the handler of asks on a stream; a question that fails does not end it."""

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


def call_handler(
    method: Callable[[InputT], Message],
    decode: Callable[[bytes], InputT],
    *,
    metadata: Mapping[str, str] | None = None,
) -> grpc.RpcMethodHandler:
    """Return the handler of a call; what ``method`` raises becomes its status."""

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
