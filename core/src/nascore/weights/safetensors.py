"""The safetensors file format on plain bytes: headers written and read with every field checked.

A file is the length of its header (8 bytes, little-endian), the header (JSON: name -> dtype, shape, data_offsets;
padded with spaces to 8 bytes) and the data. Source: https://github.com/huggingface/safetensors#format. The package of
that name is not used here, because its call for raw bytes takes unchecked memory addresses, and differs between its
versions; the tests read our files with it, and let us read its files.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from nascore.errors import DataLossError, InvalidInputError
from nascore.space.strictjson import read_json
from nascore.weights.tensor import DTYPE_SIZES, Data, TensorData, data_size

MAX_HEADER = 64 * 2**20
BLOB_NAME = "tensor"
"""The name of the one tensor in a blob."""

MAX_BLOB_HEADER = 512
"""Bytes of the longest header that a blob can have, with its length."""

Kind = tuple[str, tuple[int, ...]]
"""Element type and shape of the tensor in a blob."""

_ALIGNMENT = 8


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a tensor lies in a file: its type and shape, and its bytes from ``begin`` to ``end`` after the header."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def header_of(tensors: Mapping[str, tuple[str, Sequence[int]]]) -> bytes:
    """Return the length and header of a file with these tensors (name -> dtype, shape), one after the other."""
    document: dict[str, object] = {}
    offset = 0
    for name, (dtype, shape) in tensors.items():
        size = data_size(dtype, shape)
        document[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    return len(text).to_bytes(8, "little") + text


def file_parts(tensors: Mapping[str, TensorData]) -> Iterator[Data]:
    """Yield the bytes of a file with these tensors; wide elements first, so that each may be read where it lies."""
    ordered = dict(sorted(tensors.items(), key=lambda item: (-DTYPE_SIZES[item[1].dtype], item[0])))
    yield header_of({key: (tensor.dtype, tensor.shape) for key, tensor in ordered.items()})
    for tensor in ordered.values():
        yield tensor.data


@lru_cache(maxsize=4096)
def blob_header(dtype: str, shape: tuple[int, ...]) -> bytes:
    """Return the length and header of the blob of one tensor; its data follow."""
    return header_of({BLOB_NAME: (dtype, shape)})


def read_blob_header(content: bytes, *, size: int, file: str) -> Kind:
    """Return element type and shape of a blob.

    Args:
        content: Its first bytes, ``MAX_BLOB_HEADER`` or all.
        size: How many it has in all.
        file: How to name it in errors.

    Raises:
        DataLossError: It is not written just as `blob_header` does, so that one tensor would have two digests.
    """
    length = 8 + int.from_bytes(content[:8], "little")
    if len(content) < 8 or length > min(len(content), MAX_BLOB_HEADER):
        raise DataLossError(f"{file}: no blob; its header is longer than that of one tensor.")
    try:
        return _blob_type(content[:length], size - length)
    except InvalidInputError as fault:
        raise DataLossError(f"{file}: no blob: {fault}") from fault


def read_kind(file: str | Path) -> Kind:
    """Return element type and shape of the blob in a file, from its header.

    Raises:
        DataLossError: It is no blob.
    """
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        content, size = os.pread(descriptor, MAX_BLOB_HEADER, 0), os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)
    return read_blob_header(content, size=size, file=str(file))


@lru_cache(maxsize=4096)
def _blob_type(header: bytes, size: int) -> Kind:
    """Return what a header says, which many blobs have in common."""
    slots = _slots(header[8:])
    _check_cover(slots, size)
    slot = slots.get(BLOB_NAME)
    if len(slots) != 1 or slot is None or blob_header(slot.dtype, slot.shape) != header:
        raise InvalidInputError(f"that has one tensor named {BLOB_NAME!r}, and this very header.")
    return slot.dtype, slot.shape


def read_header(descriptor: int, *, file: str) -> tuple[int, dict[str, Slot]]:
    """Return where the data begin in an open file, and its tensors; only the header is read.

    Raises:
        DataLossError: The header is not one, or does not describe exactly the bytes that follow; ``file`` is named.
    """
    size = os.fstat(descriptor).st_size
    length = int.from_bytes(os.pread(descriptor, 8, 0), "little")
    if size < 8 or length > min(MAX_HEADER, size - 8):
        raise DataLossError(f"{file}: no safetensors file; its header is longer than the file or than 64 MiB.")
    return 8 + length, _read_slots(os.pread(descriptor, length, 8), size=size - 8 - length, file=file)


def parse(content: bytes | bytearray, *, file: str) -> dict[str, TensorData]:
    """Return the tensors of a whole file, as views of its bytes.

    Raises:
        DataLossError: The header is not one, or does not describe exactly the bytes that follow; ``file`` is named.
    """
    if len(content) < 8 or (length := int.from_bytes(content[:8], "little")) > min(MAX_HEADER, len(content) - 8):
        raise DataLossError(f"{file}: no safetensors file; its header is longer than the file or than 64 MiB.")
    data = memoryview(content)[8 + length :]
    slots = _read_slots(bytes(content[8 : 8 + length]), size=data.nbytes, file=file)
    return {name: TensorData(slot.dtype, slot.shape, data[slot.begin : slot.end]) for name, slot in slots.items()}


def _read_slots(header: bytes, *, size: int, file: str) -> dict[str, Slot]:
    try:
        slots = _slots(header)
        _check_cover(slots, size)
    except InvalidInputError as fault:
        raise DataLossError(f"{file}: the safetensors header is not valid: {fault}") from fault
    return slots


def _slots(header: bytes) -> dict[str, Slot]:
    document = read_json(header, error=InvalidInputError)
    if not isinstance(document, dict):
        raise InvalidInputError("it is not a dictionary.")
    return {name: _slot(name, entry) for name, entry in document.items() if name != "__metadata__"}


def _slot(name: str, entry: object) -> Slot:
    match entry:
        case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [int(begin), int(end)], **rest} if not rest:
            size = data_size(dtype, shape)
            if 0 <= begin <= end and end - begin == size:
                return Slot(dtype, tuple(shape), begin, end)
            raise InvalidInputError(f"tensor {name!r} has {size} bytes, but its offsets are [{begin}, {end}].")
        case _:
            raise InvalidInputError(f"tensor {name!r} has no dtype, shape and data_offsets, or more than these.")


def _check_cover(slots: Mapping[str, Slot], size: int) -> None:
    """Refuses gaps and overlaps, in which bytes could hide."""
    offset = 0
    for name, slot in sorted(slots.items(), key=lambda item: (item[1].begin, item[1].end)):
        if slot.begin != offset:
            raise InvalidInputError(f"tensor {name!r} begins at byte {slot.begin}, but {offset} comes next.")
        offset = slot.end
    if offset != size:
        raise InvalidInputError(f"it describes {offset} bytes, but {size} follow.")
