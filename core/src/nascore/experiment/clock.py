"""Clocks as arguments: what the engine asks of time, so that tests can turn it by hand.

Leases and running times follow the monotonic clock; the wall clock is only written down for people, so that setting it
expires nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol


class Handle(Protocol):
    """A call that waits for its time."""

    def cancel(self) -> None:
        """Call it off."""


class Clock(Protocol):
    """Two clocks and an alarm."""

    def time(self) -> float:
        """Return the Unix time in seconds."""

    def monotonic(self) -> float:
        """Return seconds that never jump; only differences mean something."""

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Handle:
        """Call ``callback`` on the event loop after ``delay_s`` seconds."""


class SystemClock:
    """The machine's clocks."""

    def time(self) -> float:
        """Return the Unix time in seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Return the monotonic clock in seconds."""
        return time.monotonic()

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Handle:
        """Call ``callback`` on the running event loop after ``delay_s`` seconds."""
        return asyncio.get_running_loop().call_later(delay_s, callback)


class Alarm:
    """Calls one function at the earliest moment it was set to, on a monotonic clock."""

    def __init__(self, clock: Clock, callback: Callable[[], None]) -> None:
        self._clock = clock
        self._callback = callback
        self._handle: Handle | None = None
        self._at = 0.0

    def set(self, at: float) -> None:
        """Ring at ``at`` seconds of the monotonic clock, unless it rings earlier anyway."""
        if self._handle is not None and self._at <= at:
            return
        self.cancel()
        self._at = at
        self._handle = self._clock.call_later(max(0.0, at - self._clock.monotonic()), self._ring)

    def cancel(self) -> None:
        """Do not ring."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _ring(self) -> None:
        self._handle = None
        self._callback()
