"""A door for one caller of this machine: the requests of its stream as frames, which cost a tenth of it.

The socket lies in a folder of its own that only this user can enter, and the key is told on the stream, so whoever
comes has been let in already. Not here: frames (``nascore.eventloop``), and what looks at each request (``dispatch``).
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from nascore.eventloop import KEY_BYTES, FrameDoor, has_frames
from nascore.service.drain import Drain
from nascore.tuner.folders import PrivateFolder

logger = logging.getLogger(__name__)

_SOCKET_NAME = "frames.sock"


@asynccontextmanager
async def private_door(
    answer: Callable[[bytes], Awaitable[bytes | None]], drain: Drain
) -> AsyncIterator[tuple[str, bytes] | None]:
    """Open a door until the block ends; yields its path and key, or ``None`` where there can be none.

    Args:
        answer: Answers a request.
        drain: Whether the server is going down; requests that come then are not begun.
    """
    if not has_frames():
        yield None
        return

    async def answer_while_serving(frame: bytes) -> bytes | None:
        return None if drain.has_begun else await answer(frame)

    try:
        folder = PrivateFolder(socket_name=_SOCKET_NAME)
    except OSError as error:
        logger.info("No door for frames: %s", error)
        yield None
        return
    key = secrets.token_bytes(KEY_BYTES)
    door = FrameDoor(folder.socket, key, answer=answer_while_serving)
    try:
        await door.open()
        yield str(folder.socket), key
    finally:
        folder.clear()  # At once: what is awaited while a call is cancelled may be cancelled again.
        await door.close()
