"""Questions to a tuner as frames over a Unix socket, in lockstep: a tenth of the cost of its stream.

Used where the tuner names such a socket beside its own (``frames_path``); what cannot be asked here is asked on the
stream or by a call, for asks are idempotent. Not here: the form of frames (``nascore.eventloop``), and the other end
(``host``).
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from google.protobuf.message import DecodeError

from nascore.eventloop import FrameProtocol, has_frames
from nascore.v1 import tuner_pb2

_UNIX = "unix:"


class AskFrames:
    """One connection, opened when it is first used; given up for good when it breaks. One question at a time.

    Args:
        path: Of the socket.
        key: What the tuner's process was told for its callers.
    """

    def __init__(self, path: str, key: bytes) -> None:
        self._path = path
        self._key = key
        self._connection: FrameProtocol | None = None
        self._is_over = False

    async def exchange(self, request: tuner_pb2.StreamAsksRequest) -> tuner_pb2.StreamAsksResponse | None:
        """Return the answer as it came; ``None`` if the connection broke."""
        if self._is_over:
            return None
        try:
            raw = await self._exchanged(request.SerializeToString())
        except OSError:
            return None
        try:
            return None if raw is None else tuner_pb2.StreamAsksResponse.FromString(raw)
        except DecodeError:
            return tuner_pb2.StreamAsksResponse()  # It answers, with nothing that could be read.

    def close(self) -> None:
        """Hang up for good; twice is harmless."""
        self._is_over = True
        if self._connection is not None:
            self._connection.close()

    async def _exchanged(self, request: bytes) -> bytes | None:
        if self._connection is None:
            loop = asyncio.get_running_loop()
            _, self._connection = await loop.create_unix_connection(FrameProtocol, self._path)
            self._connection.write(self._key)
        self._connection.write(request)
        return await self._connection.read()


def frames_beside(target: str, path: str, *, token: str) -> AskFrames | None:
    """Return the way to ask by frames, if a tuner at ``target`` may offer that socket: it lies in its own folder."""
    if not path or not has_frames() or not target.startswith(_UNIX):
        return None
    if Path(path).parent != Path(target.removeprefix(_UNIX)).parent:
        return None
    return AskFrames(path, token.encode())
