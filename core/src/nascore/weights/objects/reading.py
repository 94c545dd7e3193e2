"""Reading blobs from object storage: with every byte proven, or piece by piece from a copy on this machine."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from blake3 import blake3

from nascore.errors import DataLossError
from nascore.weights.blob_rows import BlobRow
from nascore.weights.contract import BlobReader
from nascore.weights.durable import make_folders, named_if_failed, side_by_side
from nascore.weights.layout import Layout
from nascore.weights.manifest import Entry
from nascore.weights.objects.naming import by_object
from nascore.weights.objects.storage import Storage
from nascore.weights.safetensors import blob_header
from nascore.weights.tensor import TensorData

_PIECE = 8 * 2**20
_AT_ONCE = 8


def read_objects(storage: Storage, entries: Sequence[Entry], rows: Mapping[str, BlobRow]) -> dict[str, TensorData]:
    """Return tensors by key, every byte proven.

    Raises:
        DataLossError: Bytes are not those that were written; object and tensor are named.
    """
    for entry in entries:
        _check_row(storage, entry, rows.get(entry.digest))
    objects = list(by_object({entry.digest: rows[entry.digest] for entry in entries}).items())
    found = dict(chain.from_iterable(side_by_side(lambda item: _read(storage, *item), objects, threads=_AT_ONCE)))
    return {entry.key: TensorData(entry.dtype, entry.shape, found[entry.digest]) for entry in entries}


class ObjectBlobReader(BlobReader):
    """A blob of object storage, of which a copy was made: in memory, or if it is large in a file that has no name."""

    def __init__(self, storage: Storage, layout: Layout, row: BlobRow) -> None:
        self.digest = row.digest
        self.size = len(row.header) + row.size
        self.place = None
        make_folders([layout.staging])
        self._copy = tempfile.SpooledTemporaryFile(max_size=_PIECE, dir=str(layout.staging))  # noqa: SIM115 - closed by close
        try:
            self._fill(storage, row, layout)
        except BaseException:
            self._copy.close()
            raise

    def _fill(self, storage: Storage, row: BlobRow, layout: Layout) -> None:
        self._copy.write(row.header)
        with named_if_failed(layout.staging):
            for piece in _pieces(storage, row.pack, row.data_offset, row.data_offset + row.size):
                self._copy.write(piece)
        if self._copy.tell() != self.size:
            raise DataLossError(f"{storage.url}/{row.pack}: shorter than it was; blob {row.digest} is lost.")

    def read_into(self, offset: int, buffer: bytearray | memoryview) -> int:
        """See `BlobReader.read_into`."""
        target = memoryview(buffer).cast("B")[: max(0, self.size - offset)]
        self._copy.seek(offset)
        target[:] = self._copy.read(len(target))
        return len(target)

    def close(self) -> None:
        """See `BlobReader.close`."""
        self._copy.close()


def digest_of(storage: Storage, key: str) -> str:
    """Return the digest of all bytes of an object.

    Raises:
        FileNotFoundError: There is none.
    """
    hasher = blake3()
    for piece in _pieces(storage, key, 0, storage.size(key)):
        hasher.update(piece)
    return hasher.hexdigest()


def _pieces(storage: Storage, key: str, begin: int, end: int) -> Iterator[bytes]:
    while begin < end:
        try:
            piece = storage.read_range(key, begin, min(end, begin + _PIECE))
        except FileNotFoundError:
            raise DataLossError(f"{storage.url}/{key}: missing.") from None
        if not piece:
            return
        yield piece
        begin += len(piece)


def _check_row(storage: Storage, entry: Entry, row: BlobRow | None) -> None:
    if row is None:
        raise DataLossError(f"{storage.url}: blob {entry.digest} is missing; tensor {entry.key!r} is lost.")
    if (row.dtype, row.shape) != (entry.dtype, entry.shape):
        raise DataLossError(
            f"{storage.url}: blob {entry.digest} is not as the manifest says; tensor {entry.key!r} is not found.",
            hint="`nascore weights reindex` makes the index of this machine anew.",
        )


def _read(storage: Storage, key: str, rows: Sequence[BlobRow]) -> list[tuple[str, memoryview]]:
    """Read from the first to the last tensor of an object at once, and prove each."""
    begin, end = min(row.data_offset for row in rows), max(row.data_offset + row.size for row in rows)
    content = bytearray()
    for piece in _pieces(storage, key, begin, end):
        content += piece
    view = memoryview(content)
    found = [(row, view[row.data_offset - begin :][: row.size]) for row in rows]
    for row, data in found:
        if blake3(blob_header(row.dtype, row.shape)).update(data).hexdigest() != row.digest:
            raise DataLossError(f"{storage.url}/{key}: bytes have changed; blob {row.digest} is lost.")
    return [(row.digest, data) for row, data in found]
