"""Where a proxy listens: a place that stays its own while nobody is let in.

A TCP port is kept by a second socket that is bound and never listens, so that no other process is given it meanwhile
(Linux lets sockets with SO_REUSEADDR share a port as long as one of them listens).
"""

from __future__ import annotations

import contextlib
import os
import socket

from nascore.client import TcpAddress, UnixAddress, parse_address
from nascore.errors import InvalidInputError

_BACKLOG = 128


class Listener:
    """A listening socket that can be closed and opened again at the same address.

    Raises:
        InvalidInputError: The address is one that others could reach.
        OSError: It is in use.
    """

    def __init__(self, address: str) -> None:
        wanted = parse_address(address)
        if not wanted.is_loopback():
            raise InvalidInputError(
                f"address {address}: a proxy for tests listens on this machine only.", hint="Write 127.0.0.1:0."
            )
        self._kept: socket.socket | None = None
        self.socket: socket.socket | None = None
        if isinstance(wanted, TcpAddress):
            self._kept = _bound_tcp(wanted.resolve()[0], wanted.port)
            wanted = TcpAddress(wanted.resolve()[0], self._kept.getsockname()[1])
        self.address: TcpAddress | UnixAddress = wanted

    def open(self) -> socket.socket:
        """Listen (again), and return the socket; connections wait in it."""
        if self.socket is None:
            if isinstance(self.address, TcpAddress):
                self.socket = _bound_tcp(self.address.host, self.address.port)
            else:
                self.socket = _bound_unix(self.address.path)
            self.socket.listen(_BACKLOG)
            self.socket.setblocking(False)
        return self.socket

    def close(self) -> None:
        """Refuse whoever comes, but keep the place."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def leave(self) -> None:
        """Give the place up."""
        self.close()
        if self._kept is not None:
            self._kept.close()
        if isinstance(self.address, UnixAddress):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.address.path)  # noqa: PTH108  # as the socket calls, without a Path


def _bound_tcp(host: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound


def _bound_unix(path: str) -> socket.socket:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)  # noqa: PTH108
    bound = socket.socket(socket.AF_UNIX)
    try:
        bound.bind(path)
    except OSError:
        bound.close()
        raise
    return bound
