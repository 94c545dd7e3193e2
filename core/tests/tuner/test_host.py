"""The tuner host as a process: greeting, endings, tokens, and plugins that do not load."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import grpc
import psutil
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from nascore.errors import NascoreError, NotFoundError, PermissionDeniedError, PluginError
from nascore.status import from_rpc_error
from nascore.tuner import guard
from nascore.tuner.host import main
from nascore.tuner.servicer import SERVICE, Hosted, tuner_handler
from nascore.v1 import tuner_pb2, tuner_pb2_grpc

Install = Callable[..., Path]
HOST = (sys.executable, "-P", "-m", "nascore.tuner.host")


class Host:
    """A host started by hand, without the supervision that is tested elsewhere."""

    def __init__(self, *command: str, **environment: str) -> None:
        self.process = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def line(self) -> str:
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], 60)
        return self.process.stdout.readline().decode() if readable else "(nothing)"

    def end(self) -> None:
        # Its children too: one that outlives it would hold the pipes open.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()


@pytest.fixture
def start() -> Iterator[Callable[..., Host]]:
    hosts: list[Host] = []

    def start(*command: str, **environment: str) -> Host:
        hosts.append(Host(*command, **environment))
        return hosts[-1]

    yield start
    for host in hosts:
        host.end()


def described(address: str, token: str = "") -> tuner_pb2.DescribeResponse | NascoreError:
    metadata = (("authorization", f"Bearer {token}"),) if token else ()
    with grpc.insecure_channel(address) as channel:
        try:
            return tuner_pb2_grpc.TunerServiceStub(channel).Describe(
                tuner_pb2.DescribeRequest(), timeout=20, metadata=metadata
            )
        except grpc.RpcError as error:
            return from_rpc_error(error)


def test_host_greets_serves_and_leaves_on_sigterm(start: Callable[..., Host], troubled: str, tmp_path: Path) -> None:
    socket = tmp_path / "t.sock"
    host = start(*HOST, troubled, NASCORE_TUNER_SOCKET=str(socket))
    # The plugin prints at import; the handshake is the first and only line all the same.
    assert host.line() == f"nascore-tuner v1 unix:{socket}\n"
    description = described(f"unix:{socket}")
    assert isinstance(description, tuner_pb2.DescribeResponse)
    assert (description.name, description.version) == ("troubled", "1.2.3")
    with grpc.insecure_channel(f"unix:{socket}") as channel:
        check = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=20)
        assert check.status == health_pb2.HealthCheckResponse.SERVING
    host.process.send_signal(signal.SIGTERM)
    rest, printed = host.process.communicate(timeout=60)
    assert host.process.returncode == 0
    assert rest == b""
    assert b"a greeting on standard output at import" in printed


def test_loopback_needs_the_token(start: Callable[..., Host], troubled: str) -> None:
    host = start(*HOST, troubled, NASCORE_TUNER_SOCKET="", NASCORE_TUNER_TOKEN="secret")
    greeting = host.line().split()
    assert greeting[:2] == ["nascore-tuner", "v1"]
    assert greeting[2].startswith("127.0.0.1:")
    for wrong in ("", "guess"):
        assert isinstance(described(greeting[2], wrong), PermissionDeniedError)
    assert isinstance(described(greeting[2], "secret"), tuner_pb2.DescribeResponse)


def test_without_socket_and_token_it_refuses_to_serve(start: Callable[..., Host], troubled: str) -> None:
    host = start(*HOST, troubled, NASCORE_TUNER_SOCKET="", NASCORE_TUNER_TOKEN="")
    _, printed = host.process.communicate(timeout=60)
    assert host.process.returncode == 1
    assert b"Neither NASCORE_TUNER_SOCKET nor NASCORE_TUNER_TOKEN is set" in printed


@pytest.mark.parametrize(
    ("source", "error"), [("1 / 0", PluginError), (None, NotFoundError)], ids=["broken", "missing"]
)
def test_tuner_that_does_not_load_says_why_over_the_wire(
    start: Callable[..., Host], install: Install, tmp_path: Path, source: str | None, error: type[NascoreError]
) -> None:
    if source:
        install("dud", modules={"dud_plugin": source}, entry_points="[nascore.tuners]\ndud = dud_plugin\n")
    socket = tmp_path / "t.sock"
    host = start(*HOST, "dud", NASCORE_TUNER_SOCKET=str(socket))
    assert host.line().startswith("nascore-tuner v1")
    answer = described(f"unix:{socket}")
    assert type(answer) is error
    assert "dud" in str(answer)


PARENT = "import subprocess, sys, time; subprocess.Popen(sys.argv[1:]); time.sleep(600)"
GUARDED = (
    "import os, subprocess, sys, time\n"
    f"subprocess.Popen([sys.executable, '-I', '-S', {guard.__file__!r}, str(os.getpid()), *sys.argv[1:]])\n"
    "time.sleep(600)\n"
)


def killed(parent: Host) -> list[psutil.Process]:
    """Kill a parent; returns those of its children that survive it."""
    children = psutil.Process(parent.process.pid).children(recursive=True)
    assert children
    parent.process.kill()
    parent.process.wait()
    for _ in range(6000):
        survivors = [child for child in children if is_alive(child)]
        if not survivors:
            return []
        time.sleep(0.01)
    return survivors


def is_alive(process: psutil.Process) -> bool:
    # A process that nobody has waited for yet is dead all the same.
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_guarded_program_dies_with_its_parent(start: Callable[..., Host]) -> None:
    parent = start(sys.executable, "-c", GUARDED, "sh", "-c", "echo up; exec sleep 600")
    assert parent.line() == "up\n"
    assert not killed(parent)


def test_host_dies_with_its_parent_without_the_guard(start: Callable[..., Host], troubled: str, tmp_path: Path) -> None:
    parent = start(sys.executable, "-c", PARENT, *HOST, troubled, NASCORE_TUNER_SOCKET=str(tmp_path / "t.sock"))
    assert parent.line().startswith("nascore-tuner v1")
    assert not killed(parent)


def test_guard_refuses_to_start_an_orphan(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", guard.__file__, "1", "touch", str(tmp_path / "made")], check=False
    )
    assert done.returncode == 1
    assert not (tmp_path / "made").exists()


def test_usage_is_shown_without_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "usage:" in capsys.readouterr().err


def test_every_call_of_the_service_is_served() -> None:
    handler = tuner_handler(Hosted(None))
    service = tuner_pb2.DESCRIPTOR.services_by_name["TunerService"]
    for method in service.methods:
        assert handler.service(SimpleNamespace(method=f"/{service.full_name}/{method.name}")), method.name
    assert service.full_name == SERVICE
