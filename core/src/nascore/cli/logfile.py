"""Log files of workers and trials: their last lines, and following them as they grow."""

from __future__ import annotations

import os
import re
from pathlib import Path

_LARGEST_TAIL = 64 * 1024
_FRAME = '  File "'
_OWN = re.compile(r"[/\\](nas_trial|nascore)[/\\]")
_HEADER = re.compile(r"--- trial (\d+), attempt \d+, ")


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

    @property
    def has_read(self) -> bool:
        """Whether anything was read so far."""
        return self._position > 0

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


class SectionFollower(Follower):
    """Reads a trial's parts of a file that several trials of one worker wrote to, one after the other.

    Args:
        path: The file.
        trial: Number of the trial.
    """

    def __init__(self, path: Path, trial: int) -> None:
        super().__init__(path)
        self._trial = trial
        self._is_inside = False

    @property
    def name(self) -> str:
        """See `Follower.name`."""
        return f"trial-{self._trial}"

    def read(self) -> list[str]:
        """See `Follower.read`."""
        return [line for line in super().read() if self._is_of_trial(line)]

    def read_rest(self) -> list[str]:
        """See `Follower.read_rest`."""
        return [line for line in super().read_rest() if self._is_of_trial(line)]

    def _is_of_trial(self, line: str) -> bool:
        if header := _HEADER.match(line):
            self._is_inside = int(header[1]) == self._trial
        return self._is_inside


def has_section(path: Path, trial: int) -> bool:
    """Return whether a file that several trials wrote to has a part of this one."""
    begin = f"--- trial {trial}, attempt "
    with path.open(encoding="utf-8", errors="replace") as lines:
        return any(line.startswith(begin) for line in lines)


def trials_in(path: Path) -> set[int]:
    """Return the numbers of the trials that have a part in a file that several trials wrote to."""
    with path.open(encoding="utf-8", errors="replace") as lines:
        return {int(header[1]) for line in lines if (header := _HEADER.match(line))}
