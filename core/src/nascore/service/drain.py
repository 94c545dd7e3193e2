"""Draining: what waits on purpose (long polls, watches) ends at once, what works is left to finish."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from nascore.errors import UnavailableError


class Drain:
    """Whether a server is going down, and the tasks that only wait. Belongs to one event loop."""

    def __init__(self) -> None:
        self.has_begun = False
        self._waiting: set[asyncio.Task[object]] = set()

    def begin(self) -> None:
        """End all waits: each waiting call answers UNAVAILABLE, which clients take up with the next server."""
        self.has_begun = True
        for task in self._waiting:
            task.cancel()

    def wait_s(self, asked_s: float) -> float:
        """Return how long a call may wait, in seconds: what it asked for, or 0 once the drain has begun."""
        return 0.0 if self.has_begun else asked_s

    @contextmanager
    def interruptible(self, *, waits: bool = True) -> Iterator[None]:
        """Mark the current task as one that a drain may end while it is in this block; not if it does not wait.

        Raises:
            UnavailableError: If the drain has begun, or begins meanwhile.
        """
        if not waits:
            yield
            return
        task = asyncio.current_task()
        if self.has_begun or task is None:
            raise _going_down()
        self._waiting.add(task)
        try:
            yield
        except asyncio.CancelledError:
            # Only our own cancellation becomes an answer; that of a caller who left stays what it is.
            if self.has_begun and task.uncancel() == 0:
                raise _going_down() from None
            raise
        finally:
            self._waiting.discard(task)


def _going_down() -> UnavailableError:
    return UnavailableError("The server is shutting down.", hint="Try again once it is back.")
