"""The connection to a tuner over its lives: made, watched, and ended so that nothing is left behind.

Not here: when to make another, and what to tell it (``supervision``).
"""

from __future__ import annotations

import asyncio

from nascore.errors import DeadlineError
from nascore.tuner.endpoints import Connection, Endpoint
from nascore.tuner.limits import HostLimits
from nascore.tuner.watchdog import watch_memory


class Lifeline:
    """Holds at most one live connection to an endpoint.

    Attributes:
        connection: The live one; ``None`` if there is none.
    """

    def __init__(self, endpoint: Endpoint, *, limits: HostLimits) -> None:
        self.connection: Connection | None = None
        self._endpoint = endpoint
        self._limits = limits
        self._remains: set[Connection] = set()  # Being cleared away, or left over by a caller that went away meanwhile.
        self._watch: asyncio.Task[str] | None = None

    async def begin(self, *, after_s: float) -> Connection:
        """Connect, after a pause, and watch over the memory of a process that is ours; errors as the endpoint's."""
        await asyncio.sleep(after_s)
        connection = self.connection = await self._endpoint.connect(self._limits)
        if connection.process is not None:
            self._watch = asyncio.create_task(watch_memory(connection.process, limits=self._limits))
        return connection

    async def cause(self, error: Exception) -> str:
        """Return why a call failed, as far as the process tells."""
        process = self.connection.process if self.connection else None
        if process is not None and self._watch is not None and self._watch.done() and self._watch.result():
            return f"{self._watch.result()}{process.last_lines()}"
        if process is None or isinstance(error, DeadlineError):
            return str(error)
        ending = await process.epitaph()
        return str(error) if process.is_running else ending

    def kill(self) -> None:
        """Kill the process at once, if it is ours."""
        if self.connection is not None and self.connection.process is not None:
            self.connection.process.kill()

    async def drop(self, *, grace_s: float) -> None:
        """End the connection and the process."""
        connection, self.connection = self.connection, None
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        if connection is not None:
            self._remains.add(connection)
            await self._end(connection, grace_s=grace_s)

    async def close(self, *, grace_s: float) -> None:
        """End all that there ever was."""
        if self.connection is not None and self.connection.process is None:
            await self.connection.tuner.close()
        await self.drop(grace_s=grace_s)
        for connection in tuple(self._remains):
            await self._end(connection, grace_s=0)

    async def _end(self, connection: Connection, *, grace_s: float) -> None:
        await connection.end(grace_s=grace_s)
        self._remains.discard(connection)
