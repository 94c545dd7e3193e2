"""The files of a commit before it: made in ``staging`` from tensors or from uploads, small ones in one pack.

Not here: when they go into place (``committing``).
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from nascore.errors import InvalidInputError
from nascore.failpoints import failpoint
from nascore.weights.blob_rows import LOOSE, BlobRow, live_rows
from nascore.weights.durable import named_if_failed, side_by_side, threads_for
from nascore.weights.index import Index
from nascore.weights.layout import Layout
from nascore.weights.manifest import Entry
from nascore.weights.packing import PACKED_BELOW, packed
from nascore.weights.safetensors import MAX_BLOB_HEADER, blob_header, read_blob_header
from nascore.weights.staging import Staging, temporary
from nascore.weights.tensor import Data, TensorData


@dataclass(slots=True)
class Placement:
    """Files that wait to be put into place: where they are, where they shall be, and the blobs in them."""

    files: dict[Path, Path] = field(default_factory=dict)
    rows: dict[str, BlobRow] = field(default_factory=dict)
    spent: list[Path] = field(default_factory=list)
    pack: str = ""


class Placing:
    """Makes the files of commits of a store."""

    def __init__(self, layout: Layout, index: Index, staging: Staging) -> None:
        self._layout = layout
        self._index = index
        self._staging = staging

    @contextmanager
    def placed(self, entries: Mapping[str, Entry], tensors: Mapping[str, TensorData]) -> Iterator[Placement]:
        """Give the files of all blobs that are not stored yet; what was made for them is gone afterwards."""
        with self._index.reading() as connection:
            absent = entries.keys() - live_rows(connection, entries).keys()
        placement = Placement()
        made: list[Path] = []
        try:
            offered = {digest: tensors[digest] for digest in absent & tensors.keys()}
            self._place_tensors(placement, offered, made)
            self._place_ready(placement, [entries[digest] for digest in absent - offered.keys()])
            smalls = {digest: offered[digest] for digest in offered if offered[digest].size < PACKED_BELOW}
            self._place_pack(placement, smalls | self._ready_smalls(placement, entries, absent - offered.keys()), made)
            yield placement
        finally:
            for file in (*made, *placement.files):
                if not file.name.endswith(".ready"):
                    file.unlink(missing_ok=True)

    def _place_tensors(self, placement: Placement, offered: Mapping[str, TensorData], made: list[Path]) -> None:
        large = {digest: tensor for digest, tensor in offered.items() if tensor.size >= PACKED_BELOW}
        files = {digest: temporary(self._layout) for digest in large}
        made.extend(files.values())

        def write_one(digest: str) -> None:
            tensor = large[digest]
            write(files[digest], [blob_header(tensor.dtype, tensor.shape), tensor.data])

        side_by_side(
            write_one, list(large), threads=threads_for(sum(large[digest].size for digest in large), len(large))
        )
        for digest, tensor in large.items():
            self._place_file(placement, files[digest], digest, tensor.dtype, tensor.shape, tensor.size)

    def _place_ready(self, placement: Placement, entries: Collection[Entry]) -> None:
        """Take what was uploaded; its header must be that of the entry."""
        ready = self._staging.ready([entry.digest for entry in entries])
        for entry in entries:
            file = ready.get(entry.digest)
            if file is None:
                continue
            _check_header(file, entry)
            placement.spent.append(file)
            if entry.size >= PACKED_BELOW:
                self._place_file(placement, file, entry.digest, entry.dtype, entry.shape, entry.size)

    def _ready_smalls(
        self, placement: Placement, entries: Mapping[str, Entry], digests: Collection[str]
    ) -> dict[str, TensorData]:
        spent = {file.name.partition(".")[0]: file for file in placement.spent}
        smalls = {digest: entries[digest] for digest in digests & spent.keys() if entries[digest].size < PACKED_BELOW}
        return {digest: _read_small(spent[digest], entry) for digest, entry in smalls.items()}

    def _place_file(  # noqa: PLR0917 - a row, column by column
        self, placement: Placement, file: Path, digest: str, dtype: str, shape: tuple[int, ...], size: int
    ) -> None:
        placement.files[file] = self._layout.blob(digest)
        placement.rows[digest] = BlobRow(digest, dtype, shape, size, LOOSE, len(blob_header(dtype, shape)))

    def _place_pack(self, placement: Placement, smalls: Mapping[str, TensorData], made: list[Path]) -> None:
        if not smalls:
            return
        pack = packed(smalls)
        file = temporary(self._layout)
        made.append(file)
        write(file, pack.parts)
        placement.files[file] = self._layout.pack(pack.digest)
        placement.rows |= {row.digest: row for row in pack.rows}
        placement.pack = pack.digest


def _check_header(file: Path, entry: Entry) -> None:
    with file.open("rb") as source:
        found = read_blob_header(source.read(MAX_BLOB_HEADER), size=file.stat().st_size, file=file.name)
    if found != (entry.dtype, entry.shape):
        raise InvalidInputError(
            f"Tensor {entry.key!r}: {entry.dtype} of shape {list(entry.shape)} is named, but blob {entry.digest} "
            f"is {found[0]} of shape {list(found[1])}."
        )


def _read_small(file: Path, entry: Entry) -> TensorData:
    content = file.read_bytes()
    return TensorData(entry.dtype, entry.shape, content[len(blob_header(entry.dtype, entry.shape)) :])


def write(file: Path, parts: Iterable[Data]) -> None:
    """Write a file, not flushed yet."""
    failpoint("weights.before_write")
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with named_if_failed(file), os.fdopen(descriptor, "wb", buffering=0) as target:
            for part in parts:
                view = memoryview(part).cast("B") if memoryview(part).nbytes else memoryview(b"")
                while view:
                    view = view[target.write(view) :]
    except BaseException:
        file.unlink(missing_ok=True)
        raise
