"""A door for frames: a Unix socket at which whoever knows the key is answered, frame by frame.

Not here: the form of frames (``frames``), and what they say.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from nascore.eventloop.frames import FrameProtocol

logger = logging.getLogger(__name__)

_KEY_S = 10.0
_MOST_GUESTS = 16


class FrameDoor:
    """A listening socket and those who came through it. Belongs to one event loop.

    Args:
        path: Of the socket; nothing is there yet, and only this user can enter its folder.
        key: The first frame of whoever is let in.
        answer: Answers a frame; what it returns as ``None``, or raises, hangs up.
    """

    def __init__(self, path: Path, key: bytes, *, answer: Callable[[bytes], Awaitable[bytes | None]]) -> None:
        self._path = path
        self._key = key
        self._answer = answer
        self._server: asyncio.Server | None = None
        self._guests: dict[asyncio.Task[None], FrameProtocol] = {}

    async def open(self) -> None:
        """Listen.

        Raises:
            OSError: The socket cannot be made.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(lambda: _Guest(self._let_in), str(self._path))

    async def close(self) -> None:
        """Hang up on everybody, also in the middle of an answer; twice is harmless."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
            self._path.unlink(missing_ok=True)
        tasks = [task for task in self._guests if task is not asyncio.current_task()]
        for task in tasks:
            self._guests[task].close()  # By us: a task that has not begun yet ends without a step.
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _let_in(self, guest: FrameProtocol) -> None:
        if self._server is None or len(self._guests) >= _MOST_GUESTS:
            guest.close()
            return
        task = asyncio.get_running_loop().create_task(self._serve(guest))
        self._guests[task] = guest
        task.add_done_callback(self._guests.pop)

    async def _serve(self, guest: FrameProtocol) -> None:
        try:
            if not await self._knows_key(guest):
                return
            while (request := await guest.read()) is not None:
                answer = await self._answer(request)
                if answer is None:
                    return
                guest.write(answer)
                await guest.drained()
        except Exception:  # the border of the process: whoever asked sees the end of the connection
            logger.exception("A frame was not answered.")
        finally:
            guest.close()

    async def _knows_key(self, guest: FrameProtocol) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(_KEY_S):
                key = await guest.read()
            return key is not None and hmac.compare_digest(key, self._key)
        return False


class _Guest(FrameProtocol):
    """One end of a connection that came in."""

    def __init__(self, let_in: Callable[[FrameProtocol], None]) -> None:
        super().__init__()
        self._let_in = let_in

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._let_in(self)
