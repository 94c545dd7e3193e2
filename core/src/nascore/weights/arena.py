"""Memory for many tensors, taken from the system in large lumps: it gives huge pages for these.

A fresh page costs more than filling it: of 100 MB in 160 pieces, a GB takes 0.6 processor seconds in fresh memory of
their own, 0.2 in lumps of 16 MiB, and 0.1 if it is not fresh. A lump lives as long as one of the tensors in it. Not
here: what is kept for the pieces of a transfer (``piece_memory``).
"""

from __future__ import annotations

import numpy

_LUMP = 16 << 20
_ALIGNMENT = 64


class Arena:
    """Gives memory that was not cleared, ``size`` bytes in all; used by one thread.

    Args:
        size: Bytes that will be asked for; more may be.
    """

    def __init__(self, size: int) -> None:
        self._left = size
        self._lump = memoryview(bytearray())

    def take(self, size: int) -> memoryview:
        """Return memory of ``size`` bytes, aligned for every element type; not cleared."""
        if size > len(self._lump):
            # NumPy asks for huge pages for arrays from 4 MiB on.
            self._lump = numpy.empty(max(size, min(self._left, _LUMP)), numpy.uint8).data
        self._left -= size
        found, self._lump = self._lump[:size], self._lump[size + -size % _ALIGNMENT :]
        return found
