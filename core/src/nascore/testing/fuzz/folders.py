"""Folders for campaigns: in memory where the machine has such a place, for no promise about disks is tried here."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

_MEMORY = Path("/dev/shm")  # noqa: S108  # Only a place for folders with random names of our own.


def work_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a fresh folder that is removed at the end of its ``with`` block."""
    in_memory = _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK)
    return tempfile.TemporaryDirectory(prefix="nascore-fuzz-", dir=_MEMORY if in_memory else None)
