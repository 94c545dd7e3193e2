"""Interruption: what Ctrl-C and SIGTERM mean to a search. The first one asks, the second one insists.

Signals become events of the event loop. Not here: what is done about them (``nascore.cli.search``).
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from nascore.cli.failure import INTERRUPTED, TERMINATED

_SIGNALS = {signal.SIGINT: INTERRUPTED, signal.SIGTERM: TERMINATED, signal.SIGHUP: 129}


class Interruption:
    """Whether somebody asked this process to end.

    Attributes:
        exit_code: The exit code of the first signal; 0 before any.
    """

    def __init__(self) -> None:
        self.exit_code = 0
        self._asked = asyncio.Event()
        self._insist: Callable[[], None] = _nothing

    async def wait(self) -> None:
        """Return at the first signal."""
        await self._asked.wait()

    def on_second(self, act: Callable[[], None]) -> None:
        """Say what a second signal does before the process ends at once."""
        self._insist = act

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen to signals within a block; must be entered on the main thread, inside the event loop."""
        loop = asyncio.get_running_loop()
        # What is ignored was meant to be, by nohup or a shell that runs this in the background.
        heard = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
        for number in heard:
            loop.add_signal_handler(number, self._take, _SIGNALS[number])
        try:
            yield
        finally:
            for number in heard:
                loop.remove_signal_handler(number)

    def _take(self, code: int) -> None:
        if self._asked.is_set():
            self._insist()
            os._exit(self.exit_code)
        self.exit_code = code
        self._asked.set()


def _nothing() -> None:
    return None
