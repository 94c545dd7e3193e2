"""SIGTERM and SIGINT for workers: they unwind whatever runs, so that the lease is returned before the process ends."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType


class Terminated(BaseException):
    """SIGTERM or SIGINT came; passes through the user's code, and is caught by the worker alone."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 0 if number == signal.SIGTERM else 128 + number


def on_termination() -> None:
    """From now on, have the first of both signals raise ``Terminated`` in the main thread; later ones do nothing."""
    if threading.current_thread() is threading.main_thread():
        end_forks_by_signals()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _terminate)


def end_forks_by_signals() -> None:
    """From now on, have the processes that a trial forks end when they are told to end.

    A pool of processes would wait for ever for one that has inherited a handler of ours, and does not end by it.
    """
    os.register_at_fork(after_in_child=_end_by_signals)


def _end_by_signals() -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        # A fork's only thread is its main one, whichever thread forked.
        signal.signal(number, signal.SIG_DFL)


def _terminate(number: int, frame: FrameType | None) -> None:
    for known in (signal.SIGTERM, signal.SIGINT):
        signal.signal(known, signal.SIG_IGN)
    raise Terminated(number)
