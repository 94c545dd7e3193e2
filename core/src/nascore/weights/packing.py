"""Small tensors in one file: a file for each would cost more than the tensor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from blake3 import blake3

from nascore.weights.blob_rows import BlobRow
from nascore.weights.safetensors import header_of
from nascore.weights.tensor import DTYPE_SIZES, Data, TensorData

PACKED_BELOW = 64 * 2**10
"""Tensors of fewer bytes than this share a file."""


@dataclass(frozen=True, slots=True)
class Pack:
    """A file of small tensors, named by their digests inside: its own digest, its parts, and a row for each tensor."""

    digest: str
    parts: tuple[Data, ...]
    rows: tuple[BlobRow, ...]


def packed(tensors: Mapping[str, TensorData]) -> Pack:
    """Return the pack of tensors by digest; wide elements first, so that each begins at a multiple of its element."""
    ordered = dict(sorted(tensors.items(), key=lambda item: (-DTYPE_SIZES[item[1].dtype], item[0])))
    header = header_of({digest: (tensor.dtype, tensor.shape) for digest, tensor in ordered.items()})
    parts = (header, *(tensor.data for tensor in ordered.values()))
    hasher = blake3()
    for part in parts:
        hasher.update(part)
    name = hasher.hexdigest()
    rows = []
    offset = len(header)
    for digest, tensor in ordered.items():
        rows.append(BlobRow(digest, tensor.dtype, tensor.shape, tensor.size, name, offset))
        offset += tensor.size
    return Pack(name, parts, tuple(rows))
