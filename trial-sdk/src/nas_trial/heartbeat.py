"""The heartbeat: a thread that keeps the lease of the running trial, and passes on what the server commands.

Not here: what a trial does when it is stopped or its lease is lost; that is its ``Watcher``.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from typing import Protocol

from nascore.errors import NotFoundError, StateError, UnavailableError
from nascore.record import Command, Lease, Renewal

logger = logging.getLogger(__name__)


class Watcher(Protocol):
    """A running trial, as the heartbeat sees it; both are called on the heartbeat's thread."""

    def stop(self, reason: str) -> None:
        """The trial shall end; what it reported counts."""

    def lose(self, reason: str) -> None:
        """The trial is another worker's now, or gone; drop it."""

    def save(self) -> None:
        """The trial shall save its state and go on; what keeps none does nothing."""


class Heartbeat:
    """Renews one lease at a time, every third of its duration, from a daemon thread.

    The server may command CHECKPOINT, which a one-shot search obeys. For others it has no effect: a trial that is begun
    again begins from scratch, so weights half way would serve nobody.
    """

    def __init__(self, renew: Callable[[Lease], Renewal]) -> None:
        self._renew = renew
        self._changed = threading.Condition()
        # Guarded by _changed:
        self._lease: Lease | None = None
        self._watcher: Watcher | None = None
        self._due = 0.0
        self._sleeps_until = 0.0
        self._is_closed = False
        self._thread: threading.Thread | None = None

    def keep(self, lease: Lease, watcher: Watcher) -> None:
        """Keep ``lease`` from now on."""
        with self._changed:
            self._lease, self._watcher = lease, watcher
            self._due = time.monotonic() + lease.duration_s / 3
            if self._thread is None:
                self._thread = threading.Thread(target=self._beat, name="nascore-heartbeat", daemon=True)
                self._thread.start()
            # A thread that wakes before that anyway is left asleep: waking it costs more than a short trial.
            if self._due < self._sleeps_until:
                self._changed.notify()

    def rest(self) -> None:
        """Keep no lease; the thread sleeps on."""
        with self._changed:
            self._lease = self._watcher = None

    def close(self) -> None:
        """Keep no lease ever again; the thread ends as soon as it has the answer that it waits for."""
        with self._changed:
            self._lease = self._watcher = None
            self._is_closed = True
            self._changed.notify()

    def _beat(self) -> None:
        while (found := self._next()) is not None:
            lease, watcher = found
            pause_s = self._renewed(lease, watcher)
            with self._changed:
                if self._lease is lease:
                    self._due = time.monotonic() + pause_s

    def _next(self) -> tuple[Lease, Watcher] | None:
        with self._changed:
            while not self._is_closed:
                if self._lease is None or self._watcher is None:
                    self._sleep(None)
                elif (left := self._due - time.monotonic()) > 0:
                    self._sleep(left)
                else:
                    return self._lease, self._watcher
            return None

    def _sleep(self, seconds: float | None) -> None:
        self._sleeps_until = math.inf if seconds is None else time.monotonic() + seconds
        self._changed.wait(seconds)
        self._sleeps_until = 0.0

    def _renewed(self, lease: Lease, watcher: Watcher) -> float:
        """Returns the seconds until the next renewal."""
        try:
            renewal = self._renew(lease)
        except (StateError, NotFoundError) as error:
            with self._changed:
                # By now another lease may be kept, which this answer says nothing about.
                if self._lease is lease:
                    self._lease = self._watcher = None
            watcher.lose(str(error))
        except UnavailableError as error:
            # The trial trains on: the server may be back before the lease is gone. Who asked has told a person.
            logger.debug("The lease of trial %d was not renewed: %s", lease.trial, error)
        except Exception as error:
            # The border of a thread: without it every later lease would be lost.
            logger.warning("The lease of trial %d was not renewed: %s", lease.trial, error)
        else:
            if renewal.command is Command.STOP:
                watcher.stop("The server stopped this trial.")
            elif renewal.command is Command.CHECKPOINT:
                watcher.save()
            return renewal.duration_s / 3
        return lease.duration_s / 3
