"""Log files of workers and trials: their last lines, and following them as they grow."""

from __future__ import annotations

import os
from pathlib import Path

_LARGEST_TAIL = 64 * 1024


def last_lines(path: Path, count: int) -> str:
    """Return the last lines of a file, at most 64 KiB of it; empty if there is none."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _LARGEST_TAIL))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.rstrip().splitlines()[-count:])


class Follower:
    """Reads a file that grows, a whole line at a time.

    Args:
        path: The file; it may come into being later.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._position = 0
        self._rest = b""

    @property
    def name(self) -> str:
        """Name of who wrote it: ``worker-0``, ``trial-12``."""
        return self.path.stem

    def read(self) -> list[str]:
        """Return the lines that were added since the last call."""
        try:
            with self.path.open("rb") as file:
                if file.seek(0, os.SEEK_END) < self._position:  # it was written anew
                    self._position, self._rest = 0, b""
                file.seek(self._position)
                added = file.read()
        except FileNotFoundError:
            return []
        self._position += len(added)
        *whole, self._rest = (self._rest + added).split(b"\n")
        return [line.decode("utf-8", "replace") for line in whole]

    def read_rest(self) -> list[str]:
        """Return a last line that has no end yet."""
        rest, self._rest = self._rest, b""
        return [rest.decode("utf-8", "replace")] if rest else []
