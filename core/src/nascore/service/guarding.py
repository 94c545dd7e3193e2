"""Handlers with a guard before them: each request is looked at, and a stream is looked at again with each message.

Not here: what is looked for (``nascore.service.auth``). Servicers are those of ``nascore.service.dispatch``: coroutines
that take bytes, and read streams from the context and write them to it.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol, TypeAlias, cast

import grpc

from nascore.errors import InternalError
from nascore.service.caller import Caller, called_by

Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"
One: TypeAlias = Callable[[bytes, Context], Awaitable[bytes | None]]
Many: TypeAlias = Callable[[AsyncIterator[bytes], Context], Awaitable[None]]
Look: TypeAlias = Callable[[bytes, Context], Awaitable[None]]
LookAgain: TypeAlias = Callable[[Context], Awaitable[None]]


class Shape(Protocol):
    """A handler as gRPC makes it; its annotations do not say so much."""

    request_streaming: bool
    response_streaming: bool
    unary_unary: One | None
    unary_stream: One | None
    stream_stream: Many | None


def guarded_handler(
    shape: Shape, *, look: Look, look_again: LookAgain, caller: Caller | None = None
) -> grpc.RpcMethodHandler:
    """Return a handler that does what ``shape`` does once ``look`` lets it.

    Args:
        shape: A handler of bytes.
        look: Looks at each request; ends the call to refuse it.
        look_again: Looks before each message of a stream, since what let it in may have ended; ends the call too.
        caller: Who calls, if it is kept to experiments; servicers find it in ``nascore.service.caller``.

    Raises:
        InternalError: If the handler is of a kind that cannot be guarded, so nobody may call it.
    """
    handler: grpc.RpcMethodHandler
    behaviour = shape.unary_unary or shape.unary_stream or shape.stream_stream
    if behaviour is None or not inspect.iscoroutinefunction(behaviour):
        raise InternalError("A handler of this kind cannot be guarded.")
    if shape.stream_stream is not None:
        handler = grpc.stream_stream_rpc_method_handler(_of_stream(shape.stream_stream, look, look_again, caller))  # type: ignore[no-untyped-call]  # grpc is not annotated
    elif shape.unary_stream is not None:
        handler = grpc.unary_stream_rpc_method_handler(_of_request(shape.unary_stream, look, look_again, caller))  # type: ignore[no-untyped-call]  # grpc is not annotated
    else:
        handler = grpc.unary_unary_rpc_method_handler(_of_request(cast("One", behaviour), look, None, caller))  # type: ignore[no-untyped-call]  # grpc is not annotated
    return handler


def _of_request(inner: One, look: Look, look_again: LookAgain | None, caller: Caller | None) -> One:
    async def answer(raw: bytes, context: Context) -> bytes | None:
        await look(raw, context)
        with called_by(caller):
            return await inner(raw, context if look_again is None else cast("Context", _Sending(context, look_again)))

    return answer


def _of_stream(inner: Many, look: Look, look_again: LookAgain, caller: Caller | None) -> Many:
    async def answer(requests: AsyncIterator[bytes], context: Context) -> None:
        with called_by(caller):
            await inner(_nothing(), cast("Context", _Taking(context, look, look_again)))

    return answer


async def _nothing() -> AsyncIterator[bytes]:
    """Requests are read from the context, where they are looked at."""
    nothing: tuple[bytes, ...] = ()
    for request in nothing:
        yield request


class _Sending:
    """What a servicer needs of the context of a stream of answers, with a look before each."""

    def __init__(self, context: Context, look_again: LookAgain) -> None:
        self._context = context
        self._look_again = look_again
        self.set_code = context.set_code
        self.set_details = context.set_details
        self.set_trailing_metadata = context.set_trailing_metadata

    async def write(self, message: bytes) -> None:
        await self._look_again(self._context)
        await self._context.write(message)


class _Taking:
    """What a servicer needs of the context of a stream of requests, with a look at each."""

    def __init__(self, context: Context, look: Look, look_again: LookAgain) -> None:
        self._context = context
        self._look = look
        self._look_again = look_again
        self.set_code = context.set_code
        self.set_details = context.set_details
        self.set_trailing_metadata = context.set_trailing_metadata
        self.write = context.write

    async def look_again(self) -> None:
        """Look whether what let the stream in has ended; for requests that come another way than by `read`."""
        await self._look_again(self._context)

    async def read(self) -> bytes | object:
        raw = await self._context.read()
        if isinstance(raw, bytes):
            await self._look_again(self._context)
            await self._look(raw, self._context)
        return raw
