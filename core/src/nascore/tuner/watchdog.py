"""The watchdog: looks at a tuner's memory now and then, and kills what holds too much.

The kernel's own limits (RLIMIT_AS) would also count what is only reserved, of which CUDA takes hundreds of gigabytes.
What a look costs grows with the tuner's family, so looks become rarer where they are dear. Not here: what is done about
a death (``supervision``).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from nascore.tuner.limits import HostLimits
from nascore.tuner.process import TunerProcess

_MOST_SHARE = 0.01
"""Largest part of one core that looking may take."""


async def watch_memory(
    process: TunerProcess, *, limits: HostLimits, clock: Callable[[], float] = time.thread_time
) -> str:
    """Wait until a tuner ends or holds too much and is killed; returns why it was killed, empty if it was not.

    Args:
        process: The tuner's process.
        limits: How much it may hold, and how often to look.
        clock: Processor seconds of this thread; on a busy machine a look takes longer without being dearer.
    """
    while process.is_running:
        begun = clock()
        used = process.memory_bytes()
        if used > limits.memory_bytes and process.is_running:
            process.kill()
            return (
                f"it used {used / 2**20:.0f} MiB, above the limit of {limits.memory_bytes / 2**20:.0f} MiB, "
                "and was ended before it could harm others."
            )
        cost = clock() - begun
        await asyncio.sleep(max(limits.watch_interval_s, cost / _MOST_SHARE))
    return ""
