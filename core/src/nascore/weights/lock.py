"""The lock of a store: one writer at a time, over threads and processes; it dies with its process."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nascore.errors import UnavailableError
from nascore.weights.durable import make_folders

_PATIENCE_S = 60.0
_PAUSE_S = (0.0005, 0.02)


class Lock:
    """The lock in a file, which is made, as its folder is, when it is first held."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turn = threading.Lock()  # Held by the thread that writes.

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold it.

        Raises:
            UnavailableError: Another process writes, and did not end.
            OSError: The file cannot be made.
        """
        make_folders([self._path.parent])
        with self._turn:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                self._await(descriptor)
                yield
            finally:
                os.close(descriptor)

    def _await(self, descriptor: int) -> None:
        end = time.monotonic() + _PATIENCE_S
        pause = _PAUSE_S[0]
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > end:
                    raise UnavailableError(
                        f"{self._path}: another process has been writing for {_PATIENCE_S:.0f} s.", hint="Try again."
                    ) from None
                time.sleep(pause)
                pause = min(2 * pause, _PAUSE_S[1])
            else:
                return
