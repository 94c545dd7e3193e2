"""An update on its way: pieces of tensors, looked at as they arrive, and kept, for none may count before all are there.

Pieces are kept as they came off the wire and added from there, so that waiting for the last one costs no copy. The
alternative, adding each piece as it comes, would have to be taken back when a push breaks off, which floating point
does not allow; into a shadow it costs a pass over the table, and another one whenever two push at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from google_crc32c import value as crc32c

from nascore.errors import DataLossError, InvalidInputError
from nascore.weights.live.arithmetic import ELEMENTS, Elements
from nascore.weights.live.slots import Slot
from nascore.weights.live.terms import Rule
from nascore.weights.tensor import Data

MAX_PIECE = 2 * 2**20
"""Bytes of the largest piece."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some elements of a tensor that are to be updated: which tensor, from which element on, and the new ones."""

    tensor: int
    begin: int
    elements: Elements
    rule: Rule


@dataclass(slots=True)
class Update:
    """What one worker pushes at once; filled by one thread.

    Attributes:
        slots: The tensors of the table.
        worker: Whose it is.
        request_id: Names it; the same id again is applied once.
        base_version: Version that it was computed from; 0 for none.
        size: Bytes that all pieces have together.
        rule: For tensors whose first piece does not say otherwise.
        pieces: What has arrived.
    """

    slots: tuple[Slot, ...]
    worker: str
    request_id: str
    base_version: int
    size: int
    rule: Rule
    pieces: list[Piece] = field(default_factory=list)
    _arrived: int = 0
    _done: set[int] = field(default_factory=set)
    _tensor: int = -1
    _end: int = 0
    _rule: Rule = Rule.SUM

    def add(self, tensor: int, offset: int, data: Data, *, crc: int, rule: Rule | None = None) -> None:
        """Take a piece; pieces of a tensor follow each other, from its first byte to its last.

        Args:
            tensor: Index of the tensor.
            offset: Where in its bytes the piece begins.
            data: The bytes; not copied.
            crc: Their CRC-32C.
            rule: For the whole tensor, on its first piece; ``None`` for that of the update.

        Raises:
            InvalidInputError: It is not what comes next.
            DataLossError: The bytes are not those that were sent.
        """
        if tensor != self._tensor:
            self._begin(tensor, rule)
        slot = self.slots[tensor]
        flat = np.frombuffer(data, np.uint8)
        size, width = len(flat), ELEMENTS[slot.dtype].itemsize
        if offset != self._end or size > MAX_PIECE or size % width or offset + size > slot.size:
            raise InvalidInputError(
                f"tensor {slot.key!r}: {size} bytes at {offset} do not follow {self._end} of {slot.size}, or are not "
                f"whole elements of {width} bytes, or are more than {MAX_PIECE}."
            )
        if self._arrived + size > self.size:
            raise InvalidInputError(f"size: {self.size} bytes were announced, and more have come.")
        if crc32c(flat) != crc:
            raise DataLossError(f"tensor {slot.key!r}: the bytes from {offset} on changed on the way; push again.")
        self.pieces.append(Piece(tensor, offset // width, flat.view(ELEMENTS[slot.dtype]), self._rule))
        self._end += size
        self._arrived += size

    def finish(self) -> None:
        """Look whether all has come.

        Raises:
            InvalidInputError: It has not; the push broke off.
        """
        self._leave()
        if self._arrived != self.size:
            raise InvalidInputError(f"size: {self.size} bytes were announced, and {self._arrived} have come.")

    def _begin(self, tensor: int, rule: Rule | None) -> None:
        self._leave()
        if not 0 <= tensor < len(self.slots) or tensor in self._done:
            raise InvalidInputError(
                f"tensor: {tensor} is no index of one of the {len(self.slots)} tensors, or it was pushed already."
            )
        self._done.add(tensor)
        self._tensor, self._end, self._rule = tensor, 0, self.rule if rule is None else rule

    def _leave(self) -> None:
        if self._tensor >= 0 and self._end != self.slots[self._tensor].size:
            slot = self.slots[self._tensor]
            raise InvalidInputError(f"tensor {slot.key!r}: {self._end} of its {slot.size} bytes have come.")
