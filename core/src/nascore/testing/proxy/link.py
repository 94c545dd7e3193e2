"""One client's connection through a proxy: a socket on either side, and a stream of bytes each way."""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import struct
from collections.abc import Callable, Mapping

from nascore.testing.proxy.rules import Direction, Rules

CHUNK = 1 << 16
_QUEUED = 64
_STEPS_PER_S = 20
_NO_LINGER = struct.pack("ii", 1, 0)  # On, 0 s: closing sends RST instead of FIN.


class Side:
    """A socket with its asyncio streams."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def reset(self) -> None:
        """Close at once, with RST where the socket knows it (TCP)."""
        found: socket.socket | None = self.writer.get_extra_info("socket")
        with contextlib.suppress(OSError):
            if found is not None:
                found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self.writer.transport.abort()

    def end(self) -> None:
        """Say that no more bytes come; the other direction goes on."""
        with contextlib.suppress(OSError, RuntimeError):
            self.writer.write_eof()


class Link:
    """Both sides of a connection; it ends when both streams have ended, or when it is closed or reset.

    Attributes:
        has_lost: Whether bytes vanished in it, so that it cannot go on once the fault is over.
    """

    def __init__(self, client: Side, target: Side, rules: Mapping[Direction, Rules]) -> None:
        self.has_lost = False
        self._sides = (client, target)
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._streams = {
            Direction.TO_TARGET: _Stream(client, target, rules[Direction.TO_TARGET], self),
            Direction.TO_CLIENT: _Stream(target, client, rules[Direction.TO_CLIENT], self),
        }

    async def run(self, on_passed: Callable[[Direction, int], None]) -> None:
        """Pass bytes until both streams have ended, or the link is closed or reset."""
        work = asyncio.create_task(self._pass_both(on_passed))
        try:
            await asyncio.wait({work, self._over}, return_when=asyncio.FIRST_COMPLETED)
            if work.done() and work.exception() is not None:
                self.reset()  # One side broke; the other shall see it broken too.
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            self.close()

    async def _pass_both(self, on_passed: Callable[[Direction, int], None]) -> None:
        async with asyncio.TaskGroup() as group:
            for direction, stream in self._streams.items():
                group.create_task(stream.run(on_passed, direction))

    def bound(self, direction: Direction, passes: int | None) -> None:
        """End the connection after so many more bytes in a direction."""
        self._streams[direction].passes = passes

    def close(self) -> None:
        """End both sides; what was passed already still arrives."""
        for side in self._sides:
            side.writer.close()
        self._end()

    def reset(self) -> None:
        """Break both sides."""
        for side in self._sides:
            side.reset()
        self._end()

    def _end(self) -> None:
        if not self._over.done():
            self._over.set_result(None)


class _Stream:
    """Bytes from one side to the other: one task reads and notes when, one writes when it is due."""

    def __init__(self, source: Side, sink: Side, rules: Rules, link: Link) -> None:
        self.passes = rules.passes
        self._source, self._sink, self._rules, self._link = source, sink, rules, link
        self._queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_QUEUED)

    async def run(self, on_passed: Callable[[Direction, int], None], direction: Direction) -> None:
        reading = asyncio.create_task(self._read())
        try:
            await self._write(lambda count: on_passed(direction, count))
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        data = b"?"
        while data:
            try:
                # A throttle takes no more ahead than it passes, so that who sends notices it.
                data = await self._source.reader.read(self._portion())
            except OSError:
                # The peer broke off: so does the link, unless the news is swallowed like everything else.
                if not self._rules.swallows:
                    self._link.reset()
                    return
                data = b""
            await self._queue.put((loop.time(), data))

    async def _write(self, on_passed: Callable[[int], None]) -> None:
        while True:
            arrived, data = await self._queue.get()
            await self._until_due(arrived)
            if self._rules.swallows:
                self._link.has_lost = True
            elif not data:
                self._sink.end()
                return
            elif not await self._pass(data, on_passed):
                self._link.close()
                return

    async def _until_due(self, arrived: float) -> None:
        loop = asyncio.get_running_loop()
        while (left := arrived + self._rules.delay_s - loop.time()) > 0:
            await self._rules.wait(left)

    def _portion(self) -> int:
        """Return how many bytes go at once."""
        rate = self._rules.rate
        return CHUNK if math.isinf(rate) else min(CHUNK, max(1, int(rate / _STEPS_PER_S)))

    async def _pass(self, data: bytes, on_passed: Callable[[int], None]) -> bool:
        """Write bytes as fast as the rules allow; returns whether the connection may go on."""
        while data:
            rate = self._rules.rate
            piece = data[: self._portion()]
            if self.passes is not None:
                piece = piece[: self.passes]
            self._sink.writer.write(piece)
            await self._sink.writer.drain()
            on_passed(len(piece))
            data = data[len(piece) :]
            if self.passes is not None:
                self.passes -= len(piece)
                if self.passes <= 0:
                    return False
            if not math.isinf(rate):
                await self._rules.wait(len(piece) / rate)
        return True
