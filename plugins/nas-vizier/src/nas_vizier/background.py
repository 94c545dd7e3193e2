"""An event loop in a thread of its own, for callers that know threads only."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from nascore.errors import StateError
from nascore.eventloop import loop_factory

ResultT = TypeVar("ResultT")


class Background:
    """Runs coroutines for any thread; the loop starts with the first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def run(self, coroutine: Coroutine[Any, Any, ResultT]) -> ResultT:
        """Return the result of a coroutine, or raise what it raised.

        Raises:
            StateError: It was closed.
        """
        with self._lock:
            if self._is_closed:
                coroutine.close()
                raise StateError("The policy factory is closed.")
            loop = self._loop or self._started()
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result()

    def close(self) -> None:
        """End the loop and its thread."""
        with self._lock:
            self._is_closed = True
            loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    def _started(self) -> asyncio.AbstractEventLoop:
        loop = self._loop = loop_factory()()
        self._thread = threading.Thread(target=loop.run_forever, name="nascore tuners", daemon=True)
        self._thread.start()
        return loop
