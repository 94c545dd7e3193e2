"""Torch's tensors as the bytes that a store keeps, and back. Not here: the store (``nascore.weights``)."""

from __future__ import annotations

import torch
from nascore.errors import InvalidInputError
from nascore.weights import TensorData
from torch import Tensor

_DTYPES = {
    "BOOL": torch.bool,
    "U8": torch.uint8,
    "I8": torch.int8,
    "I16": torch.int16,
    "I32": torch.int32,
    "I64": torch.int64,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F32": torch.float32,
    "F64": torch.float64,
}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}


def checked_tensor(value: object, *, key: str) -> Tensor:
    """Return what can be stored.

    Raises:
        InvalidInputError: It is no dense tensor of a known element type.
    """
    if not isinstance(value, Tensor) or value.layout is not torch.strided or value.dtype not in _NAMES:
        shown = f"{value.layout} tensor of {value.dtype}" if isinstance(value, Tensor) else type(value).__name__
        raise InvalidInputError(f"{key}: a {shown} cannot be stored; only dense tensors of plain numbers can.")
    if value.is_meta:
        raise InvalidInputError(f"{key}: a tensor on the meta device has no numbers that could be stored.")
    return value.detach()


def to_data(value: object, *, key: str) -> TensorData:
    """Return a tensor's bytes; a view of its memory where that is contiguous on the CPU.

    Raises:
        InvalidInputError: It is no dense tensor of a known element type.
    """
    tensor = checked_tensor(value, key=key)
    plain = tensor.cpu().contiguous()
    # NumPy knows no bfloat16, so every element type goes as bytes.
    data = plain.reshape(-1).view(torch.uint8).numpy().data if plain.numel() else b""
    return TensorData(_NAMES[tensor.dtype], tuple(tensor.shape), data)


def from_data(tensor: TensorData) -> Tensor:
    """Return a tensor on the CPU, in the memory of ``tensor`` where that may be written to."""
    dtype = _DTYPES[tensor.dtype]
    if not tensor.size:
        return torch.empty(tensor.shape, dtype=dtype)
    view = memoryview(tensor.data)
    return torch.frombuffer(bytearray(view) if view.readonly else view, dtype=dtype).reshape(tensor.shape)


def dtype_name(dtype: torch.dtype) -> str:
    """Return the name that stores give an element type; that of torch for one that they cannot hold."""
    return _NAMES.get(dtype, str(dtype))


def fill(target: Tensor, found: Tensor) -> None:
    """Copy numbers from the CPU into a tensor; to a GPU without waiting, through memory that it reads by itself."""
    if target.device.type == "cuda" and found.numel():
        # The caching allocator of pinned memory keeps it until the copy is done.
        target.copy_(found.pin_memory(), non_blocking=True)
    else:
        target.copy_(found)
