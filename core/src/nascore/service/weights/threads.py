"""The threads in which a server waits for the disk, so that its event loop never does, and how many streams it serves.

Not here: what is done in them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from typing import ParamSpec, TypeVar

from nascore.errors import UnavailableError

_PIECES = 8
_CALLS = 8

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """Two sets of threads: a commit or a verification, which is long, never keeps pieces of blobs waiting.

    What is done in them has the context of the call, so that it knows whose call it is.
    """

    def __init__(self) -> None:
        self._pieces = ThreadPoolExecutor(_PIECES, thread_name_prefix="nascore-blobs")
        self._calls = ThreadPoolExecutor(_CALLS, thread_name_prefix="nascore-weights")

    async def call(self, work: Callable[P, T], /, *arguments: P.args, **named: P.kwargs) -> T:
        """Do something that may take long."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._calls, partial(copy_context().run, work, *arguments, **named))

    def begin(self, work: Callable[P, T], /, *arguments: P.args, **named: P.kwargs) -> asyncio.Future[T]:
        """Begin something short that has to do with pieces."""
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self._pieces, partial(copy_context().run, work, *arguments, **named))

    def leave(self, work: Callable[[], None]) -> None:
        """Have something done that nobody waits for, such as closing what a caller who is gone had opened."""
        try:
            self._pieces.submit(work)
        except RuntimeError:  # The server has ended.
            work()

    def close(self) -> None:
        """Finish what was begun."""
        self._pieces.shutdown()
        self._calls.shutdown()


class Turnstile:
    """Lets so many streams pass at a time; belongs to one event loop.

    Attributes:
        inside: How many there are now.
    """

    def __init__(self, what: str, *, most: int) -> None:
        self._what = what
        self._most = most
        self.inside = 0

    @contextmanager
    def passed(self) -> Iterator[None]:
        """Count a stream while it lasts.

        Raises:
            UnavailableError: There are as many as are served.
        """
        if self.inside >= self._most:
            raise UnavailableError(
                f"This server has {self.inside} {self._what}, as many as it serves.", hint="Try again in a moment."
            )
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1
