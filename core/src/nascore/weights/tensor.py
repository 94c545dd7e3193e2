"""A tensor as bytes: element type, shape and data, checked; torch is not needed to hold, store or send one.

Not here: where tensors are kept (``nascore.weights.directory``) and their wire form (``nascore.weights.tensor_wire``).
Element types are named as in safetensors; data is little-endian and row-major.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nascore.errors import InvalidInputError

DTYPE_SIZES = {
    "BOOL": 1,
    "U8": 1,
    "I8": 1,
    "I16": 2,
    "I32": 4,
    "I64": 8,
    "F16": 2,
    "BF16": 2,
    "F32": 4,
    "F64": 8,
}
"""Bytes of one element, for every element type there is."""

MAX_AXES = 8
MAX_ELEMENTS = 2**40

Data = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class TensorData:
    """A dense tensor.

    Attributes:
        dtype: One of ``DTYPE_SIZES``.
        shape: Sizes of the axes; empty for a scalar.
        data: Its bytes; not copied, so the caller leaves them unchanged while the tensor lives.

    Raises:
        InvalidInputError: An unknown element type, a shape that is no shape, or bytes that do not fit the two.
    """

    dtype: str
    shape: tuple[int, ...]
    data: Data

    def __post_init__(self) -> None:
        expected = data_size(self.dtype, self.shape)
        if self.size != expected:
            raise InvalidInputError(
                f"A tensor of {self.dtype} and shape {list(self.shape)} has {expected} bytes; {self.size} were given."
            )

    @property
    def size(self) -> int:
        """Number of bytes."""
        return size_of(self.data)


def size_of(data: Data) -> int:
    """Return the number of bytes, also of a view whose elements are wider."""
    return data.nbytes if isinstance(data, memoryview) else len(data)


def data_size(dtype: str, shape: Sequence[int]) -> int:
    """Return the bytes of a tensor, after checking that it may exist; nothing is allocated.

    Raises:
        InvalidInputError: An unknown element type, more than 8 axes, an axis that is no count, or over 2**40 elements.
    """
    if dtype not in DTYPE_SIZES:
        raise InvalidInputError(f"{dtype!r} is no element type; known are {', '.join(DTYPE_SIZES)}.")
    if len(shape) > MAX_AXES:
        raise InvalidInputError(f"A tensor has at most {MAX_AXES} axes, but this one has {len(shape)}.")
    for size in shape:
        if type(size) is not int or not 0 <= size <= MAX_ELEMENTS:
            raise InvalidInputError(f"{size!r} is no size of an axis; it must be an integer from 0 to 2^40.")
    count = math.prod(shape)
    if count > MAX_ELEMENTS:
        raise InvalidInputError(f"The shape {list(shape)} has {count} elements; at most 2^40 are allowed.")
    return count * DTYPE_SIZES[dtype]
