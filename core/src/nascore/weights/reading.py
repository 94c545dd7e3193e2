"""Reading blobs of a store's folder: with every byte proven, as a map of the file, or piece by piece."""

from __future__ import annotations

import mmap
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from blake3 import blake3

from nascore.errors import DataLossError
from nascore.weights.answers import Place
from nascore.weights.arena import Arena
from nascore.weights.blob_rows import BlobRow
from nascore.weights.contract import BlobReader
from nascore.weights.durable import named_if_failed, side_by_side, threads_for
from nascore.weights.layout import Layout
from nascore.weights.manifest import Entry
from nascore.weights.safetensors import blob_header
from nascore.weights.tensor import Data, TensorData


def read_tensors(
    layout: Layout, entries: Sequence[Entry], rows: Mapping[str, BlobRow], *, is_proven: bool = True
) -> dict[str, TensorData]:
    """Return tensors by key, every byte proven; the memory is the caller's.

    Args:
        layout: The store's folder.
        entries: The tensors.
        rows: Where they are, by digest.
        is_proven: Whether to prove those in packs, too; not for who hands them on to somebody who does.

    Raises:
        DataLossError: Bytes are not those that were written; file and tensor are named.
    """
    loose, packs = _by_file(layout, entries, rows)
    arena = Arena(sum(entry.size for entry in entries))
    targets = [(entry, arena.take(entry.size)) for entry in loose]
    threads = threads_for(sum(entry.size for entry in loose), len(loose))
    found = dict(side_by_side(lambda one: (one[0].key, _read_loose(layout, *one)), targets, threads=threads))
    for pack, members in packs.items():
        found |= _read_pack(layout.pack(pack), members, rows, arena=arena, is_proven=is_proven)
    return {entry.key: found[entry.key] for entry in entries}


def map_tensors(layout: Layout, entries: Sequence[Entry], rows: Mapping[str, BlobRow]) -> dict[str, TensorData]:
    """Return tensors by key as maps of the files, private to the caller; nothing is read or proven yet.

    Raises:
        DataLossError: A file is missing, or has another length.
    """
    loose, packs = _by_file(layout, entries, rows)
    found = {}
    for entry in loose:
        row = rows[entry.digest]
        end = row.data_offset + entry.size
        view = _map(layout.blob(entry.digest), end, tensor=entry.key, is_whole=True)
        found[entry.key] = TensorData(entry.dtype, entry.shape, view[row.data_offset : end])
    for pack, members in packs.items():
        end = max(rows[entry.digest].data_offset + entry.size for entry in members)
        view = _map(layout.pack(pack), end, tensor=members[0].key, is_whole=False)
        for entry in members:
            begin = rows[entry.digest].data_offset
            found[entry.key] = TensorData(entry.dtype, entry.shape, view[begin : begin + entry.size])
    return {entry.key: found[entry.key] for entry in entries}


def prove(entry: Entry, data: Data, *, file: Path) -> None:
    """Make sure that data are those of a tensor.

    Raises:
        DataLossError: They are not.
    """
    if blake3(blob_header(entry.dtype, entry.shape)).update(data).hexdigest() != entry.digest:
        raise DataLossError(f"{file}: bytes have changed since they were written; tensor {entry.key!r} is lost.")


