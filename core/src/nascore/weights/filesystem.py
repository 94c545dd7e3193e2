"""What a folder's file system is made of."""

from __future__ import annotations

import os
from pathlib import Path

_IN_MEMORY = frozenset({"tmpfs", "ramfs"})
_MOUNTS = Path("/proc/self/mountinfo")


def is_in_memory(folder: Path, *, mounts: Path = _MOUNTS) -> bool:
    """Whether the files in a folder are in memory only, so that writing them again reaches no disk.

    Where the system does not tell (it is not Linux, or the folder is not there), they are not. Source: proc(5).

    Args:
        folder: Which one.
        mounts: What is mounted where, as the system tells it.
    """
    try:
        device = folder.stat().st_dev
        lines = mounts.read_text().splitlines()
    except OSError:
        return False
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in lines:
        place, _, system = line.partition(" - ")
        if place.split()[2:3] == [wanted]:
            return system.split()[:1] != [] and system.split()[0] in _IN_MEMORY
    return False
