"""What a program prints: drained so that no pipe fills up, logged within bounds, and its last lines kept.

A program that floods its pipes is slowed to `MAX_BYTES_A_SECOND`, so that it costs the server next to nothing; what is
beyond `MAX_LINES_A_SECOND` is counted instead of logged.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque

MAX_BYTES_A_SECOND = 1024 * 1024
MAX_LINES_A_SECOND = 100
_SHOWN_LINES = 15
_SHOWN_CHARACTERS = 400
_CHUNK_BYTES = 64 * 1024
_FATAL = "Fatal Python error"
"""What faulthandler says first, and most: where it was. What follows is less and less of interest."""

_log = logging.getLogger(__name__)


class Printed:
    """Takes in what one program prints, from all of its pipes.

    Args:
        name: What people call the program.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lines: deque[str] = deque(maxlen=_SHOWN_LINES)
        self._second = 0
        self._bytes = self._logged = self._left_out = 0

    async def listen(self, stream: asyncio.StreamReader) -> None:
        """Drain a pipe until its end."""
        rest = b""
        while chunk := await stream.read(_CHUNK_BYTES):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines[-MAX_LINES_A_SECOND:]:
                self._take(line)
            self._left_out += max(0, len(lines) - MAX_LINES_A_SECOND)
            rest = rest[-_CHUNK_BYTES:]
            await self._slow_down(len(chunk))
        if rest:
            self._take(rest)
        self._say_left_out()

    def last_lines(self) -> str:
        """Return what was printed last, ready to be appended to a sentence; empty if nothing was."""
        return "".join(f"\n    {line}" for line in self._lines)

    def _take(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip()
        self._keep(text[:_SHOWN_CHARACTERS])
        self._begin_second()
        if self._logged < MAX_LINES_A_SECOND:
            self._logged += 1
            _log.info("[%s] %s", self._name, text)
        else:
            self._left_out += 1

    def _keep(self, text: str) -> None:
        if text.startswith(_FATAL):
            self._lines.clear()
        is_fatal = bool(self._lines) and self._lines[0].startswith(_FATAL)
        if not is_fatal or len(self._lines) < _SHOWN_LINES:
            self._lines.append(text)

    async def _slow_down(self, taken: int) -> None:
        self._begin_second()
        self._bytes += taken
        if self._bytes >= MAX_BYTES_A_SECOND:
            await asyncio.sleep(self._second + 1 - time.monotonic())

    def _begin_second(self) -> None:
        second = int(time.monotonic())
        if second != self._second:
            self._say_left_out()
            self._second, self._bytes, self._logged = second, 0, 0

    def _say_left_out(self) -> None:
        if self._left_out:
            _log.info("[%s] %d more lines are left out: it prints too much.", self._name, self._left_out)
            self._left_out = 0
