"""Hearing what a process says while it says it, so that it never waits for its listener."""

from __future__ import annotations

import subprocess
import threading

from nascore.testing.durability.judge import whole_lines

TIMEOUT_S = 60.0


class Listener:
    """Collects the standard output of a process in a thread."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._said = bytearray()
        self._heard = threading.Condition()
        self._is_over = False
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def wait_for(self, word: str, count: int = 1) -> bool:
        """Wait until so many lines begin with a word; returns whether they came before the process ended."""
        with self._heard:
            self._heard.wait_for(lambda: self._is_over or self.count(word) >= count, TIMEOUT_S)
        return self.count(word) >= count

    def count(self, word: str) -> int:
        """Return how many whole lines begin with a word."""
        return sum(line.startswith(word) for line in self.heard())

    def heard(self) -> tuple[str, ...]:
        """Return the whole lines so far."""
        return whole_lines(bytes(self._said))

    def lines(self) -> tuple[str, ...]:
        """Return all whole lines, once the process has ended."""
        self._process.wait(TIMEOUT_S)
        self._thread.join()
        return self.heard()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stream:
            while part := stream.read1():  # type: ignore[attr-defined]  # buffered, though its type does not say so
                with self._heard:
                    self._said += part
                    self._heard.notify_all()
        with self._heard:
            self._is_over = True
            self._heard.notify_all()
