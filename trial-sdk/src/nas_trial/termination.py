"""SIGTERM and SIGINT for workers: they unwind whatever runs, so that the lease is returned before the process ends.

What unwinds may be swallowed on its way: by ``except BaseException`` in a trial, or by Python itself where it is raised
in a destructor. So it is raised again every second until `end_of_termination` says that it has arrived.
"""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

AGAIN_AFTER_S = 1.0
"""How long `Terminated` may take from where it is raised to the worker before it is raised again."""

DEFERRED_S = 6.0
"""How long a signal is only noted where termination is deferred; then it is raised after all."""

_arrived = threading.Event()


class Terminated(BaseException):
    """SIGTERM or SIGINT came; passes through the user's code, and is caught by the worker alone."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 0 if number == signal.SIGTERM else 128 + number


class Deferral:
    """What is known of signals while they are deferred.

    Attributes:
        is_asked_for: Whether one came.
    """

    def __init__(self) -> None:
        self.is_asked_for = False
        self._number = 0
        self._until = math.inf

    def note(self, number: int) -> bool:
        """Note a signal; whether it may wait."""
        if not self.is_asked_for:
            self.is_asked_for, self._number, self._until = True, number, time.monotonic() + DEFERRED_S
        return time.monotonic() < self._until

    def settle(self) -> None:
        """Raise what was put off."""
        if self.is_asked_for:
            raise Terminated(self._number)


_deferrals: list[Deferral] = []


@contextmanager
def deferred_termination() -> Iterator[Deferral]:
    """Have signals noted and not raised for a few seconds, so that what is under way is saved; raised at the end."""
    deferral = Deferral()
    _deferrals.append(deferral)
    try:
        yield deferral
    finally:
        _deferrals.remove(deferral)
    deferral.settle()


def on_termination() -> None:
    """From now on, have both signals raise ``Terminated`` in the main thread, until it has arrived."""
    if threading.current_thread() is threading.main_thread():
        _arrived.clear()
        end_forks_by_signals()
        handler = _Handler()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, handler)


def end_of_termination() -> None:
    """Say that ``Terminated`` has arrived; later signals do nothing."""
    _arrived.set()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)


def end_forks_by_signals() -> None:
    """From now on, have the processes that a trial forks end when they are told to end.

    A pool of processes would wait for ever for one that has inherited a handler of ours, and does not end by it.
    """
    os.register_at_fork(before=_hold, after_in_parent=_release, after_in_child=_end_by_signals)


_ENDING = (signal.SIGTERM, signal.SIGINT)


class _Held(threading.local):
    """The signals that each thread blocked before it began to fork."""

    def __init__(self) -> None:
        self.masks: list[set[signal.Signals | int]] = []


_held = _Held()


def _hold() -> None:
    # A signal that came to the fork before its handlers are its own would be taken by ours, and lost.
    _held.masks.append(set(signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)))


def _release() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _held.masks.pop())


def _end_by_signals() -> None:
    for number in _ENDING:
        # A fork's only thread is its main one, whichever thread forked.
        signal.signal(number, signal.SIG_DFL)
    _release()


class _Handler:
    """Raises ``Terminated``, but lets it unwind undisturbed for a while."""

    def __init__(self) -> None:
        self._raised_at = -math.inf
        self._is_repeated = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if _arrived.is_set() or now - self._raised_at < AGAIN_AFTER_S / 2:
            return
        if not self._is_repeated:
            self._is_repeated = True
            threading.Thread(target=_send_again, args=(os.getpid(), number), daemon=True).start()
        if _deferrals and _deferrals[-1].note(number):
            return
        self._raised_at = now
        raise Terminated(number)


def _send_again(process: int, number: int) -> None:
    while not _arrived.wait(AGAIN_AFTER_S):
        os.kill(process, number)
