"""Reading a file of weights with torch alone: this code is copied into every generated file, which so needs no more.

Format: safetensors, https://github.com/huggingface/safetensors#format. Not here: how the SDK itself reads such files.
"""

from __future__ import annotations

import json
import math
import mmap
import sys
from pathlib import Path

import torch

SAFETENSORS_DTYPES = {
    "BOOL": torch.bool,
    "U8": torch.uint8,
    "I8": torch.int8,
    "I16": torch.int16,
    "I32": torch.int32,
    "I64": torch.int64,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F32": torch.float32,
    "F64": torch.float64,
    "C64": torch.complex64,
}


def read_weights(path: str | Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a safetensors file: 8 bytes of length, a header in JSON, then the numbers end to end.

    Raises:
        ValueError: It is no such file, is cut off, or has a type of numbers that this does not read.
    """
    if sys.byteorder != "little":
        raise ValueError(f"{path}: its numbers are little-endian, and this machine is not.")
    tensors, size = {}, 0
    try:
        with Path(path).open("rb") as file:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        start = 8 + int.from_bytes(content[:8], "little")
        header = json.loads(content[8:start])
        header.pop("__metadata__", None)
        for key, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
            dtype, shape = SAFETENSORS_DTYPES[entry["dtype"]], entry["shape"]
            if not all(isinstance(length, int) and length >= 0 for length in shape):
                raise ValueError(f"{key} has the shape {shape}")
            count, begin = math.prod(shape), size
            size += count * dtype.itemsize
            if entry["data_offsets"] != [begin, size] or start + size > len(content):
                raise ValueError(f"{key} does not lie where it must, between bytes {begin} and {size}")
            found = torch.frombuffer(content, dtype=dtype, count=count, offset=start + begin) if count else None
            tensors[key] = torch.empty(shape, dtype=dtype) if found is None else found.reshape(shape)
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no file of weights that can be read: {error!r}") from None
    if start + size != len(content):
        raise ValueError(f"{path} has {len(content)} bytes instead of the {start + size} that its header names.")
    return tensors
