"""What only the Linux kernel offers: dying with a parent, adopting orphans, huge pages, counts of threads."""

from __future__ import annotations

import ctypes
import os
import signal
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_MADV_COLLAPSE = 25  # since Linux 6.1; an older kernel refuses it, and nothing changes
_HUGE_PAGE = 2 * 2**20


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


def gather_into_huge_pages() -> None:
    """Gather this process's own memory into huge pages, so that forking it copies far fewer page tables.

    A process that has imported torch has some 50,000 small pages; copying their table and dropping it again costs a
    fork 18 ms of processor time, and 4 ms once they are gathered. What a child writes to is still copied page by page.
    A kernel that does not do it changes nothing.
    """
    advise = ctypes.CDLL(None).madvise
    advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for start, end in _private_memory():
        advise(start, end - start, _MADV_COLLAPSE)


def _private_memory() -> list[tuple[int, int]]:
    """Returns the whole huge pages within writable private memory that belongs to no file, as (start, end)."""
    found = []
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, rights, _, _, inode, *name = line.split(maxsplit=5)
        if rights != "rw-p" or inode != "0" or name not in ([], ["[heap]"]):
            continue
        first, last = (int(text, 16) for text in span.split("-"))
        start, end = -(-first // _HUGE_PAGE) * _HUGE_PAGE, last // _HUGE_PAGE * _HUGE_PAGE
        if start < end:
            found.append((start, end))
    return found
