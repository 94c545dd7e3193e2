"""Questions to a tuner on one stream, in lockstep: a third of the cost of a call each.

Used where the tuner declares ``can_stream``; what cannot be asked here is asked by a call, for asks are idempotent. Not
here: what is asked (``remote``), and what is done about a tuner that dies (``supervision``).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TypeAlias

import grpc
from google.protobuf.message import Message

from nascore.tuner.handlers import serialize
from nascore.tuner.servicer import SERVICE
from nascore.v1 import tuner_pb2

_UNKNOWN_METHOD = grpc.StatusCode.UNIMPLEMENTED
_METHOD = f"/{SERVICE}/StreamAsks"

_Call: TypeAlias = "grpc.aio.StreamStreamCall[Message, tuner_pb2.StreamAsksResponse]"


class AskStream:
    """One stream, opened when it is first used and again after it has ended. One question at a time.

    Args:
        channel: To the tuner.
        metadata: Sent when the stream is opened.
    """

    def __init__(self, channel: grpc.aio.Channel, metadata: tuple[tuple[str, str], ...]) -> None:
        self._open = channel.stream_stream(
            _METHOD, request_serializer=serialize, response_deserializer=tuner_pb2.StreamAsksResponse.FromString
        )
        self._metadata = metadata
        self._call: _Call | None = None
        self._is_refused = False

    async def exchange(self, request: tuner_pb2.StreamAsksRequest) -> tuner_pb2.StreamAsksResponse | None:
        """Return the answer as it came; ``None`` if the stream ended or broke, or the tuner has none."""
        if self._is_refused:
            return None
        if self._call is None:
            self._call = self._open(metadata=self._metadata)
        try:
            return await self._exchanged(self._call, request)
        except grpc.RpcError as error:
            # What the code says of a stream that breaks depends on the moment; the call that follows tells the truth.
            self._is_refused = isinstance(error, grpc.aio.AioRpcError) and error.code() is _UNKNOWN_METHOD
            return None

    def close(self) -> None:
        """End the stream; the next question opens another one."""
        if self._call is not None:
            self._call.cancel()
            self._call = None

    async def _exchanged(
        self, call: _Call, request: tuner_pb2.StreamAsksRequest
    ) -> tuner_pb2.StreamAsksResponse | None:
        with suppress(asyncio.InvalidStateError):  # Ended since the last answer; how, is told by reading.
            await call.write(request)
        response = await call.read()
        return response if isinstance(response, tuner_pb2.StreamAsksResponse) else None
