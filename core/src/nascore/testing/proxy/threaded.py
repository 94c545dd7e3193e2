"""`ProxyThread`: the same proxy for tests without an event loop; it runs one in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from types import TracebackType
from typing import Self, TypeVar

from nascore.testing.proxy.rules import BOTH, Direction
from nascore.testing.proxy.tcp import TcpProxy

T = TypeVar("T")
_PATIENCE_S = 30.0


class ProxyThread:
    """`TcpProxy` behind plain calls; a context manager. Thread-safe.

    Args:
        target: Address of the server: ``host:port`` or ``unix:/path``.
        listen: Address of the proxy itself: a loopback port (0 for a free one) or ``unix:/path``.

    Raises:
        InvalidInputError: If an address is malformed, or the proxy's could be reached from other machines.
    """

    def __init__(self, target: str, *, listen: str = "127.0.0.1:0") -> None:
        self._proxy = TcpProxy(target, listen=listen)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    @property
    def address(self) -> str:
        """Where clients reach the proxy."""
        return self._proxy.address

    @property
    def connections(self) -> int:
        """Connections that are open now."""
        return self._proxy.connections

    @property
    def accepted(self) -> int:
        """Connections so far."""
        return self._proxy.accepted

    @property
    def passed(self) -> dict[Direction, int]:
        """Bytes so far, by direction."""
        return dict(self._proxy.passed)

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._proxy.__aenter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._proxy.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE_S)
        self._loop.close()

    def delay(self, seconds: float, *, directions: Iterable[Direction] = BOTH) -> None:
        """As `TcpProxy.delay`."""
        self._do(partial(self._proxy.delay, seconds, directions=tuple(directions)))

    def throttle(self, bytes_per_second: float, *, directions: Iterable[Direction] = BOTH) -> None:
        """As `TcpProxy.throttle`."""
        self._do(partial(self._proxy.throttle, bytes_per_second, directions=tuple(directions)))

    def half_open(self, *, directions: Iterable[Direction] = BOTH) -> None:
        """As `TcpProxy.half_open`."""
        self._do(partial(self._proxy.half_open, directions=tuple(directions)))

    def truncate(self, after_bytes: int, *, directions: Iterable[Direction] = BOTH) -> None:
        """As `TcpProxy.truncate`."""
        self._do(partial(self._proxy.truncate, after_bytes, directions=tuple(directions)))

    def cut(self) -> None:
        """As `TcpProxy.cut`."""
        self._do(self._proxy.cut)

    def reset(self) -> None:
        """As `TcpProxy.reset`."""
        self._do(self._proxy.reset)

    def restore(self) -> None:
        """As `TcpProxy.restore`."""
        self._do(self._proxy.restore)

    def _do(self, act: Callable[[], None]) -> None:
        async def acting() -> None:
            act()

        self._run(acting())

    def _run(self, work: Coroutine[object, object, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE_S)
