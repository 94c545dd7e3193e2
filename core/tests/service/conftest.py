"""A server in a thread with one event loop for the whole session, clients that call it, and servers to be killed."""

import asyncio
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest
from nascore.client import Client
from nascore.eventloop import loop_factory
from nascore.service import Server

T = TypeVar("T")
TOKEN = "a-token-of-the-tests"
PROGRAM = Path(__file__).with_name("weights_program.py")


class Loop:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self._loop = loop_factory()()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T], *, timeout_s: float = 60.0) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout_s)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture(scope="session")
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


Serve = Callable[..., str]


@pytest.fixture
def serve(loop: Loop) -> Iterator[Serve]:
    """Starts servers on that loop; they are stopped at the end of the test."""
    servers: list[Server] = []

    def serve(experiments: object, address: str = "unix:", **parts: Any) -> str:
        server = Server(experiments, address=address, **{"token": TOKEN, **parts})  # type: ignore[arg-type]
        servers.append(server)
        return loop.run(server.start())

    yield serve
    for server in servers:
        loop.run(server.stop(0.2))


Connect = Callable[..., Client]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Makes clients that are impatient unless told otherwise."""
    clients: list[Client] = []

    def connect(address: str, **parts: Any) -> Client:
        clients.append(Client(address, **{"token": TOKEN, "patience_s": 0, "timeout_s": 60, **parts}))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


@pytest.fixture
def short_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("s") / "x.sock"


class WeightServers:
    """Servers of weights, one after another, each in a process that was forked for it and lives until it is killed."""

    def __init__(self) -> None:
        # One message for each order and each answer.
        self._orders, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        words = [sys.executable, str(PROGRAM), str(its.fileno())]
        self._template = subprocess.Popen(words, pass_fds=[its.fileno()])
        its.close()
        self._pid = 0

    def begin(self, folder: Path, address: str, *, failpoint: str = "") -> None:
        """Begin the next one, and wait until it serves."""
        assert not self._pid, "kill the one before first"
        order = {"folder": str(folder), "address": address, "token": TOKEN, "failpoint": failpoint}
        self._orders.send(json.dumps(order).encode())
        verb, _, word = self._orders.recv(100).decode().partition(" ")
        assert verb == "serving", f"it ended before it served: {word}"
        self._pid = int(word)

    def has_died(self, *, within_s: float) -> bool:
        """Whether it is dead, or dies in so many seconds; only of being killed may it die."""
        if self._pid and select.select([self._orders], [], [], within_s)[0]:
            assert self._orders.recv(100) == f"over {signal.SIGKILL.value}".encode()
            self._pid = 0
        return not self._pid

    def kill(self) -> None:
        """Kill it if it lives, and wait until it is gone."""
        if not self.has_died(within_s=0.0):
            with suppress(ProcessLookupError):  # It died a moment ago, at a failpoint.
                os.kill(self._pid, signal.SIGKILL)
            assert self.has_died(within_s=60.0)

    def close(self) -> None:
        """Kill what lives, and end."""
        try:
            self.kill()
        finally:
            self._orders.close()
            self._template.wait(60)


@pytest.fixture
def weight_servers() -> Iterator[WeightServers]:
    """Begins servers of weights and kills them."""
    servers = WeightServers()
    yield servers
    servers.close()
