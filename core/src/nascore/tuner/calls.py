"""The calls of one tuner behind a socket: each with a deadline, each failure as the error that says what to do.

A question goes the cheapest way that the tuner has: as a frame, on its stream, or by a call. Not here: what is called
and how answers are checked (``remote``).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TypeVar

import grpc
from google.protobuf.message import Message

from nascore.errors import DeadlineError, InternalError, InvalidInputError, NascoreError, TunerCrashedError
from nascore.status import from_rpc_error
from nascore.tuner.ask_frames import AskFrames, frames_beside
from nascore.tuner.ask_line import asked_on
from nascore.tuner.ask_stream import AskStream
from nascore.tuner.handlers import serialize
from nascore.tuner.limits import HostLimits
from nascore.tuner.servicer import SERVICE
from nascore.tuner.session import Description
from nascore.v1 import tuner_pb2

_OPTIONS = (
    ("grpc.enable_http_proxy", 0),
    # Traces of foreign tuners may be long; gRPC would drop the status with them.
    ("grpc.max_metadata_size", 64 * 1024),
)

ResponseT = TypeVar("ResponseT", bound=Message)
ValueT = TypeVar("ValueT")


class TunerCalls:
    """A channel to a tuner.

    Args:
        target: Where it serves, as gRPC names it (``unix:/path``, ``host:port``).
        token: Sent with every call; empty for none.
        limits: Deadlines.
        credentials: TLS; ``None`` for none.
    """

    def __init__(
        self, target: str, *, token: str, limits: HostLimits, credentials: grpc.ChannelCredentials | None
    ) -> None:
        # Kept for the life of the process: when the last object of grpc.aio is collected, its shutdown joins a poller
        # thread that may never end, in whatever thread the collector happens to run.
        grpc.aio.init_grpc_aio()
        if credentials is None:
            self._channel = grpc.aio.insecure_channel(target, options=_OPTIONS)
        else:
            self._channel = grpc.aio.secure_channel(target, credentials, options=_OPTIONS)
        self._target = target
        self._token = token
        self._metadata = (("authorization", f"Bearer {token}"),) if token else ()
        self._limits = limits
        self._frames: AskFrames | None = None
        self._stream: AskStream | None = None
        self.label = "(not yet described)"

    def meet(self, description: Description) -> None:
        """Learn who it is and what it can."""
        self.label = f"{description.name} {description.version}".strip()
        self._frames = frames_beside(self._target, description.frames_path, token=self._token)
        self._stream = AskStream(self._channel, self._metadata) if description.can_stream else None

    async def ask(self, question: tuner_pb2.StreamAsksRequest) -> tuner_pb2.AskResponse:
        """Put a question."""
        timeout_s = self._limits.ask_timeout_s
        for line in (self._frames, self._stream):
            if line is None:
                continue
            try:
                response = await asked_on(line, question, timeout_s=timeout_s)
            except TimeoutError:
                raise self._failed("Ask", DeadlineError("No answer."), timeout_s=timeout_s) from None
            except NascoreError as failure:
                raise self._failed("Ask", failure, timeout_s=timeout_s) from failure
            if response is not None:
                return response
        return await self.call(question.ask, tuner_pb2.AskResponse, timeout_s=timeout_s)

    async def call(self, request: Message, response_type: type[ResponseT], *, timeout_s: float) -> ResponseT:
        """Make a call; its name is that of the request.

        Raises:
            TunerCrashedError: It failed inside.
            DeadlineError: It did not answer in time.
            NascoreError: What it answered instead.
        """
        method = type(request).__name__.removesuffix("Request")
        call = self._channel.unary_unary(
            f"/{SERVICE}/{method}",
            request_serializer=serialize,
            response_deserializer=response_type.FromString,
        )
        try:
            response: ResponseT = await call(request, timeout=timeout_s, metadata=self._metadata)
        except grpc.RpcError as failure:
            raise self._failed(method, from_rpc_error(failure), timeout_s=timeout_s) from failure
        return response

    def decoded(self, method: str, decode: Callable[[], ValueT]) -> ValueT:
        """Return what ``decode`` makes of an answer; where it refuses, the tuner is to blame."""
        try:
            return decode()
        except InvalidInputError as error:
            raise self.broken(method, error.message) from error

    def broken(self, method: str, what: str) -> TunerCrashedError:
        """Return the error for a tuner that answers with what it may not."""
        return TunerCrashedError(
            f"Tuner {self.label} answered {method} with what it may not: {what}.",
            hint="This is a defect of the tuner; report it to its authors.",
        )

    async def close(self) -> None:
        """Drop the connection without a word."""
        if self._frames is not None:
            self._frames.close()
        with contextlib.suppress(grpc.RpcError):
            await self._channel.close(grace=None)

    def _failed(self, method: str, error: NascoreError, *, timeout_s: float) -> NascoreError:
        if isinstance(error, InternalError):
            return TunerCrashedError(f"Tuner {self.label} failed in {method}: {error.message}", hint=error.hint)
        if isinstance(error, DeadlineError):
            return DeadlineError(f"Tuner {self.label} did not answer {method} within {timeout_s:g} s.")
        return error
