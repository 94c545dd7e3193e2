"""A live table: one mutable copy of a network's weights, which workers update and read while they train.

**Writing.** An update is applied under the table's lock, in place, all tensors at once; nothing in it can fail any more
by then. **Reading.** A reading takes the tensors of one version under the same lock, without copying them; while it
lasts, an update of one of them writes to a fresh copy (copy on write, per tensor) and leaves the old one to it. So
pushes pay for a copy only where somebody is reading, a slow reader never holds up a push, and a reading is always of
one version. A lock for readers would be held as long as the slowest of them reads; fresh tensors for every update would
cost pushes part of their speed. Where there is no memory for a copy, readings are *overtaken*: they end with an error
that says so, and begin again.

Not here: pieces on their way (``update``), the names of tables (``tables``), the network. Thread-safe.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nascore.errors import ExhaustedResourceError, NotFoundError
from nascore.weights.durable import side_by_side, threads_for
from nascore.weights.live.arithmetic import ELEMENTS, apply
from nascore.weights.live.memory import Memory
from nascore.weights.live.reading import Cell, Reading
from nascore.weights.live.slots import Slot, bytes_of
from nascore.weights.live.terms import Rule, Terms
from nascore.weights.live.update import Piece, Update
from nascore.weights.tensor import TensorData

REMEMBERED = 4096
"""Updates whose answers are kept for the case that they are pushed again."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of an update.

    Attributes:
        version: Of the table, after it.
        lag: Updates that the table had taken since the version that it was computed from.
        scale: What it was multiplied by; 1 in time, 0 if it was dropped.
    """

    version: int
    lag: int
    scale: float


class Table:
    """A live table.

    Args:
        name: Its experiment and its name.
        slots: Its tensors.
        terms: How it is updated.
        memory: What its tensors, and copies of them, count against.
        first_version: The version that it begins with; above those of earlier tables of this name.
        values: What it begins with, by key; ``None`` for zeros.

    Attributes:
        key: ``name``.
        slots: ``slots``.
        terms: ``terms``.
        checkpoint: Id of the checkpoint that it began with; empty for none.

    Raises:
        ExhaustedResourceError: There is no memory for it.
    """

    def __init__(
        self,
        name: tuple[str, str],
        slots: Sequence[Slot],
        *,
        terms: Terms,
        memory: Memory,
        first_version: int,
        values: Mapping[str, TensorData] | None = None,
        checkpoint: str = "",
    ) -> None:
        self.key = name
        self.slots = tuple(slots)
        self.terms = terms
        self.checkpoint = checkpoint
        self._memory = memory
        self._lock = threading.Lock()
        self._first = self._version = first_version
        self._answers: OrderedDict[str, Applied] = OrderedDict()
        self._filling: tuple[str, Applied] | None = None
        self._is_blank = values is None
        self._is_dropped = False
        self._readings: set[Reading] = set()
        memory.take(name[0], bytes_of(self.slots), what=f"Table {name[1]!r:.80}")
        try:
            self._cells = [_cell(slot, values, first_version) for slot in self.slots]
        except BaseException:
            memory.give(name[0], bytes_of(self.slots))
            raise

    @property
    def version(self) -> int:
        """The version now; rises with every update that is applied."""
        return self._version

    @property
    def is_blank(self) -> bool:
        """Whether it began with zeros, and nobody has pushed yet."""
        return self._is_blank

    def answer(self, request_id: str) -> Applied | None:
        """Return what became of an update if it was pushed before."""
        with self._lock:
            return self._answer(request_id)

    def apply(self, update: Update) -> Applied:
        """Apply an update that is complete, wholly or not at all; one that was pushed before has its old answer.

        Raises:
            NotFoundError: The table was dropped, or it is not the one that the update was computed from.
            ExhaustedResourceError: There is no memory for copies that a snapshot needs at present; nothing changed.
        """
        with self._lock:
            if (known := self._answer(update.request_id)) is not None:
                return known
            self._check(update.base_version)
            lag = self._version - update.base_version if update.base_version else 0
            scale = self.terms.scale(lag)
            pieces = [piece for piece in update.pieces if scale == 1.0 or (scale and piece.rule is not Rule.ASSIGN)]
            if pieces:
                self._change(pieces, scale)
            return self._remember(update.request_id, Applied(self._version, lag, scale), did_change=bool(pieces))

    def read(self, *, since: int = 0, tensors: Collection[int] = (), is_firm: bool = False) -> Reading:
        """Return the tensors of this moment; to be closed.

        Args:
            since: Only those that changed after this version; 0: all.
            tensors: Only these, by index; none: all.
            is_firm: Whether it must not be overtaken.

        Raises:
            NotFoundError: The table was dropped or has no such tensor, or ``since`` is a version of another one.
        """
        chosen = sorted(set(tensors)) or range(len(self.slots))
        if not 0 <= chosen[0] <= chosen[-1] < len(self.slots):
            raise NotFoundError(f"tensors: {chosen[0]} to {chosen[-1]}, but there are {len(self.slots)}.")
        with self._lock:
            self._check(since)
            cells = {index: self._cells[index] for index in chosen if self._cells[index].version > since or not since}
            for cell in cells.values():
                cell.readers += 1
            reading = Reading(self._version, self.slots, cells, is_firm=is_firm, leave=self._leave)
            self._readings.add(reading)
            return reading

    def drop(self) -> None:
        """Give its memory back; readings of it end as they are."""
        with self._lock:
            if self._is_dropped:
                return
            self._is_dropped = True
            size = bytes_of(self.slots) - sum(cell.size for cell in self._cells if cell.readers)
            self._memory.give(self.key[0], size)
            for cell in self._cells:
                cell.is_current = False

    def _change(self, pieces: Sequence[Piece], scale: float) -> None:
        touched = sorted({piece.tensor for piece in pieces})
        self._part_from_readings([index for index in touched if self._cells[index].readers])
        # Pieces do not overlap, and NumPy lets other threads run meanwhile.
        threads = threads_for(sum(piece.elements.nbytes for piece in pieces), len(pieces))
        side_by_side(lambda piece: self._apply_piece(piece, scale), pieces, threads=threads)
        self._version += 1
        for index in touched:
            self._cells[index].version = self._version

    def _apply_piece(self, piece: Piece, scale: float) -> None:
        target = self._cells[piece.tensor].elements[piece.begin : piece.begin + len(piece.elements)]
        factor = scale * self.terms.rate if piece.rule is Rule.EMA else scale
        apply(self.slots[piece.tensor].dtype, target, piece.elements, rule=piece.rule, factor=factor)

    def _part_from_readings(self, shared: Sequence[int]) -> None:
        """Copies what is being read; if there is no memory for that, those who read are overtaken."""
        size = sum(self._cells[index].size for index in shared)
        try:
            self._memory.take(self.key[0], size, what=f"Table {self.key[1]!r:.80}, while it is being read")
        except ExhaustedResourceError:
            # Overtaken readings still hold their cells; nobody believes what they read from now on.
            reading = [found for found in self._readings if found.holds(self._cells[index] for index in shared)]
            if any(found.is_firm for found in reading):
                raise
            for found in reading:
                found.is_overtaken = True
            return
        try:
            copies = {index: self._cells[index].copy() for index in shared}
        except MemoryError:
            self._memory.give(self.key[0], size)
            raise
        for index, copied in copies.items():
            self._cells[index].is_current = False
            self._cells[index] = copied

    def _leave(self, reading: Reading, cells: Collection[Cell]) -> None:
        with self._lock:
            self._readings.discard(reading)
            for cell in cells:
                cell.readers -= 1
                if not cell.readers and not cell.is_current:
                    self._memory.give(self.key[0], cell.size)

    def _check(self, version: int) -> None:
        if self._is_dropped:
            raise NotFoundError(f"Table {self.key[1]!r:.80} was dropped.", hint="Open it again.")
        if version and not self._first <= version <= self._version:
            raise NotFoundError(
                f"Table {self.key[1]!r:.80} began anew at version {self._first}; {version} is of another life of it.",
                hint="Open it and pull everything.",
            )

    def _answer(self, request_id: str) -> Applied | None:
        if self._filling is not None and self._filling[0] == request_id:
            return self._filling[1]
        return self._answers.get(request_id)

    def _remember(self, request_id: str, applied: Applied, *, did_change: bool) -> Applied:
        if did_change and self._is_blank:
            # Kept for good: who opens a blank table pushes its beginning under one id, and only the first may count.
            self._is_blank, self._filling = False, (request_id, applied)
        self._answers[request_id] = applied
        if len(self._answers) > REMEMBERED:
            self._answers.popitem(last=False)
        return applied


def _cell(slot: Slot, values: Mapping[str, TensorData] | None, version: int) -> Cell:
    if values is None:
        return Cell(np.zeros(slot.size // ELEMENTS[slot.dtype].itemsize, ELEMENTS[slot.dtype]), version)
    data = np.frombuffer(values[slot.key].data, np.uint8)
    return Cell(data.view(ELEMENTS[slot.dtype]).copy(), version)
