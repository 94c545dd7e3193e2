"""The files of a commit: made in ``staging`` from tensors or from uploads, small ones in one pack, and put into place.

They are flushed together; then, with the store's lock held, renamed into place and their folders flushed. Not here:
what is committed (``committing``).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from nascore.errors import ExhaustedResourceError, InvalidInputError
from nascore.failpoints import failpoint
from nascore.weights.blob_rows import LOOSE, BlobRow, live_digests
from nascore.weights.durable import (
    flush,
    make_folders,
    named_if_failed,
    side_by_side,
    threads_for,
    unlink,
    write_parts,
)
from nascore.weights.index import Change, Index
from nascore.weights.layout import Layout
from nascore.weights.manifest import Entry
from nascore.weights.packing import PACKED_BELOW, packed
from nascore.weights.safetensors import Kind, blob_header, read_kind
from nascore.weights.staging import Staging, temporary
from nascore.weights.tensor import Data, TensorData

RESERVE = 2 * 2**20
"""Bytes of the disk that no commit takes: the log and the index need some to release anything."""


@dataclass(slots=True)
class FilePlacement:
    """Files that wait to be put into place: where they are, where they shall be, and the blobs in them.

    Attributes:
        layout: The store's folder.
        manifest: Where the manifest shall be.
        files: Where each file is, and where it shall be.
        rows: The blobs in them, by digest.
        spent: Uploads that are not needed any more when all is done, by digest.
        pack: The pack among them; empty if there is none.
        moved: Those of the files that are in place now.
    """

    layout: Layout
    manifest: str
    files: dict[str, str] = field(default_factory=dict)
    rows: dict[str, BlobRow] = field(default_factory=dict)
    spent: dict[str, str] = field(default_factory=dict)
    pack: str = ""
    moved: set[str] = field(default_factory=set)

    def words(self, new: Collection[BlobRow]) -> dict[str, str]:
        """See `committing.Placement.words`."""
        return {"pack": self.pack} if any(row.pack == self.pack for row in new if row.pack) else {}

    def settle(self, change: Change, new: Collection[BlobRow]) -> None:
        """Rename the files that are needed into place and flush their folders."""
        loose = {self.layout.blob_name(row.digest) for row in new if not row.pack}
        packs = {str(self.layout.pack(pack)) for pack in {row.pack for row in new if row.pack}}
        needed = loose | packs | {self.manifest}
        failpoint("weights.before_place")
        for file, target in self.files.items():
            if target in needed:
                change.move(file, target)
                self.moved.add(file)
                failpoint("weights.placing")
        flush(set(map(os.path.dirname, needed)))
        failpoint("weights.after_place")


class Placing:
    """Makes the files of commits of a store."""

    def __init__(self, layout: Layout, index: Index, staging: Staging) -> None:
        self._layout = layout
        self._index = index
        self._staging = staging

    @contextmanager
    def placed(
        self, checkpoint: str, content: bytes, *, entries: Mapping[str, Entry], tensors: Mapping[str, TensorData]
    ) -> Iterator[FilePlacement]:
        """See `committing.Places.placed`."""
        make_folders([self._layout.staging])
        with self._index.reading() as connection:
            absent = entries.keys() - live_digests(connection, entries)
        placement = FilePlacement(self._layout, str(self._layout.manifest(checkpoint)))
        made: list[str] = []
        try:
            offered = {digest: tensors[digest] for digest in absent & tensors.keys()}
            self._place_tensors(placement, offered, made)
            self._place_ready(placement, [entries[digest] for digest in absent - offered.keys()])
            smalls = {digest: offered[digest] for digest in offered if offered[digest].size < PACKED_BELOW}
            self._place_pack(placement, smalls | self._ready_smalls(placement, entries, absent - offered.keys()), made)
            self._place_manifest(placement, content, made)
            make_folders(map(Path, set(map(os.path.dirname, placement.files.values()))))
            flush(placement.files)
            self._check_room()
            yield placement
            for file in set(placement.spent.values()) - placement.moved:
                unlink(file)
        finally:
            for file in set(made) - placement.moved:
                unlink(file)

    def _place_tensors(self, placement: FilePlacement, offered: Mapping[str, TensorData], made: list[str]) -> None:
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

    def _place_ready(self, placement: FilePlacement, entries: Collection[Entry]) -> None:
        """Take what was uploaded; its header must be that of the entry."""
        ready = self._staging.ready([entry.digest for entry in entries])
        for entry in entries:
            if entry.digest not in ready:
                continue
            check_kind(self._staging.kind(entry.digest), entry)
            placement.spent[entry.digest] = file = str(ready[entry.digest])
            if entry.size >= PACKED_BELOW:
                self._place_file(placement, file, entry.digest, entry.dtype, entry.shape, entry.size)

    def _ready_smalls(
        self, placement: FilePlacement, entries: Mapping[str, Entry], digests: Collection[str]
    ) -> dict[str, TensorData]:
        spent = placement.spent
        smalls = {digest: entries[digest] for digest in digests & spent.keys() if entries[digest].size < PACKED_BELOW}
        return {digest: read_small(Path(spent[digest]), entry) for digest, entry in smalls.items()}

    def _place_file(  # noqa: PLR0917 - a row, column by column
        self, placement: FilePlacement, file: str, digest: str, dtype: str, shape: tuple[int, ...], size: int
    ) -> None:
        placement.files[file] = self._layout.blob_name(digest)
        placement.rows[digest] = BlobRow(digest, dtype, shape, size, LOOSE, len(blob_header(dtype, shape)))

    def _place_pack(self, placement: FilePlacement, smalls: Mapping[str, TensorData], made: list[str]) -> None:
        if not smalls:
            return
        pack = packed(smalls)
        file = temporary(self._layout)
        made.append(file)
        write(file, pack.parts)
        placement.files[file] = str(self._layout.pack(pack.digest))
        placement.rows |= {row.digest: row for row in pack.rows}
        placement.pack = pack.digest

    def _place_manifest(self, placement: FilePlacement, content: bytes, made: list[str]) -> None:
        file = temporary(self._layout)
        made.append(file)
        write(file, [content])
        placement.files[file] = placement.manifest

    def _check_room(self) -> None:
        """Keep room on the disk for releases and collections, which make more."""
        if (free := shutil.disk_usage(self._layout.folder).free) < RESERVE:
            raise ExhaustedResourceError(
                f"{self._layout.folder}: no room on the disk; the last {RESERVE:,} bytes, of which {free:,} are free, "
                "are kept for releases.",
                hint="Release checkpoints and collect, or make room, and try again.",
            )


def check_header(file: Path, entry: Entry) -> None:
    """Make sure that an uploaded blob is what a manifest says.

    Raises:
        InvalidInputError: It is another type or shape.
    """
    check_kind(read_kind(file), entry)


def check_kind(found: Kind, entry: Entry) -> None:
    """Make sure that a blob of an element type and shape is what a manifest says.

    Raises:
        InvalidInputError: It is another type or shape.
    """
    if found != (entry.dtype, entry.shape):
        raise InvalidInputError(
            f"Tensor {entry.key!r}: {entry.dtype} of shape {list(entry.shape)} is named, but blob {entry.digest} "
            f"is {found[0]} of shape {list(found[1])}."
        )


def read_small(file: Path, entry: Entry) -> TensorData:
    """Return the tensor in an uploaded blob."""
    content = file.read_bytes()
    return TensorData(entry.dtype, entry.shape, content[len(blob_header(entry.dtype, entry.shape)) :])


def write(file: str, parts: Iterable[Data]) -> None:
    """Write a file, not flushed yet."""
    failpoint("weights.before_write")
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with named_if_failed(file):
            write_parts(descriptor, parts)
    except BaseException:
        unlink(file)
        raise
    finally:
        os.close(descriptor)
