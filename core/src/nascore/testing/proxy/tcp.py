"""`TcpProxy`: stands between a client and a server, and spoils what goes through it as a test says.

It knows nothing of what it passes, so it serves gRPC, HTTP and TLS alike. Not here: a proxy for tests without an event
loop (``nascore.testing.proxy.threaded``).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from nascore.client import UnixAddress, parse_address
from nascore.errors import InvalidInputError
from nascore.testing.proxy.link import Link, Side
from nascore.testing.proxy.listener import Listener
from nascore.testing.proxy.rules import BOTH, Direction, Rules, check_positive


class TcpProxy:
    """A proxy in front of a server at a TCP port or a Unix socket; an async context manager.

    The faults take effect at once, on connections that are there and on those to come, and add up until `restore`.
    All methods are called in the thread of the event loop that it was entered in.

    Args:
        target: Address of the server: ``host:port`` or ``unix:/path``. It is dialled anew for each client, so the
            server may come and go.
        listen: Address of the proxy itself: a loopback port (0 for a free one) or ``unix:/path``.

    Attributes:
        accepted: Connections so far.
        passed: Bytes so far, by direction.

    Raises:
        InvalidInputError: If an address is malformed, or the proxy's could be reached from other machines.

    Example:
        async with TcpProxy("127.0.0.1:8470") as proxy:
            client = Client(proxy.address)
            proxy.delay(0.2)
    """

    def __init__(self, target: str, *, listen: str = "127.0.0.1:0") -> None:
        self.accepted = 0
        self.passed = dict.fromkeys(BOTH, 0)
        self._target = parse_address(target)
        self._listener = Listener(listen)
        self._rules: dict[Direction, Rules] = {}
        self._links: set[Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        """Where clients reach the proxy."""
        return str(self._listener.address)

    @property
    def connections(self) -> int:
        """Connections that are open now."""
        return len(self._links)

    async def __aenter__(self) -> Self:
        self._rules = {direction: Rules() for direction in BOTH}
        self._admit()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._refuse()
        self._listener.leave()
        self.reset()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def delay(self, seconds: float, *, directions: Iterable[Direction] = BOTH) -> None:
        """Let each byte arrive ``seconds`` later; how many are on the way at once is not bounded by it."""
        check_positive("seconds", seconds)
        for rules in self._of(directions):
            rules.delay_s = seconds
            rules.changed()

    def throttle(self, bytes_per_second: float, *, directions: Iterable[Direction] = BOTH) -> None:
        """Pass at most so many bytes a second, of each connection."""
        check_positive("bytes_per_second", bytes_per_second)
        if bytes_per_second == 0:
            raise InvalidInputError("bytes_per_second: 0 passes nothing.", hint="Use half_open() for that.")
        for rules in self._of(directions):
            rules.rate = bytes_per_second
            rules.changed()

    def half_open(self, *, directions: Iterable[Direction] = BOTH) -> None:
        """Swallow all bytes and ends of stream without a sign; connections are still accepted."""
        for rules in self._of(directions):
            rules.swallows = True
            rules.changed()

    def truncate(self, after_bytes: int, *, directions: Iterable[Direction] = BOTH) -> None:
        """End each connection once it has passed ``after_bytes`` more bytes in one of the directions."""
        check_positive("after_bytes", after_bytes)
        for direction in directions:
            self._rules[direction].passes = after_bytes
            for link in self._links:
                link.bound(direction, after_bytes)

    def cut(self) -> None:
        """Close all connections, and refuse new ones until `restore`."""
        self._refuse()
        for link in self._links:
            link.close()

    def reset(self) -> None:
        """Break all connections that are there, with RST on TCP; new ones are accepted."""
        for link in self._links:
            link.reset()

    def restore(self) -> None:
        """End all faults. Connections that lost bytes are broken, for they could only go on wrongly."""
        for direction, rules in self._rules.items():
            rules.clear()
            for link in self._links:
                link.bound(direction, None)
        for link in self._links:
            if link.has_lost:
                link.reset()
        self._admit()

    def _of(self, directions: Iterable[Direction]) -> list[Rules]:
        return [self._rules[direction] for direction in directions]

    def _admit(self) -> None:
        asyncio.get_running_loop().add_reader(self._listener.open(), self._accept)

    def _refuse(self) -> None:
        if self._listener.socket is not None:
            asyncio.get_running_loop().remove_reader(self._listener.socket)
            self._listener.close()

    def _accept(self) -> None:
        if self._listener.socket is None:
            return
        with contextlib.suppress(BlockingIOError, ConnectionAbortedError):
            client, _ = self._listener.socket.accept()
            self.accepted += 1
            task = asyncio.create_task(self._serve(client))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, accepted: socket.socket) -> None:
        client = Side(*await _streams(accepted))
        try:
            target = Side(*await self._dial())
        except (OSError, asyncio.CancelledError):  # Nobody is there, or the proxy ends: the client is sent away.
            client.reset()
            return
        link = Link(client, target, self._rules)
        self._links.add(link)
        try:
            await link.run(self._count)
        finally:
            self._links.discard(link)

    async def _dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._target, UnixAddress):
            return await asyncio.open_unix_connection(self._target.path)
        return await asyncio.open_connection(self._target.host, self._target.port)

    def _count(self, direction: Direction, count: int) -> None:
        self.passed[direction] += count


async def _streams(accepted: socket.socket) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if accepted.family == socket.AF_UNIX:
        return await asyncio.open_unix_connection(sock=accepted)
    return await asyncio.open_connection(sock=accepted)
