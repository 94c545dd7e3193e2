"""What only the Linux kernel offers: processes that die with their parent, adopted orphans, and counts of threads."""

from __future__ import annotations

import ctypes
import os
import signal
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when ``parent``, its parent, ends in whatever way."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # It may have ended before the call.
    if os.getppid() != parent:
        os._exit(1)


def adopt_orphans() -> None:
    """From now on, be the parent of every process below this one that loses its own."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def child_processes() -> set[int]:
    """Return the ids of this process's children; of a process with one thread."""
    try:
        return set(map(int, Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()))
    except OSError:  # a kernel that was built without this file
        return set()


def thread_count() -> int:
    """Return the number of threads of this process, those of native libraries included."""
    return len(list(Path("/proc/self/task").iterdir()))
