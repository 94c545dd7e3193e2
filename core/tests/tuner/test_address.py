"""Addresses of tuners say where a tuner comes from, and wrong ones are answered with the right form."""

from __future__ import annotations

import sys

import pytest
from nascore.errors import (
    InvalidInputError,
    NascoreError,
    NotFoundError,
    PermissionDeniedError,
    PluginError,
    UnavailableError,
)
from nascore.tuner import HostLimits, connect
from nascore.tuner.address import endpoint
from nascore.tuner.endpoints import ProgramEndpoint, ServerEndpoint


def test_name_is_an_installed_tuner() -> None:
    found = endpoint("random")
    assert isinstance(found, ProgramEndpoint)
    assert found.command[0] == sys.executable
    assert found.command[-2:] == ("nascore.tuner.host", "random")


def test_program_is_split_without_a_shell() -> None:
    found = endpoint("exec:./my tuner --name 'two words; rm -rf $HOME'")
    assert isinstance(found, ProgramEndpoint)
    assert found.command == ("./my", "tuner", "--name", "two words; rm -rf $HOME")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "[::1]"])
def test_this_machine_needs_no_encryption(host: str) -> None:
    assert endpoint(f"grpc://{host}:50051") == ServerEndpoint(f"grpc://{host}:50051", f"{host}:50051")


@pytest.mark.parametrize("host", ["example.org", "10.0.0.1", "0.0.0.0", "[2001:db8::1]", "localhost.example.org"])
def test_other_machine_needs_encryption_or_consent(host: str) -> None:
    with pytest.raises(PermissionDeniedError, match="not encrypted"):
        endpoint(f"grpc://{host}:50051")
    assert isinstance(endpoint(f"grpc://{host}:50051", insecure=True), ServerEndpoint)
    encrypted = endpoint(f"grpcs://{host}:50051")
    assert isinstance(encrypted, ServerEndpoint)
    assert encrypted.credentials is not None


@pytest.mark.parametrize(
    ("address", "kind", "words"),
    [
        ("rondom", NotFoundError, "Did you mean 'random'?"),
        ("", NotFoundError, "No tuner ''"),
        ("exce:./tuner", InvalidInputError, "Did you mean exec:./tuner?"),
        ("gprc://localhost:1", InvalidInputError, "Did you mean grpc://localhost:1?"),
        ("http://localhost:1", InvalidInputError, "exec:COMMAND ARGS"),
        ("exec:", InvalidInputError, "names no program"),
        ("exec:./tuner 'open", InvalidInputError, "No closing quotation"),
        ("grpc://localhost", InvalidInputError, "not of the form grpc://HOST:PORT"),
        ("grpc://localhost:99999", InvalidInputError, "not of the form"),
        ("grpc:localhost:1", InvalidInputError, "not of the form"),
        ("grpc://user@host:1", InvalidInputError, "not of the form"),
    ],
)
def test_wrong_address_gets_the_right_form(address: str, kind: type[NascoreError], words: str) -> None:
    with pytest.raises(kind) as caught:
        endpoint(address)
    assert words in str(caught.value)


async def test_connecting_fails_at_once_and_clearly() -> None:
    troubles: list[str] = []
    limits = HostLimits(backoff_s=0.01)
    with pytest.raises(PluginError, match=r"\./no-such-tuner was not found"):
        await connect("exec:./no-such-tuner", history=list, limits=limits, on_trouble=troubles.append)
    assert not troubles
    with pytest.raises(UnavailableError, match=r"No tuner answers at grpc://127\.0\.0\.1:1: .*Start the tuner there"):
        await connect("grpc://127.0.0.1:1", history=list, limits=limits, on_trouble=troubles.append)
    assert not troubles
