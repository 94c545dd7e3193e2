"""How the C library's allocator treats pieces of blobs: it keeps what was freed, for the next piece is as large.

Left alone, glibc maps each piece anew and gives it back to the system, which then has to clear its pages again: half of
the processor time of a transfer. Elsewhere than with glibc nothing happens. Source: mallopt(3).
"""

from __future__ import annotations

import ctypes
from functools import lru_cache

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_KEPT = 64 << 20
_MAPPED_FROM = 4 << 20


@lru_cache(maxsize=1)
def keep_pieces() -> bool:
    """Have this process keep up to 64 MiB of freed memory for pieces; returns whether its allocator can."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and all(
        mallopt(what, value) for what, value in ((_TRIM_THRESHOLD, _KEPT), (_MMAP_THRESHOLD, _MAPPED_FROM))
    )
