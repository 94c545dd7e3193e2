"""Tokens, and the refusal of every call without one."""

import stat
from pathlib import Path

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from nascore.client import read_token
from nascore.service import Server, generate_token, write_token
from nascore.v1 import experiment_pb2, trial_pb2

SERVED = [trial_pb2.DESCRIPTOR, experiment_pb2.DESCRIPTOR, reflection_pb2.DESCRIPTOR]
METHODS = [
    method
    for file in SERVED
    for service in file.services_by_name.values()
    for method in service.methods_by_name.values()
]
HEALTH = list(health_pb2.DESCRIPTOR.services_by_name["Health"].methods)


def name_of(method: MethodDescriptor) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"


def status_of(address: str, method: MethodDescriptor, *metadata: tuple[str, str]) -> grpc.StatusCode:
    """Call with an empty request and return the code; a stream is left after its first answer."""
    with grpc.insecure_channel(address) as channel:
        try:
            if method.client_streaming:
                next(channel.stream_stream(name_of(method))(iter([b""]), metadata=metadata, timeout=20))
            elif method.server_streaming:
                stream = channel.unary_stream(name_of(method))(b"", metadata=metadata, timeout=20)
                next(stream)
                stream.cancel()
            else:
                channel.unary_unary(name_of(method))(b"", metadata=metadata, timeout=20)
        except grpc.RpcError as error:
            code: grpc.StatusCode = error.code()
            return code
    return grpc.StatusCode.OK


@pytest.fixture(scope="module")
def address(loop: object) -> object:
    # One server for all methods: none of these calls reaches the experiments.
    server = Server(None, address="unix:", token="right")  # type: ignore[arg-type]
    yield loop.run(server.start())  # type: ignore[attr-defined]
    loop.run(server.stop(0))  # type: ignore[attr-defined]


def test_all_services_are_enumerated() -> None:
    assert len(METHODS) >= 17
    assert any(method.server_streaming for method in METHODS)
    assert any(method.client_streaming for method in METHODS)


@pytest.mark.parametrize("method", METHODS, ids=name_of)
def test_call_without_token_is_unauthenticated(address: str, method: MethodDescriptor) -> None:
    assert status_of(address, method) is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("method", METHODS, ids=name_of)
def test_call_with_wrong_token_is_denied(address: str, method: MethodDescriptor) -> None:
    assert status_of(address, method, ("authorization", "Bearer wrong")) is grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.parametrize("method", METHODS, ids=name_of)
def test_call_with_the_token_gets_past_the_guard(address: str, method: MethodDescriptor) -> None:
    refused = {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNIMPLEMENTED}
    assert status_of(address, method, ("authorization", "Bearer right")) not in refused


@pytest.mark.parametrize(
    "headers",
    [
        [("authorization", "right")],
        [("authorization", "Basic right")],
        [("authorization", "Bearer ")],
        [("authorization", "Bearer right ")],
        [("authorization", "Bearer Right")],
        [("authorization", "Bearer right"), ("authorization", "Bearer wrong")],
        [("authorization-bin", "Bearer right")],
        [("x-authorization", "Bearer right")],
    ],
)
def test_nothing_but_the_exact_token_opens(address: str, headers: list[tuple[str, str]]) -> None:
    sent = [(key, value.encode() if key.endswith("-bin") else value) for key, value in headers]
    refused = {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED}
    assert status_of(address, METHODS[0], *sent) in refused  # type: ignore[arg-type]


def test_scheme_is_read_in_any_case(address: str) -> None:
    assert status_of(address, METHODS[0], ("authorization", "bearer right")) is grpc.StatusCode.INVALID_ARGUMENT


def test_unknown_call_is_refused_before_it_is_looked_up(address: str) -> None:
    with grpc.insecure_channel(address) as channel, pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/nascore.v1.TrialService/Invented")(b"", timeout=20)
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_stream_that_sends_nothing_is_refused_at_once(address: str) -> None:
    with grpc.insecure_channel(address) as channel, pytest.raises(grpc.RpcError) as caught:
        next(channel.stream_stream(name_of(METHODS[-1]))(iter(()), timeout=20))
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("method", HEALTH, ids=name_of)
def test_health_needs_no_token(address: str, method: MethodDescriptor) -> None:
    assert status_of(address, method) is grpc.StatusCode.OK


def test_tokens_are_long_and_differ() -> None:
    tokens = {generate_token() for _ in range(50)}
    assert len(tokens) == 50
    assert all(len(token) >= 43 for token in tokens)


def test_token_file_is_private_and_replaced_in_one_step(tmp_path: Path) -> None:
    target = tmp_path / "token"
    target.write_text("old and open to all")
    target.chmod(0o666)
    write_token(target, "fresh")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert read_token(target) == "fresh"
    assert list(tmp_path.iterdir()) == [target]


def test_link_in_place_of_the_token_file_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    (tmp_path / "token").symlink_to(victim)
    write_token(tmp_path / "token", "fresh")
    assert victim.read_text() == "untouched"
    assert not (tmp_path / "token").is_symlink()
