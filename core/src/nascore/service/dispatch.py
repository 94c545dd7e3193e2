"""From bytes to servicer methods and back: parsing, serializing, and every error as a status that says what to do.

A servicer is any object with one coroutine method per rpc, named in snake case, that takes the request message and
returns the response message; a server stream is an asynchronous generator, of messages or of bytes that are messages
already. A stream of requests alone is given as it comes, as an asynchronous iterator of bytes. A stream in both
directions is in lockstep: its method is called for each request, and what it raises becomes the field ``status`` of the
response, so that one request that fails does not end the stream; a method that is no coroutine is called for each such
stream, and returns an asynchronous context manager of what answers its requests. It is given the border of the process:
what makes of such a method one from bytes to bytes, for requests of this stream that come another way. A servicer sees
no gRPC, and raises NascoreError.

Not here: who may call (``nascore.service.auth``), and the mapping of errors (``nascore.status``). The generated
servicers are not used because they answer malformed bytes with UNKNOWN.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from inspect import iscoroutinefunction
from typing import TypeAlias

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from nascore.errors import ExhaustedResourceError, InternalError, InvalidInputError, NascoreError
from nascore.service.admission import Admission
from nascore.service.departure import is_departure
from nascore.service.drain import Drain
from nascore.service.pages import MAX_MESSAGE_BYTES
from nascore.status import to_call_status, to_status

logger = logging.getLogger(__name__)

Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"
Unary: TypeAlias = Callable[[Message], Awaitable[Message]]
Stream: TypeAlias = Callable[[Message], AsyncGenerator[Message | bytes, None]]
Bordered: TypeAlias = Callable[[Unary], Callable[[bytes], Awaitable[bytes | None]]]
Conversation: TypeAlias = Callable[[Bordered], AbstractAsyncContextManager[Unary]]
Gather: TypeAlias = Callable[[AsyncIterator[bytes]], Awaitable[Message]]


def service_handler(service: ServiceDescriptor, servicer: object, *, drain: Drain) -> grpc.GenericRpcHandler:
    """Return the handler of all rpcs of ``service``.

    Raises:
        InternalError: If the servicer lacks a method.
    """
    admission = Admission()
    methods = {method.name: _handler(method, servicer, drain, admission) for method in service.methods}
    handler: grpc.GenericRpcHandler = grpc.method_handlers_generic_handler(  # type: ignore[no-untyped-call]  # grpc is not annotated
        service.full_name, methods
    )
    return handler


def _handler(method: MethodDescriptor, servicer: object, drain: Drain, admission: Admission) -> grpc.RpcMethodHandler:
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", method.name).lower()
    behaviour = getattr(servicer, name, None)
    if behaviour is None:
        raise InternalError(f"{method.full_name}: {type(servicer).__name__} has no method {name} that can serve it.")
    handler: grpc.RpcMethodHandler
    if method.client_streaming and not method.server_streaming:
        # On the wire a stream of one answer is the same as one answer, and what guards streams guards this.
        handler = grpc.stream_stream_rpc_method_handler(  # type: ignore[no-untyped-call]  # grpc is not annotated
            _gathering(method, behaviour, drain)
        )
        return handler
    if method.client_streaming:
        opened = _stateless(behaviour) if iscoroutinefunction(behaviour) else behaviour
        handler = grpc.stream_stream_rpc_method_handler(  # type: ignore[no-untyped-call]  # grpc is not annotated
            _lockstep(method, opened, drain, admission)
        )
        return handler
    if method.server_streaming:
        handler = grpc.unary_stream_rpc_method_handler(  # type: ignore[no-untyped-call]  # grpc is not annotated
            _stream(method, behaviour, drain, admission)
        )
        return handler
    handler = grpc.unary_unary_rpc_method_handler(  # type: ignore[no-untyped-call]  # grpc is not annotated
        _unary(method, behaviour, admission)
    )
    return handler


def _unary(
    method: MethodDescriptor, behaviour: Unary, admission: Admission
) -> Callable[[bytes, Context], Awaitable[bytes]]:
    request_type = GetMessageClass(method.input_type)

    async def answered(raw: bytes, context: Context) -> bytes:
        with admission.held(method, len(raw)):
            response = await behaviour(_parse(request_type, raw))
        found = _serialized(method, response)
        taken = admission.lend(method, len(found))
        if taken is not None:
            context.add_done_callback(taken)
        return found

    async def answer(raw: bytes, context: Context) -> bytes:
        try:
            return await answered(raw, context)
        except Exception as error:  # the border of the process: nothing may pass it as a bare exception
            _refuse(method, context, error)
            return b""  # Dropped, since the call has failed.

    return answer


def _stream(
    method: MethodDescriptor, behaviour: Stream, drain: Drain, admission: Admission
) -> Callable[[bytes, Context], Awaitable[None]]:
    request_type = GetMessageClass(method.input_type)

    async def answer(raw: bytes, context: Context) -> None:
        try:
            with admission.held(method, len(raw)):
                async with aclosing(behaviour(_parse(request_type, raw))) as responses:
                    while (response := await _following(responses, drain)) is not None:
                        # Returns once gRPC's flow control takes it: a caller who does not read holds up only itself.
                        await context.write(_serialized(method, response))
        except Exception as error:  # as above
            _refuse(method, context, error)

    return answer


def _gathering(
    method: MethodDescriptor, behaviour: Gather, drain: Drain
) -> Callable[[AsyncIterator[bytes], Context], Awaitable[None]]:
    async def answer(requests: AsyncIterator[bytes], context: Context) -> None:
        try:
            async with aclosing(_pieces(context, drain)) as pieces:
                response = await behaviour(pieces)
            await context.write(_serialized(method, response))
        except Exception as error:  # as above
            _refuse(method, context, error)

    return answer


async def _pieces(context: Context, drain: Drain) -> AsyncGenerator[bytes, None]:
    while True:
        with drain.interruptible():
            raw = await context.read()
        if not isinstance(raw, bytes):
            return
        yield raw


async def _following(responses: AsyncGenerator[Message | bytes, None], drain: Drain) -> Message | bytes | None:
    """Return the next response, or ``None`` at the end.

    Only the wait for it may be ended by a drain: a message that is cancelled on its way leaves the call unable to end.
    """
    with drain.interruptible():
        return await anext(responses, None)


def _stateless(behaviour: Unary) -> Conversation:
    return lambda bordered: nullcontext(behaviour)


def _lockstep(
    method: MethodDescriptor, opened: Conversation, drain: Drain, admission: Admission
) -> Callable[[AsyncIterator[bytes], Context], Awaitable[None]]:
    request_type, response_type = GetMessageClass(method.input_type), GetMessageClass(method.output_type)

    async def answered(behaviour: Unary, raw: bytes) -> bytes:
        try:
            with admission.held(method, len(raw)):
                response = await behaviour(_parse(request_type, raw))
            return _serialized(method, response)
        except Exception as error:  # the border of the process, as above
            refusal: Message = response_type(status=to_status(_speakable(method, error)).SerializeToString())
            return refusal.SerializeToString()

    def bordered(context: Context) -> Bordered:
        look_again = getattr(context, "look_again", None)  # Of a stream that is guarded.

        def at(behaviour: Unary) -> Callable[[bytes], Awaitable[bytes | None]]:
            async def answer(raw: bytes) -> bytes | None:
                if look_again is not None:
                    try:
                        await look_again()
                    except grpc.aio.AbortError:  # The stream was ended, and says why.
                        return None
                return await answered(behaviour, raw)

            return answer

        return at

    async def converse(requests: AsyncIterator[bytes], context: Context) -> None:
        try:
            async with opened(bordered(context)) as behaviour:
                while True:
                    with drain.interruptible():  # Between two requests only: what was begun is finished.
                        raw = await context.read()
                    if not isinstance(raw, bytes):
                        return
                    await context.write(await answered(behaviour, raw))
        except Exception as error:  # as above
            _refuse(method, context, error)

    return converse


def _parse(request_type: type[Message], raw: bytes) -> Message:
    try:
        return request_type.FromString(raw)
    except DecodeError as error:
        raise InvalidInputError(
            f"The request is not a {request_type.__name__} ({error}).",
            hint="Check that both sides speak the same version of nascore.v1.",
        ) from None


def _serialized(method: MethodDescriptor, response: Message | bytes) -> bytes:
    raw = response if isinstance(response, bytes) else response.SerializeToString()
    if len(raw) > MAX_MESSAGE_BYTES:  # gRPC would say so without saying of what.
        raise ExhaustedResourceError(
            f"{method.name}: the answer has {len(raw):,} bytes; at most {MAX_MESSAGE_BYTES:,} are sent.",
            hint="Ask for less at a time.",
        )
    return raw


def _refuse(method: MethodDescriptor, context: Context, error: Exception) -> None:
    """Have the call end with the status of an error.

    Not by ``context.abort``: what that raises and the context hold each other, and with them all that frames in between
    hold, such as a large answer that there was no room for, until the collector comes by.

    Raises:
        AbortError: The call was ended already, by who guards it.
        CancelledError: The caller has left, so that nobody hears an answer.
    """
    if isinstance(error, grpc.aio.AbortError):
        raise error
    if is_departure(error):
        raise asyncio.CancelledError from None
    status = to_call_status(_speakable(method, error))
    context.set_code(status.code)
    context.set_details(status.details)
    context.set_trailing_metadata(status.trailing_metadata)


def _speakable(method: MethodDescriptor, error: Exception) -> NascoreError:
    if isinstance(error, NascoreError):
        return error
    logger.error("%s failed unexpectedly.", method.full_name, exc_info=error)
    return InternalError(
        f"{method.name} failed inside the server ({type(error).__name__}).",
        hint="This is a defect; the log of the server has the traceback.",
    )