class LocalBlobReader(BlobReader):
    """A blob in a store's folder.

    Raises:
        DataLossError: Its file is gone or too short.
    """

    def __init__(self, layout: Layout, row: BlobRow) -> None:
        self.digest = row.digest
        self.place: Place = row.place(layout)
        self._header = row.header
        self.size = len(self._header) + row.size
        self._descriptor = _open(self.place.file, tensor=row.digest)
        if os.fstat(self._descriptor).st_size < self.place.offset + self.place.length:
            self.close()
            raise DataLossError(f"{self.place.file}: shorter than it was; blob {row.digest} is lost.")

    def fileno(self) -> int:
        """Return the descriptor of the open file in which `place` is."""
        return self._descriptor

    def read_into(self, offset: int, buffer: bytearray | memoryview) -> int:
        """See `BlobReader.read_into`."""
        target = memoryview(buffer).cast("B")[: max(0, self.size - offset)]
        head = self._header[offset : offset + len(target)]
        target[: len(head)] = head
        done = len(head)
        while done < len(target):
            begin = self.place.offset + offset + done - len(self._header)
            with named_if_failed(self.place.file):
                count = os.preadv(self._descriptor, [target[done:]], begin)
            if not count:
                raise DataLossError(f"{self.place.file}: shorter than it was; blob {self.digest} is lost.")
            done += count
        return done

    def close(self) -> None:
        """See `BlobReader.close`."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _by_file(
    layout: Layout, entries: Sequence[Entry], rows: Mapping[str, BlobRow]
) -> tuple[list[Entry], dict[str, list[Entry]]]:
    loose: list[Entry] = []
    packs: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        row = rows.get(entry.digest)
        if row is None:
            raise DataLossError(f"{layout.blob(entry.digest)}: missing; tensor {entry.key!r} is lost.")
        if (row.dtype, row.shape) != (entry.dtype, entry.shape):
            raise DataLossError(
                f"{layout.index}: blob {entry.digest} is not as the manifest says; tensor {entry.key!r} is not found.",
                hint="`nascore weights reindex` makes the index anew.",
            )
        (packs[row.pack] if row.pack else loose).append(entry)
    return loose, packs


def _read_loose(layout: Layout, entry: Entry, target: memoryview) -> TensorData:
    file = layout.blob(entry.digest)
    header = blob_header(entry.dtype, entry.shape)
    size = len(header) + entry.size
    with _opened(file, tensor=entry.key) as descriptor:
        found = os.fstat(descriptor).st_size
        if found != size:
            raise DataLossError(f"{file}: {found} bytes instead of {size}; tensor {entry.key!r} is lost.")
        is_blob = os.pread(descriptor, len(header), 0) == header
        _fill(descriptor, target, len(header), file=file, tensor=entry.key)
    if not is_blob or blake3(header).update(target).hexdigest() != entry.digest:
        raise DataLossError(f"{file}: bytes have changed since they were written; tensor {entry.key!r} is lost.")
    return TensorData(entry.dtype, entry.shape, target)


def _read_pack(
    file: Path, entries: Sequence[Entry], rows: Mapping[str, BlobRow], *, arena: Arena, is_proven: bool
) -> dict[str, TensorData]:
    found = {}
    end = max(rows[entry.digest].data_offset + entry.size for entry in entries)
    with _opened(file, tensor=entries[0].key) as descriptor:
        if os.fstat(descriptor).st_size < end:
            raise DataLossError(f"{file}: shorter than it was; tensor {entries[0].key!r} is lost.")
        for run in _runs(entries, rows):
            content = arena.take(sum(entry.size for entry in run))
            _fill(descriptor, content, rows[run[0].digest].data_offset, file=file, tensor=run[0].key)
            for entry in run:
                data, content = content[: entry.size], content[entry.size :]
                if is_proven:
                    prove(entry, data, file=file)
                found[entry.key] = TensorData(entry.dtype, entry.shape, data)
    return found


def _runs(entries: Sequence[Entry], rows: Mapping[str, BlobRow]) -> Iterator[list[Entry]]:
    """Yield tensors of a pack that lie side by side, and are read at once; what lies between others is not read."""
    run: list[Entry] = []
    end = 0
    for entry in sorted(entries, key=lambda one: rows[one.digest].data_offset):
        begin = rows[entry.digest].data_offset
        if run and begin != end:
            yield run
            run = []
        run.append(entry)
        end = begin + entry.size
    if run:
        yield run


def _fill(descriptor: int, target: memoryview, offset: int, *, file: Path, tensor: str) -> None:
    while target:
        with named_if_failed(file):
            count = os.preadv(descriptor, [target], offset)
        if not count:
            raise DataLossError(f"{file}: shorter than it says; tensor {tensor!r} is lost.")
        target, offset = target[count:], offset + count


def _map(file: Path, end: int, *, tensor: str, is_whole: bool) -> memoryview:
    with _opened(file, tensor=tensor) as descriptor:
        size = os.fstat(descriptor).st_size
        if size < end or (is_whole and size != end):
            raise DataLossError(f"{file}: {size} bytes instead of {end}; tensor {tensor!r} is lost.")
        return memoryview(mmap.mmap(descriptor, size, access=mmap.ACCESS_COPY))


@contextmanager
def _opened(file: Path, *, tensor: str) -> Iterator[int]:
    descriptor = _open(file, tensor=tensor)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _open(file: Path, *, tensor: str) -> int:
    try:
        return os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise DataLossError(f"{file}: missing; tensor {tensor!r} is lost.") from None
