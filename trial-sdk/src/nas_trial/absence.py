"""Absence: since when the server does not answer; a person is told once that it is away, and once that it is back.

Not here: what is sent when it is back (``nas_trial.courier``).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from nascore.errors import UnavailableError

logger = logging.getLogger(__name__)


class Absence:
    """Whether the server is away. Thread-safe.

    Args:
        server: Its address, for a person.
        doing: Says what this worker does meanwhile, as the end of a sentence.
        back: Says what it does now that the server is back, as the end of a sentence.

    Attributes:
        is_over: Wakes who waits for the server.
    """

    def __init__(self, server: str, *, doing: Callable[[], str], back: Callable[[], str]) -> None:
        self._server = server
        self._doing = doing
        self._back = back
        self._changing = threading.Lock()
        self._since = 0.0
        self.is_over = threading.Event()
        self.is_over.set()

    @property
    def has_begun(self) -> bool:
        """Whether the server is away now."""
        return not self.is_over.is_set()

    @property
    def text(self) -> str:
        """The server and since when it is away: ``The server at ... is away since 10:31:22``."""
        return f"The server at {self._server} is away since {time.strftime('%H:%M:%S', time.localtime(self._since))}"

    def begin(self, error: UnavailableError) -> None:
        """Take note that a call was not answered."""
        with self._changing:
            if self.has_begun:
                return
            self._since = time.time()
            self.is_over.clear()
        logger.warning("%s: %s. (%s)", self.text, self._doing(), error.message)

    def end(self) -> None:
        """Take note that a call was answered."""
        if not self.has_begun:
            return
        with self._changing:
            if not self.has_begun:
                return
            self.is_over.set()
        logger.warning(
            "The server at %s is back after %.0f s: %s.", self._server, time.time() - self._since, self._back()
        )
