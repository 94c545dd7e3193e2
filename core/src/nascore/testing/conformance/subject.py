"""The subject: the tuner under examination, in this process or behind a socket.

Here nobody looks after it: a tuner that dies or hangs is what the kit wants to see. Not here: how a search looks after
one (``nascore.tuner.supervision``).
"""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import Any, Protocol, TypeAlias

import grpc
from google.protobuf.message import Message

from nascore.errors import InternalError
from nascore.testing.conformance.talk import Talk
from nascore.tuner.contract import Tuner
from nascore.tuner.endpoints import Connection, Endpoint, ServerEndpoint
from nascore.tuner.limits import HostLimits
from nascore.tuner.local import LocalSession
from nascore.tuner.remote import RemoteTuner
from nascore.tuner.servicer import SERVICE
from nascore.tuner.session import Description

_LAST_WORDS_S = 0.1
_Method: TypeAlias = "grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]"


class Way(StrEnum):
    """How the tuner is spoken to."""

    WIRE = "over gRPC"
    PROCESS = "in process"


class Subject(Protocol):
    """A tuner that can be talked to, time and again."""

    @property
    def way(self) -> Way:
        """How it is spoken to."""

    def describe(self) -> Description:
        """Return who it is; raises what `TunerSession.describe` and starting it raise."""

    def talk(self) -> Talk:
        """Return a fresh session, not yet open."""

    def printed(self) -> tuple[str, ...]:
        """Return what it printed last, line by line."""

    def renew(self) -> None:
        """Begin anew after something broke."""

    def close(self) -> None:
        """End it."""


class LocalSubject:
    """A tuner's class, in this process."""

    way = Way.PROCESS

    def __init__(self, tuner_type: type[Tuner[Any]], runner: asyncio.Runner) -> None:
        self._type = tuner_type
        self._runner = runner

    def describe(self) -> Description:
        """Return who it is."""
        return self._runner.run(LocalSession(self._type).describe())

    def talk(self) -> Talk:
        """Return a fresh session."""
        return Talk(LocalSession(self._type), self._runner)

    def printed(self) -> tuple[str, ...]:
        """Return nothing: it prints where this process does."""
        return ()

    def renew(self) -> None:
        """Do nothing: each session is an object of its own."""

    def close(self) -> None:
        """Do nothing."""


class WireSubject:
    """A tuner behind a socket; its process is started with the first call, and again after something broke.

    Args:
        endpoint: Where it comes from.
        runner: Runs the calls.
        limits: Deadlines.
    """

    way = Way.WIRE

    def __init__(self, endpoint: Endpoint, runner: asyncio.Runner, *, limits: HostLimits) -> None:
        self._endpoint = endpoint
        self._runner = runner
        self._limits = limits
        self._connection: Connection | None = None

    @property
    def is_ours(self) -> bool:
        """Whether we start its process."""
        return not isinstance(self._endpoint, ServerEndpoint)

    @property
    def is_running(self) -> bool:
        """Whether its process lives; of a server elsewhere that is not known, and taken for granted."""
        process = self._connected().process
        return process is None or process.is_running

    def memory_bytes(self) -> int:
        """Return the resident memory of its process and their children, in bytes."""
        process = self._connected().process
        return process.memory_bytes() if process is not None else 0

    def describe(self) -> Description:
        """Return who it is, and start it if need be."""
        return self._runner.run(self._connected().tuner.describe())

    def talk(self) -> Talk:
        """Return a fresh session."""
        self._connected()
        return Talk(self._runner.run(self._remote()), self._runner)

    def call(self, method: str, request: Message | bytes, *, timeout_s: float) -> tuple[grpc.StatusCode, str, bytes]:
        """Return status, details and answer of one raw call."""
        body = request if isinstance(request, bytes) else request.SerializeToString()
        return self._runner.run(self._called(method, body, timeout_s))

    def cancel(self, method: str, request: Message, *, after_s: float) -> None:
        """Begin one call, and give it up after so many seconds unless it was answered by then."""
        self._runner.run(self._cancelled(method, request.SerializeToString(), after_s))

    def printed(self) -> tuple[str, ...]:
        """Return what its process printed last, line by line."""
        process = self._connection.process if self._connection is not None else None
        if process is None:
            return ()
        self._runner.run(asyncio.sleep(_LAST_WORDS_S))  # Pipes are read only while the loop runs.
        return tuple(line.removeprefix("    ") for line in process.last_lines().splitlines() if line)

    def renew(self) -> None:
        """Kill the process; the next call starts another."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            self._runner.run(connection.end(grace_s=0))

    def close(self) -> None:
        """End the process as a search would."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            self._runner.run(connection.end(grace_s=self._limits.stop_grace_s))

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = self._runner.run(self._endpoint.connect(self._limits))
        return self._connection

    async def _remote(self) -> RemoteTuner:
        """Return a connection of its own; a channel belongs to the loop in which it is made."""
        process = self._connected().process
        if process is not None:
            return RemoteTuner(process.address, token=process.token, limits=self._limits)
        if not isinstance(self._endpoint, ServerEndpoint):
            raise InternalError(f"{self._endpoint.name} has neither a process nor an address.")
        return RemoteTuner(self._endpoint.target, limits=self._limits, credentials=self._endpoint.credentials)

    def _channel(self) -> tuple[grpc.aio.Channel, tuple[tuple[str, str], ...]]:
        process = self._connected().process
        if process is not None:
            return grpc.aio.insecure_channel(process.address), (("authorization", f"Bearer {process.token}"),)
        if isinstance(self._endpoint, ServerEndpoint) and self._endpoint.credentials is not None:
            return grpc.aio.secure_channel(self._endpoint.target, self._endpoint.credentials), ()
        target = self._endpoint.target if isinstance(self._endpoint, ServerEndpoint) else ""
        return grpc.aio.insecure_channel(target), ()

    def _method(self, channel: grpc.aio.Channel, method: str) -> _Method:
        return channel.unary_unary(f"/{SERVICE}/{method}", request_serializer=bytes, response_deserializer=bytes)

    async def _called(self, method: str, body: bytes, timeout_s: float) -> tuple[grpc.StatusCode, str, bytes]:
        channel, metadata = self._channel()
        try:
            answer: bytes = await self._method(channel, method)(body, timeout=timeout_s, metadata=metadata)
        except grpc.aio.AioRpcError as failure:
            return failure.code(), failure.details() or "", b""
        finally:
            await channel.close(grace=None)
        return grpc.StatusCode.OK, "", answer

    async def _cancelled(self, method: str, body: bytes, after_s: float) -> None:
        channel, metadata = self._channel()
        call = self._method(channel, method)(body, metadata=metadata)
        await asyncio.sleep(after_s)
        call.cancel()
        await channel.close(grace=None)
