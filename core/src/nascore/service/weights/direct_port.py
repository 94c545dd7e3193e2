"""A port beside that of gRPC, for many bytes: who was given a ticket connects, and what was agreed on is done there.

A ticket is given over gRPC, which has looked at the caller's token, and is good for one connection; what becomes of the
transfer is told over the call that gave it, and the end of either ends the other. Each connection has a thread of its
own. Not here: what goes over it (``direct_transfer``).
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from contextvars import copy_context

from nascore.errors import InternalError, NascoreError, StateError, UnavailableError
from nascore.service.tls import ServerTls
from nascore.weights.direct_wire import TICKET, break_off, receive, send

logger = logging.getLogger(__name__)

_GREETING_S = 10.0
_SILENT_S = 300.0
"""Seconds after which a connection over which no byte goes is given up; a slow reader takes some in far less."""
_MOST = 512
_BACKLOG = 128
_END_S = 5.0
_REST_S = 1.0
_UNSENT = 1 << 20
_UNSENT_OPTION: int | None = getattr(socket, "TCP_NOTSENT_LOWAT", None)

Work = Callable[[socket.socket], None]


class Transfer:
    """What was agreed on with one caller: a ticket, and what is done with the connection that shows it.

    Attributes:
        ticket: What the caller sends first.
        proof: What the caller gets then, so that it knows with whom it speaks.
    """

    def __init__(self, work: Work) -> None:
        self.ticket, self.proof = secrets.token_bytes(TICKET), secrets.token_bytes(TICKET)
        self._work = work
        self._context = copy_context()  # So that it is known whose transfer it is.
        self._loop = asyncio.get_running_loop()
        self._done: asyncio.Future[None] = self._loop.create_future()
        self._begin_before = self._loop.time() + _GREETING_S
        self._connection: socket.socket | None = None
        self._is_cancelled = False
        self._guard = threading.Lock()  # Guards the two above.

    async def is_over(self, within_s: float) -> bool:
        """Wait so many seconds at most, and return whether it is over.

        Raises:
            NascoreError: What ended it.
        """
        left_s = within_s if self._has_begun() else min(within_s, self._begin_before - self._loop.time())
        await asyncio.wait([self._done], timeout=max(left_s, 0.0))
        if self._done.done():
            self._done.result()
            return True
        if self._loop.time() >= self._begin_before and not self._has_begun():
            raise StateError(
                f"Nobody has connected to the direct port within {_GREETING_S:g} s.", hint="Connect sooner."
            )
        return False

    def _has_begun(self) -> bool:
        with self._guard:
            return self._connection is not None

    def run(self, connection: socket.socket) -> None:
        """Do what was agreed on, in the thread of the connection."""
        with self._guard:
            if self._is_cancelled:
                return
            self._connection = connection
        error: NascoreError | None = None
        try:
            self._context.run(self._work, connection)
        except NascoreError as fault:
            error = fault
        except (OSError, ValueError) as fault:  # A socket that was closed here has a number that is no value.
            error = UnavailableError(f"The direct connection broke: {fault}.")
        except Exception as fault:  # the border of the process: whoever waits must hear that it is over
            logger.exception("A direct transfer failed.")
            error = InternalError(f"The server failed: {type(fault).__name__}.", hint="Its log says where.")
        with suppress(RuntimeError):  # The loop has ended.
            self._loop.call_soon_threadsafe(self._finish, error)

    def cancel(self) -> None:
        """End it; its connection, if there is one, breaks."""
        with self._guard:
            self._is_cancelled = True
            if self._connection is not None:
                break_off(self._connection)

    def _finish(self, error: NascoreError | None) -> None:
        if self._done.done():
            return
        if error is None:
            self._done.set_result(None)
        else:
            self._done.set_exception(error)
            self._done.exception()  # If nobody waits any more, nobody needs to know.


class DirectPort:
    """Listens for those who have a ticket. Belongs to one event loop.

    Args:
        host: IP address at which it listens.
        port: Which port; 0 for a free one.
        tls: Certificate and key, if the service has some.

    Attributes:
        port: Where it listens.

    Raises:
        StateError: The port is in use.
    """

    def __init__(self, host: str, *, port: int = 0, tls: ServerTls | None = None) -> None:
        self._tls = None if tls is None else tls.context()
        try:
            self._listener = _listening(host, port)
        except OSError as error:
            raise StateError(
                f"Cannot listen at port {port} of {host} for direct connections: {error.strerror}.",
                hint="Choose another --data-port; 0 takes a free one, and `off` none.",
            ) from None
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._expected: dict[bytes, Transfer] = {}
        self._open: dict[threading.Thread, socket.socket] = {}
        self._guard = threading.Lock()  # Guards the two above.
        self._listen()

    @asynccontextmanager
    async def expected(self, work: Work) -> AsyncIterator[Transfer]:
        """Give a ticket with which ``work`` is done, until the block is left."""
        transfer = Transfer(work)
        with self._guard:
            self._expected[transfer.ticket] = transfer
        try:
            yield transfer
        finally:
            with self._guard:
                self._expected.pop(transfer.ticket, None)
            transfer.cancel()

    def stop_listening(self) -> None:
        """Take no more connections; in the event loop. Twice is harmless."""
        if self._listener.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._listener.fileno())
            self._listener.close()

    def close(self) -> None:
        """End all connections and wait for their threads; not in the event loop."""
        with self._guard:
            threads = list(self._open)
            for connection in self._open.values():
                break_off(connection)
        for thread in threads:
            thread.join(_END_S)

    def _listen(self) -> None:
        if self._listener.fileno() >= 0:
            asyncio.get_running_loop().add_reader(self._listener.fileno(), self._accept)

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, ConnectionError):
            return
        except OSError as error:  # There are too many open files: it would be asked again at once, and for good.
            logger.warning("No direct connections for %g s: %s.", _REST_S, error)
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._listener.fileno())
            loop.call_later(_REST_S, self._listen)
            return
        thread = threading.Thread(target=self._serve, args=(connection,), name="nascore-direct", daemon=True)
        with self._guard:
            if len(self._open) >= _MOST:
                connection.close()
                return
            self._open[thread] = connection
        thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            self._transfer(self._spoken(connection))
        except (OSError, ValueError) as error:  # Whoever it was has gone, or speaks something else.
            logger.info("A direct connection came to nothing: %s", error)
        finally:
            with self._guard:
                self._open.pop(threading.current_thread()).close()

    def _spoken(self, connection: socket.socket) -> socket.socket:
        connection.settimeout(_GREETING_S)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if _UNSENT_OPTION is not None:  # What waits for a slow reader would fill megabytes of the system's memory.
            connection.setsockopt(socket.IPPROTO_TCP, _UNSENT_OPTION, _UNSENT)
        if self._tls is None:
            return connection
        spoken = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        with self._guard:
            self._open[threading.current_thread()] = spoken
        spoken.do_handshake()
        return spoken

    def _transfer(self, connection: socket.socket) -> None:
        ticket = receive(connection, TICKET)
        with self._guard:
            transfer = self._expected.pop(ticket, None)
        if transfer is None:
            logger.info("A direct connection came with a ticket that is not good, or not any more.")
            return
        send(connection, transfer.proof)
        connection.settimeout(_SILENT_S)
        transfer.run(connection)


def _listening(host: str, port: int) -> socket.socket:
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    is_everywhere = host == "::" and socket.has_dualstack_ipv6()
    return socket.create_server((host, port), family=family, backlog=_BACKLOG, dualstack_ipv6=is_everywhere)
