"""The part of a tensor that a narrower layer uses, dimension by dimension.

A dimension is cut at one place, or at several that are joined: where a tensor holds blocks one after the other, such as
the gates of a recurrent layer, each block is cut for itself.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

Cut = slice | tuple[slice, ...]
"""One slice with start and stop, or several of the same length that are joined."""

Slices = tuple[Cut, ...]
"""A cut for each dimension."""


def leading(full: int, size: int, *, blocks: int = 1) -> Cut:
    """The beginning of a dimension, or of each of its blocks of equal length.

    Args:
        full: Length of the dimension.
        size: Length of the part, all blocks together.
        blocks: How many blocks there are.
    """
    if blocks == 1 or size == full:
        return slice(0, size)
    step, part = full // blocks, size // blocks
    return tuple(slice(block * step, block * step + part) for block in range(blocks))


def centred(full: int, size: int) -> Cut:
    """The middle of a dimension."""
    start = (full - size) // 2
    return slice(start, start + size)


def whole(tensor: Tensor) -> Slices:
    """All of a tensor."""
    return tuple(slice(0, size) for size in tensor.shape)


def cut(tensor: Tensor, part: Slices) -> Tensor:
    """The part of a tensor: a view, unless pieces have to be joined."""
    found = tensor[tuple(each if isinstance(each, slice) else slice(None) for each in part)]
    for dim, pieces in _joined(part):
        found = torch.cat([found.narrow(dim, piece.start, piece.stop - piece.start) for piece in pieces], dim)
    return found


def _joined(part: Slices) -> Iterator[tuple[int, tuple[slice, ...]]]:
    return ((dim, each) for dim, each in enumerate(part) if not isinstance(each, slice))
