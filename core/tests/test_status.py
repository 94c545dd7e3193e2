"""Errors on the wire, through real gRPC servers and clients."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.rpc import code_pb2, error_details_pb2, status_pb2
from nascore import errors
from nascore.errors import NascoreError, Violation
from nascore.status import DOMAIN, from_rpc_error, from_status, to_call_status, to_status
from nascore.v1 import error_pb2


def every_error() -> list[type[NascoreError]]:
    kinds = [getattr(errors, name) for name in errors.__all__ if name not in ("NascoreError", "Violation")]
    return sorted(kinds, key=lambda kind: kind.__name__)


class Refusing(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no type information
    """Answers every call with the error that is set."""

    error: BaseException = errors.InternalError("none set")

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
            context.abort_with_status(to_call_status(self.error))
            return b""

        return grpc.unary_unary_rpc_method_handler(answer)


@pytest.fixture(scope="module")
def refusing() -> Iterator[tuple[Refusing, str]]:
    handler = Refusing()
    server = grpc.server(ThreadPoolExecutor(1), handlers=(handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield handler, f"127.0.0.1:{port}"
    server.stop(None).wait()


def called(address: str) -> NascoreError:
    with grpc.insecure_channel(address) as channel, pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/nascore/Any")(b"", timeout=10)
    return from_rpc_error(caught.value)


def called_async(address: str) -> NascoreError:
    async def call() -> NascoreError:
        async with grpc.aio.insecure_channel(address) as channel:
            with pytest.raises(grpc.RpcError) as caught:
                await channel.unary_unary("/nascore/Any")(b"", timeout=10)
            return from_rpc_error(caught.value)

    return asyncio.run(call())


@pytest.mark.parametrize("call", [called, called_async])
@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_every_error_comes_back_as_itself(
    kind: type[NascoreError], call: Callable[[str], NascoreError], refusing: tuple[Refusing, str]
) -> None:
    handler, address = refusing
    handler.error = kind("Größe 3 is wrong.", hint="Give 4.", violations=(Violation("size", "3 is odd"),))
    error = call(address)
    assert type(error) is kind
    assert (error.message, error.hint, error.violations) == (
        "Größe 3 is wrong.",
        "Give 4.",
        (Violation("size", "3 is odd"),),
    )
    assert error.is_retryable is kind.is_retryable


def test_every_reason_of_the_protocol_has_an_error() -> None:
    names = set(error_pb2.ErrorReason.DESCRIPTOR.values_by_name) - {"ERROR_REASON_UNSPECIFIED"}
    assert {name.removeprefix("ERROR_REASON_") for name in names} == {kind.reason for kind in every_error()}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.SpaceError("x"), code_pb2.INVALID_ARGUMENT),
        (errors.StateError("x"), code_pb2.FAILED_PRECONDITION),
        (errors.LeaseSupersededError("x"), code_pb2.FAILED_PRECONDITION),
        (errors.ConflictError("x"), code_pb2.ALREADY_EXISTS),
        (errors.HeldError("x"), code_pb2.FAILED_PRECONDITION),
        (errors.NotFoundError("x"), code_pb2.NOT_FOUND),
        (errors.UnavailableError("x"), code_pb2.UNAVAILABLE),
        (errors.DeadlineError("x"), code_pb2.DEADLINE_EXCEEDED),
        (errors.ExhaustedResourceError("x"), code_pb2.RESOURCE_EXHAUSTED),
        (errors.UnsupportedError("x"), code_pb2.UNIMPLEMENTED),
        (errors.PermissionDeniedError("x"), code_pb2.PERMISSION_DENIED),
        (errors.DataLossError("x"), code_pb2.DATA_LOSS),
        (errors.TunerCrashedError("x"), code_pb2.INTERNAL),
        (KeyError("x"), code_pb2.INTERNAL),
    ],
    ids=lambda value: type(value).__name__,
)
def test_codes_are_those_of_the_protocol(error: BaseException, code: int) -> None:
    assert to_status(error).code == code


def test_missing_token_is_unauthenticated() -> None:
    status = to_status(errors.UnauthenticatedError("No token."))
    assert status.code == code_pb2.UNAUTHENTICATED
    assert type(from_status(status)) is errors.UnauthenticatedError


def test_exception_that_is_not_ours_names_its_type() -> None:
    status = to_status(ZeroDivisionError("by zero"))
    assert status.message == "Unexpected ZeroDivisionError: by zero"
    assert type(from_status(status)) is errors.InternalError


def test_subclass_of_a_plugin_travels_as_its_parent() -> None:
    class OddSpaceError(errors.SpaceError):
        reason = "ODD_SPACE"

    assert type(from_status(to_status(OddSpaceError("odd")))) is errors.SpaceError


def test_retry_delay_is_sent_only_where_retrying_helps() -> None:
    def delays(error: NascoreError) -> list[int]:
        found = []
        for detail in to_status(error, retry_after_s=3).details:
            retry = error_details_pb2.RetryInfo()
            if detail.Unpack(retry):
                found.append(retry.retry_delay.seconds)
        return found

    assert delays(errors.UnavailableError("busy")) == [3]
    assert delays(errors.InvalidInputError("wrong")) == []


def test_metadata_names_the_tuner() -> None:
    status = to_status(errors.TunerCrashedError("gone"), metadata={"tuner": "random", "version": "1.0"})
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert (info.domain, info.reason) == (DOMAIN, "STRATEGY_CRASHED")
    assert dict(info.metadata) == {"tuner": "random", "version": "1.0"}


def test_huge_error_still_fits_the_trailers(refusing: tuple[Refusing, str]) -> None:
    handler, address = refusing
    violations = tuple(Violation(f"nodes[{number}]", "wrong " * 20) for number in range(1000))
    handler.error = errors.SpaceError("long " * 10_000, hint="mend " * 10_000, violations=violations)
    error = called(address)
    assert type(error) is errors.SpaceError
    assert error.message.endswith("...")
    assert error.violations[0] == violations[0]
    assert error.violations[-1].message.endswith("more.")
    listed = len(error.violations) - 1
    assert error.violations[-1].message == f"... and {1000 - listed} more."


def test_nobody_listening_is_unavailable() -> None:
    assert type(called("127.0.0.1:1")) is errors.UnavailableError


def test_unknown_method_is_unsupported() -> None:
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    assert type(called(f"127.0.0.1:{port}")) is errors.UnsupportedError
    server.stop(None).wait()


def test_unknown_reason_and_foreign_domain_go_by_the_code() -> None:
    status = status_pb2.Status(code=code_pb2.NOT_FOUND, message="gone")
    status.details.add().Pack(error_details_pb2.ErrorInfo(domain=DOMAIN, reason="FROM_THE_FUTURE"))
    assert type(from_status(status)) is errors.NotFoundError
    foreign = status_pb2.Status(code=99, message="odd")
    foreign.details.add().Pack(error_details_pb2.ErrorInfo(domain="other", reason="INVALID_SPACE"))
    assert type(from_status(foreign)) is errors.InternalError
