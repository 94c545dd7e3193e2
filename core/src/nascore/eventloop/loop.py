"""The event loop that every process of nascore runs on: uvloop's where it exists.

grpc.aio on uvloop costs a third less than on the standard loop. Not here: what runs on it (``frames``).
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """Return what makes the fastest event loop here, for ``asyncio.Runner(loop_factory=...)``."""
    if sys.platform == "win32":
        return asyncio.new_event_loop
    import uvloop  # noqa: PLC0415 - does not exist for Windows

    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
