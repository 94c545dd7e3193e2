"""A process and all that it started: the memory they hold together, and the end of those that got away.

On Linux both are read from /proc at a cost that grows with the family, not with the machine; elsewhere psutil looks.
Those that left their parents (a daemon in a session of its own) are known by a mark in the environment that they began
with. Not here: when to look and what is too much (``supervision``).
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil

_PROC = Path("/proc")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_HAS_CHILDREN = (_PROC / "self" / "task" / str(os.getpid()) / "children").exists()
_MOST_MEMBERS = 4096


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process and its descendants, in bytes; 0 if it has ended."""
    if _HAS_CHILDREN:
        return sum(map(_resident, _family(pid)))
    try:
        main = psutil.Process(pid)
        return sum(map(_resident_elsewhere, (main, *main.children(recursive=True))))
    except psutil.Error:
        return 0


def kill_marked(variable: str, value: str) -> int:
    """Kill every process of this user whose environment began with ``variable=value``; returns how many.

    Linux only: elsewhere a process that left its group is out of reach.
    """
    if not _HAS_CHILDREN:
        return 0
    mark = f"{variable}={value}".encode()
    marked = [pid for pid in _processes() if pid != os.getpid() and mark in _environment(pid)]
    for pid in marked:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    return len(marked)


def _family(pid: int) -> Iterator[int]:
    """Yield a process and its descendants; a family without end is cut, for its memory is long too much by then."""
    pending, seen = [pid], 0
    while pending and seen < _MOST_MEMBERS:
        member = pending.pop()
        seen += 1
        yield member
        pending.extend(_children(member))


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in os.scandir(_PROC / str(pid) / "task"):
            with contextlib.suppress(OSError):
                found.extend(map(int, _read(f"{thread.path}/children").split()))
    return found


def _resident(pid: int) -> int:
    with contextlib.suppress(OSError, IndexError):
        return int(_read(f"/proc/{pid}/statm").split()[1]) * _PAGE_BYTES
    return 0


def _resident_elsewhere(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0


def _processes() -> Iterator[int]:
    with contextlib.suppress(OSError):
        for entry in os.scandir(_PROC):
            if entry.name.isdecimal():
                yield int(entry.name)


def _environment(pid: int) -> list[bytes]:
    # Of another user's processes it cannot be read, which is as it should be.
    with contextlib.suppress(OSError):
        return _read(f"/proc/{pid}/environ").split(b"\0")
    return []


def _read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123  # pathlib doubles the cost of a look
        return file.read()
