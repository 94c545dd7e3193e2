"""Which tensors a live table has; not their values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nascore.errors import InvalidInputError
from nascore.weights.live.arithmetic import ELEMENTS
from nascore.weights.manifest import MAX_KEY, MAX_TENSORS
from nascore.weights.tensor import data_size

_OVERHEAD = 1024


@dataclass(frozen=True, slots=True)
class Slot:
    """A tensor of a table, without its values.

    Attributes:
        key: Its tensor key.
        dtype: F64, F32, F16 or BF16.
        shape: Sizes of its axes.

    Raises:
        InvalidInputError: The key is none, the elements are not floating-point, or the shape is no shape.
    """

    key: str
    dtype: str
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.key) <= MAX_KEY or "\0" in self.key:
            raise InvalidInputError(f"tensor key {self.key[:64]!r}: 1 to {MAX_KEY} characters without NUL are allowed.")
        if self.dtype not in ELEMENTS:
            raise InvalidInputError(
                f"tensor {self.key!r}: a live table holds {', '.join(ELEMENTS)}, not {self.dtype}.",
                hint="Leave counters and other whole numbers with the workers.",
            )
        data_size(self.dtype, self.shape)

    @property
    def size(self) -> int:
        """Its bytes."""
        return data_size(self.dtype, self.shape)


def check_slots(slots: Sequence[Slot]) -> tuple[Slot, ...]:
    """Return the slots of a table.

    Raises:
        InvalidInputError: There are none or too many, or a key twice.
    """
    if not 1 <= len(slots) <= MAX_TENSORS:
        raise InvalidInputError(f"tensors: a table has 1 to {MAX_TENSORS} tensors, not {len(slots)}.")
    if len({slot.key for slot in slots}) != len(slots):
        raise InvalidInputError("tensors: a key is there twice.")
    return tuple(slots)


def bytes_of(slots: Sequence[Slot]) -> int:
    """Return the memory that a table of these tensors takes."""
    return sum(slot.size + _OVERHEAD for slot in slots)
