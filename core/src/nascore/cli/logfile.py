"""Log files of workers and trials: their last lines, and following them as they grow."""

from __future__ import annotations

import os
import re
from pathlib import Path

_LARGEST_TAIL = 64 * 1024
_FRAME = '  File "'
_OWN = re.compile(r"[/\\](nas_trial|nascore)[/\\]")


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


def without_own_frames(text: str) -> str:
    """Return what was printed without the frames of tracebacks that lie in nascore and its SDK.

    A traceback that has no other frames stays as it is.
    """
    kept, is_own = [], False
    for line in text.splitlines():
        if line.startswith(_FRAME):
            is_own = _OWN.search(line) is not None
        elif not line.startswith(_FRAME[0] * 4):
            is_own = False
        if not is_own:
            kept.append(line)
    return "\n".join(kept) if any(line.startswith(_FRAME) for line in kept) else text


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
