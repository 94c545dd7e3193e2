"""Small tensors in one file: a file for each would cost more than the tensor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from blake3 import blake3

from nascore.weights.blob_rows import BlobRow
from nascore.weights.safetensors import header_of
from nascore.weights.tensor import DTYPE_SIZES, Data, TensorData, data_size

PACKED_BELOW = 64 * 2**10
"""Tensors of fewer bytes than this share a file."""

Slotted = tuple[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Pack:
    """A file of small tensors, named by their digests inside: its own digest, its parts, and a row for each tensor."""

    digest: str
    parts: tuple[Data, ...]
    rows: tuple[BlobRow, ...]


def packed(tensors: Mapping[str, TensorData]) -> Pack:
    """Return the pack of tensors by digest; its rows name it by its own digest."""
    slots = _ordered({digest: (tensor.dtype, tensor.shape) for digest, tensor in tensors.items()})
    header = header_of(slots)
    parts = (header, *(tensors[digest].data for digest in slots))
    hasher = blake3()
    for part in parts:
        hasher.update(part)
    name = hasher.hexdigest()
    return Pack(name, parts, tuple(_rows(slots, name, begin=len(header))))


def pack_rows(slots: Mapping[str, Slotted], pack: str) -> list[BlobRow]:
    """Return where tensors (digest -> element type, shape) lie in the pack that is made of them."""
    ordered = _ordered(slots)
    return _rows(ordered, pack, begin=len(header_of(ordered)))


def _rows(ordered: Mapping[str, Slotted], pack: str, *, begin: int) -> list[BlobRow]:
    rows, offset = [], begin
    for digest, (dtype, shape) in ordered.items():
        size = data_size(dtype, shape)
        rows.append(BlobRow(digest, dtype, shape, size, pack, offset))
        offset += size
    return rows


def _ordered(slots: Mapping[str, Slotted]) -> dict[str, Slotted]:
    """Wide elements come first, so that each begins at a multiple of its element."""
    return dict(sorted(slots.items(), key=lambda item: (-DTYPE_SIZES[item[1][0]], item[0])))
