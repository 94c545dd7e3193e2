"""Direct connections to a server: many bytes go beside gRPC, which tells where to connect to and what became of them.

A server that has no port for them, or one that cannot be reached (a firewall, a forwarded port), costs one try; after
that everything goes over gRPC for a while. Not here: the blobs themselves (``upload``, ``download``).
"""

from __future__ import annotations

import hmac
import logging
import socket
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from nascore.client.address import TcpAddress
from nascore.client.connection import Connection
from nascore.client.weights.calls import SERVICE
from nascore.errors import DataLossError, NascoreError, UnavailableError, UnsupportedError
from nascore.v1 import weights_pb2
from nascore.weights.direct_wire import TICKET, receive, send

logger = logging.getLogger(__name__)

WORTH = 4 << 20
"""Bytes from which on a connection of their own is worth while."""
_CONNECTED_S = 1.0
_GREETED_S = 10.0
_AGAIN_S = 300.0

Told = weights_pb2.UploadDirectResponse | weights_pb2.DownloadDirectResponse
ToldT = TypeVar("ToldT", weights_pb2.UploadDirectResponse, weights_pb2.DownloadDirectResponse)


class NoDirectPortError(UnavailableError):
    """The server cannot be reached directly; what is to be moved goes over gRPC."""


class Direct:
    """Makes direct connections to one server. Thread-safe.

    Args:
        connection: To the server.
        is_allowed: Whether to try at all.
    """

    def __init__(self, connection: Connection, *, is_allowed: bool = True) -> None:
        self._connection = connection
        self._is_allowed = is_allowed and isinstance(connection.address, TcpAddress)
        self._not_before = 0.0
        self._guard = threading.Lock()  # Guards the one above.

    def is_worth(self, size: int) -> bool:
        """Whether to move so many bytes over a direct connection."""
        with self._guard:
            return self._is_allowed and size >= WORTH and time.monotonic() >= self._not_before

    @contextmanager
    def connected(
        self, method: str, request: Message, response: type[ToldT], *, timeout_s: float
    ) -> Iterator[socket.socket]:
        """Give a connection for one transfer; on leaving, wait until the server says what became of it.

        Args:
            method: ``UploadDirect`` or ``DownloadDirect``.
            request: Its request.
            response: Type of its answers.
            timeout_s: Seconds that it all may take.

        Raises:
            NoDirectPortError: There is no such connection to be had.
            NascoreError: What went wrong.
        """
        stream = self._connection.pieces(f"{SERVICE}/{method}", request, timeout_s=timeout_s)
        with closing(stream) as answers:
            with self._opened(self._told(answers, response)) as opened:
                try:
                    yield opened
                except NascoreError:
                    raise
                except OSError as error:
                    opened.close()
                    _hear(answers)
                    raise UnavailableError(
                        f"The direct connection to {self._connection.address} broke: {error}.", hint="Try again."
                    ) from error
            _hear(answers)

    def _told(self, answers: Generator[bytes, None, None], response: type[ToldT]) -> ToldT:
        try:
            told = response.FromString(next(answers, b""))
        except UnsupportedError:  # The server is older than direct connections.
            told = response()
        except DecodeError as error:
            raise DataLossError(f"The answer of {self._connection.address} is not a {response.__name__}.") from error
        if not told.port:
            raise self._given_up("it has no port for direct connections")
        return told

    def _opened(self, told: Told) -> socket.socket:
        address = self._connection.address
        assert isinstance(address, TcpAddress)
        try:
            opened = socket.create_connection((address.host, told.port), timeout=_CONNECTED_S)
            opened.settimeout(_GREETED_S)
            if (tls := self._connection.tls) is not None:
                opened = tls.context().wrap_socket(opened, server_hostname=address.host)
            try:
                _greet(opened, told)
            except BaseException:
                opened.close()
                raise
        except OSError as error:
            raise self._given_up(f"port {told.port}: {error}") from None
        opened.settimeout(self._connection.timeout_s)
        return opened

    def _given_up(self, why: str) -> NoDirectPortError:
        with self._guard:
            self._not_before = time.monotonic() + _AGAIN_S
        logger.info("Weights of %s go over gRPC: %s.", self._connection.address, why)
        return NoDirectPortError(why)


def _greet(opened: socket.socket, told: Told) -> None:
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    send(opened, told.ticket)
    if not hmac.compare_digest(receive(opened, TICKET), told.proof):
        raise ConnectionError("somebody else listens there")


def _hear(answers: Generator[bytes, None, None]) -> None:
    """Wait for the end of the answers, which is an error if the server has one to tell."""
    for _ in answers:
        pass
