"""Messages between the processes of a worker: JSON dictionaries on a socket pair, each with its length in front.

A message may carry one file descriptor. Both ends are one program on one machine, yet a trial's code shares a process
with one of them, so lengths are bounded and what does not read as a message is an error.
"""

from __future__ import annotations

import json
import select
import socket
import struct
from typing import Any

from nascore.errors import DataLossError, InvalidInputError

MAX_MESSAGE = 16 * 2**20
_LENGTH = struct.Struct(">I")


class Channel:
    """One end of a socket pair; not thread-safe in either direction."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    @classmethod
    def pair(cls) -> tuple[Channel, Channel]:
        """Return two ends that talk to each other."""
        first, second = socket.socketpair()
        return cls(first), cls(second)

    def fileno(self) -> int:
        """Return the descriptor, for selecting."""
        return self._end.fileno()

    def close(self) -> None:
        """Close this end."""
        self._end.close()

    def send(self, message: dict[str, Any], *, descriptor: int | None = None) -> None:
        """Send a message, with a descriptor that the other end gets a copy of.

        Raises:
            InvalidInputError: The message is longer than 16 MiB, or holds a number that is not finite.
            OSError: The other end is gone.
        """
        try:
            content = json.dumps(message, allow_nan=False).encode()
        except ValueError as fault:
            raise InvalidInputError(f"A message between processes cannot be written: {fault}.") from fault
        if len(content) > MAX_MESSAGE:
            raise InvalidInputError(f"A message between processes has {len(content)} bytes; {MAX_MESSAGE} are allowed.")
        framed = _LENGTH.pack(len(content)) + content
        sent = socket.send_fds(self._end, [framed], [] if descriptor is None else [descriptor])
        if sent < len(framed):
            # Not for nothing: the other end may have read the last message and gone.
            self._end.sendall(framed[sent:])

    def receive(self) -> dict[str, Any] | None:
        """Wait for a message; ``None`` if the other end is gone. A descriptor comes as the entry ``descriptor``.

        Raises:
            DataLossError: What came is no message.
        """
        try:
            header, descriptors, _, _ = socket.recv_fds(self._end, _LENGTH.size, 1)
            header += self._exactly(_LENGTH.size - len(header)) if header else b""
            content = self._content(header) if header else b""
        except (ConnectionResetError, EOFError):
            return None
        if not header:
            return None
        message = _message(content)
        return message | {"descriptor": descriptors[0]} if descriptors else message

    def has_message(self, timeout_s: float) -> bool:
        """Whether something can be received within ``timeout_s`` seconds, the end included."""
        waiting = select.poll()
        waiting.register(self._end, select.POLLIN)
        return bool(waiting.poll(timeout_s * 1000))

    def _content(self, header: bytes) -> bytes:
        (length,) = _LENGTH.unpack(header)
        if length > MAX_MESSAGE:
            raise DataLossError(f"A message between processes claims {length} bytes; something else wrote to it.")
        return self._exactly(length)

    def _exactly(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            part = self._end.recv(size - len(parts))
            if not part:
                raise EOFError
            parts += part
        return bytes(parts)


def _message(content: bytes) -> dict[str, Any]:
    try:
        message = json.loads(content)
    except ValueError as fault:
        raise DataLossError("What came between processes is no JSON; something else wrote to the socket.") from fault
    if not isinstance(message, dict):
        raise DataLossError("What came between processes is no message; something else wrote to the socket.")
    return message
