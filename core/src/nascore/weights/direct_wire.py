"""What goes over a direct connection: messages after their lengths, and the bytes of blobs as they are.

See ``UploadDirectResponse`` in weights.proto. Sockets block here, with a timeout. Not here: who connects and why
(``nascore.client.weights.direct``, ``nascore.service.weights.direct``).
"""

from __future__ import annotations

import os
import queue
import select
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from types import TracebackType
from typing import Self

from nascore.errors import InvalidInputError
from nascore.weights.chunk_wire import MAX_CHUNK
from nascore.weights.tensor import Data, size_of

TICKET = 32
"""Bytes of a ticket, and of the proof that answers it."""
PIECE = 1 << 20
"""Bytes that are moved at a time."""

_MOST = MAX_CHUNK + (256 << 10)
_LENGTH = 4
_MORE: int = getattr(socket, "MSG_MORE", 0)
_SENT_AT_ONCE = 8 << 20


def send_message(connection: socket.socket, message: bytes, *, then: bytes = b"", has_more: bool = False) -> None:
    """Send a message after its length; empty ends what is sent.

    Args:
        connection: Where to.
        message: The message.
        then: Bytes that follow it.
        has_more: Whether more follows at once.
    """
    send(connection, b"".join((len(message).to_bytes(_LENGTH, "little"), message, then)), has_more=has_more)


def send(connection: socket.socket, data: Data, *, has_more: bool = False) -> None:
    """Send all bytes; the connection's timeout is for each step, not for all of them as with ``sendall``."""
    # TLS has records of its own, and takes no flags.
    flags = _MORE if has_more and not isinstance(connection, ssl.SSLSocket) else 0
    left = memoryview(data).cast("B") if size_of(data) else memoryview(b"")
    while left:
        left = left[connection.send(left[:PIECE], flags) :]


def send_file(connection: socket.socket, descriptor: int, offset: int, size: int) -> int:
    """Send bytes of an open file without copying them, and return how many; fewer where the file ends.

    Raises:
        TimeoutError: Nobody took any for as long as the connection's timeout.
    """
    sent = 0
    while sent < size:
        try:
            count = os.sendfile(connection.fileno(), descriptor, offset + sent, min(size - sent, _SENT_AT_ONCE))
        except BlockingIOError:
            _wait_to_send(connection)
            continue
        if not count:
            break
        sent += count
    return sent


def _wait_to_send(connection: socket.socket) -> None:
    poll = select.poll()
    poll.register(connection, select.POLLOUT)
    timeout_s = connection.gettimeout()
    if not poll.poll(None if timeout_s is None else 1000 * timeout_s):
        raise TimeoutError("timed out")


def receive_message(connection: socket.socket) -> bytes:
    """Return the next message; empty at the end.

    Raises:
        ConnectionError: The connection broke.
        InvalidInputError: It is larger than any message.
    """
    size = int.from_bytes(receive(connection, _LENGTH), "little")
    if size > _MOST:
        raise InvalidInputError(f"A message of {size:,} bytes over a direct connection; at most {_MOST:,} are taken.")
    return receive(connection, size)


def receive(connection: socket.socket, size: int) -> bytes:
    """Return so many bytes.

    Raises:
        ConnectionError: The connection broke.
    """
    content = bytearray(size)
    receive_into(connection, memoryview(content))
    return bytes(content)


def receive_into(connection: socket.socket, target: memoryview) -> None:
    """Fill ``target``.

    Raises:
        ConnectionError: The connection broke.
    """
    while target:
        count = connection.recv_into(target[:PIECE])
        if not count:
            raise ConnectionError("the direct connection ended early")
        target = target[count:]


def break_off(connection: socket.socket) -> None:
    """End a connection at which another thread is at work."""
    with suppress(OSError):
        # Not the method of a socket with TLS: what that thread still reads would be taken for plain text.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


class Follower:
    """A thread that does work in the order in which it is given, while the giver goes on; a context manager.

    What work raises is raised to the giver with the next work, or at the end; what follows is not done then.

    Args:
        name: Of the thread.
        waiting: Pieces of work that it has before it, at most, beside the one at which it is. Where processors are
            busy each wait of one thread for the other takes long, so more is better than less.
        on_failure: Called once work has failed, to wake a giver who waits for something else.
    """

    def __init__(self, name: str, *, waiting: int, on_failure: Callable[[], None] = lambda: None) -> None:
        self._on_failure = on_failure
        self._work: queue.Queue[Callable[[], None] | None] = queue.Queue(waiting)
        self._error: BaseException | None = None
        # With the context of the giver, by which it is known whose work it is.
        self._thread = threading.Thread(target=copy_context().run, args=(self._run,), name=name, daemon=True)

    def give(self, work: Callable[[], None]) -> None:
        """Have something done after all that was given before; waits while much is waiting."""
        self._raise()
        self._work.put(work)

    def finish(self) -> None:
        """Wait until all is done."""
        if self._thread.is_alive():
            self._work.put(None)
            self._thread.join()
        self._raise()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.finish()
            return
        # What was given is done also if the giver failed: those bytes have come.
        self._work.put(None)
        self._thread.join()
        if self._error is not None and self._error is not error:
            raise self._error from error  # It was the first that failed.

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            if self._error is None:
                try:
                    work()
                except BaseException as error:  # for who gives the next
                    self._error = error
                    self._on_failure()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error
