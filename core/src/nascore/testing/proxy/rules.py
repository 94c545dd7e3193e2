"""What a proxy does to the bytes that go one way: the rules that all its connections obey from now on."""

from __future__ import annotations

import asyncio
import enum
import math
from contextlib import suppress

from nascore.errors import InvalidInputError


class Direction(enum.Enum):
    """Which way bytes go through a proxy."""

    TO_TARGET = "to target"
    TO_CLIENT = "to client"


BOTH = (Direction.TO_TARGET, Direction.TO_CLIENT)


class Rules:
    """Rules for one direction; whoever waits by the old ones is woken when they change.

    Attributes:
        delay_s: Seconds that each byte arrives later.
        rate: Bytes a second of each connection; infinite without a throttle.
        swallows: Whether bytes and ends of stream vanish without a sign.
        passes: Bytes that each connection passes before it is ended; ``None`` for no bound.
    """

    def __init__(self) -> None:
        self.delay_s = 0.0
        self.rate = math.inf
        self.swallows = False
        self.passes: int | None = None
        self._changed = asyncio.Event()

    def clear(self) -> None:
        """Pass everything at once again."""
        self.delay_s, self.rate, self.swallows, self.passes = 0.0, math.inf, False, None
        self.changed()

    def changed(self) -> None:
        """Wake whoever waits by the old rules."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        """Wait so long, or until the rules change."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()


def check_positive(name: str, value: float) -> None:
    """Make sure that a fault has a finite amount.

    Raises:
        InvalidInputError: It is negative, infinite or not a number.
    """
    if not 0 <= value < math.inf:
        raise InvalidInputError(f"{name}: {value} is not a finite number from 0 on.")
