"""Tensors of a table at one version, while somebody reads them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from nascore.errors import UnavailableError, UnsupportedError
from nascore.weights.live.arithmetic import ELEMENTS, Elements, blocks, to_bf16
from nascore.weights.live.slots import Slot
from nascore.weights.tensor import TensorData


@dataclass(slots=True, eq=False)
class Cell:
    """The elements of a tensor, flat, and who uses them; changed under the lock of its table only.

    Attributes:
        elements: Its elements.
        version: Version of the table in which they last changed.
        readers: Readings that hold it.
        is_current: Whether the table still has it.
    """

    elements: Elements
    version: int
    readers: int = 0
    is_current: bool = True

    @property
    def size(self) -> int:
        """Its bytes."""
        return int(self.elements.nbytes)

    def copy(self) -> Cell:
        """Return one that nobody reads."""
        return Cell(self.elements.copy(), self.version)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some bytes of a tensor: its index, where in it they begin, and the bytes, which may be the table's own."""

    tensor: int
    offset: int
    data: memoryview


class Reading:
    """Tensors of one version; a context manager that closes itself. One thread uses it.

    Attributes:
        version: The version that all of them show.
        slots: All tensors of the table.
        tensors: Indices of those that are read.
        is_firm: Whether it cannot be overtaken.
        is_overtaken: Whether an update wrote to what it reads, because there was no memory for a copy.
    """

    def __init__(
        self,
        version: int,
        slots: tuple[Slot, ...],
        cells: Mapping[int, Cell],
        *,
        is_firm: bool,
        leave: Callable[[Reading, Collection[Cell]], None],
    ) -> None:
        self.version = version
        self.slots = slots
        self.tensors = tuple(cells)
        self.is_firm = is_firm
        self.is_overtaken = False
        self._cells: Mapping[int, Cell] = cells
        self._leave = leave
        self._is_closed = False

    def chunks(self, length: int, *, as_bf16: bool = False) -> Iterator[Chunk]:
        """Yield the bytes of all tensors, at most ``length`` at a time; call `check` once each was copied.

        Args:
            length: Bytes, a multiple of 8.
            as_bf16: Whether to narrow F32 to BF16.

        Raises:
            UnsupportedError: A tensor has another element type than F32.
        """
        for index, cell in self._cells.items():
            slot = self.slots[index]
            if as_bf16 and slot.dtype != "F32":
                raise UnsupportedError(f"tensor {slot.key!r}: only F32 is sent as BF16, not {slot.dtype}.")
            width = 2 if as_bf16 else ELEMENTS[slot.dtype].itemsize
            for begin, end in blocks(len(cell.elements), length // width):
                part = cell.elements[begin:end]
                sent = to_bf16(part.view(np.float32)) if as_bf16 else part
                yield Chunk(index, begin * width, sent.view(np.uint8).data)

    def values(self) -> dict[str, TensorData]:
        """Return the tensors by key; the bytes are the table's own, so only for a firm reading that is still open."""
        slots = {index: self.slots[index] for index in self._cells}
        return {
            slot.key: TensorData(slot.dtype, slot.shape, self._cells[index].elements.view(np.uint8).data)
            for index, slot in slots.items()
        }

    def check(self) -> None:
        """Look whether what was read so far is of one version.

        Raises:
            UnavailableError: It is not; read again.
        """
        if self.is_overtaken:
            raise UnavailableError(
                f"Version {self.version} was written over while it was read: there is no memory for copies.",
                hint="Pull again, read faster, or raise the limit of the server's memory.",
            )

    def holds(self, cells: Iterable[Cell]) -> bool:
        """Whether one of these is read here."""
        wanted = set(map(id, cells))
        return any(id(cell) in wanted for cell in self._cells.values())

    def close(self) -> None:
        """Let the tensors go. Closing twice is harmless."""
        if not self._is_closed:
            self._is_closed = True
            self._leave(self, tuple(self._cells.values()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
