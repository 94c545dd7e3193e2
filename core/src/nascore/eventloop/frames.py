"""Frames: messages over a Unix socket, each after its length. In lockstep they cost a tenth of a stream of gRPC.

A frame is its length in bytes (four bytes, unsigned, little-endian) and the message itself. The first frame on a
connection is a key that was told in confidence; no answer is sent to it, and whoever has another is hung up on. After
it each request is followed by its answer before the next one is sent. Sockets lie in folders that only one user can
enter. Not here: what the messages are, and who may send them (``nascore.service.framed``, ``nascore.tuner.framed``).
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections import deque
from struct import Struct
from typing import cast

from nascore.errors import ExhaustedResourceError

MAX_FRAME_BYTES = 4 << 20
"""Largest message, as with gRPC."""
KEY_BYTES = 32
"""Length of a key that is made here."""

_HEAD = Struct("<I")
_MOST_UNREAD = 4  # In lockstep it is one, and one more beside the key.
_AT_ONCE = 1 << 16


def has_frames() -> bool:
    """Whether this system has what frames are sent over."""
    return sys.platform != "win32"


def framed(message: bytes) -> bytes:
    """Return a message with its length before it.

    Raises:
        ExhaustedResourceError: It is too large.
    """
    if len(message) > MAX_FRAME_BYTES:
        raise ExhaustedResourceError(
            f"A message of {len(message):,} bytes; at most {MAX_FRAME_BYTES:,} are sent.", hint="Send less at a time."
        )
    return _HEAD.pack(len(message)) + message


class FrameClient:
    """The asking end, for one thread that waits: it reads the socket itself, so that no other thread has to wake it.

    Args:
        path: Of the socket.
        key: What the other end knows.
        timeout_s: Longest wait for each piece of an answer, seconds.

    Raises:
        OSError: Nobody listens there, or not to this user.
    """

    def __init__(self, path: str, key: bytes, *, timeout_s: float) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.settimeout(timeout_s)
            self._socket.connect(path)
            self._socket.sendall(framed(key))
        except BaseException:
            self._socket.close()
            raise

    def say(self, request: bytes) -> bytes:
        """Send a request and return its answer.

        Raises:
            TimeoutError: No answer came in time.
            OSError: The connection broke, or the other end hung up.
            ExhaustedResourceError: The request is too large; nothing was sent.
        """
        self._socket.sendall(framed(request))
        data = self._received(_AT_ONCE)
        while len(data) < _HEAD.size:
            data += self._received(_HEAD.size - len(data))
        end = _HEAD.size + _HEAD.unpack_from(data)[0]
        if end - _HEAD.size > MAX_FRAME_BYTES:
            raise ConnectionError(f"An answer of {end:,} bytes was announced.")
        if len(data) == end:
            return data[_HEAD.size :]
        return self._rest(bytearray(data), end)

    def close(self) -> None:
        """Hang up; twice is harmless."""
        self._socket.close()

    def __del__(self) -> None:
        # One that is dropped hangs up without a warning, as a stream of gRPC does.
        self._socket.close()

    def _rest(self, data: bytearray, end: int) -> bytes:
        while len(data) < end:
            data += self._received(min(_AT_ONCE, end - len(data)))
        return bytes(data[_HEAD.size :])

    def _received(self, most: int) -> bytes:
        data = self._socket.recv(most)
        if not data:
            raise ConnectionResetError("The other end hung up.")
        return data


class FrameProtocol(asyncio.Protocol):
    """Either end on an event loop: frames in, one reader at a time, and frames out."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._unread: deque[bytes] = deque()
        self._reader: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._is_ended = False

    async def read(self) -> bytes | None:
        """Wait for the next frame; ``None`` once the other end has hung up, or does not keep to the form."""
        while not self._unread:
            if self._is_ended:
                return None
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        return self._unread.popleft()

    def write(self, message: bytes) -> None:
        """Send a frame; lost if the other end has hung up, as `read` tells.

        Raises:
            ExhaustedResourceError: It is too large; nothing was sent.
        """
        data = framed(message)
        if self._transport is not None and not self._is_ended:
            self._transport.write(data)

    async def drained(self) -> None:
        """Wait until the other end takes what was written."""
        while self._writable is not None and not self._is_ended:
            await self._writable

    def close(self) -> None:
        """Hang up."""
        self._is_ended = True
        if self._transport is not None:
            self._transport.close()
        self._wake()

    @property
    def is_ended(self) -> bool:
        """Whether either end has hung up."""
        return self._is_ended

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; called by the loop, as the following are."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, error: Exception | None) -> None:
        """End."""
        self._is_ended = True
        self._wake()

    def data_received(self, data: bytes) -> None:
        """Take bytes as they come."""
        if not self._buffer and len(data) >= _HEAD.size and len(data) - _HEAD.size == _HEAD.unpack_from(data)[0]:
            self._take(data[_HEAD.size :])  # As it is in lockstep: one whole frame, which is copied but once.
            return
        self._buffer += data
        while len(self._buffer) >= _HEAD.size:
            end = _HEAD.size + _HEAD.unpack_from(self._buffer)[0]
            if end - _HEAD.size > MAX_FRAME_BYTES:
                self.close()
                return
            if len(self._buffer) < end:
                return
            frame = bytes(self._buffer[_HEAD.size : end])
            del self._buffer[:end]
            self._take(frame)

    def pause_writing(self) -> None:
        """Hold `drained` back."""
        self._writable = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        """Let `drained` go on."""
        writable, self._writable = self._writable, None
        _release(writable)

    def _take(self, frame: bytes) -> None:
        if len(self._unread) >= _MOST_UNREAD:
            self.close()  # It does not wait for answers.
            return
        self._unread.append(frame)
        self._wake()

    def _wake(self) -> None:
        reader, self._reader = self._reader, None
        _release(reader)
        if self._is_ended:
            _release(self._writable)


def _release(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
