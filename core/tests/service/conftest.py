"""A server in a thread of its own with one event loop for the whole session, and clients that call it."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from nascore.client import Client
from nascore.eventloop import loop_factory
from nascore.service import Server

T = TypeVar("T")
TOKEN = "a-token-of-the-tests"


class Loop:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self._loop = loop_factory()()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T], *, timeout_s: float = 30.0) -> T:
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
        clients.append(Client(address, **{"token": TOKEN, "patience_s": 0, "timeout_s": 20, **parts}))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


@pytest.fixture
def short_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("s") / "x.sock"
