"""Where blobs lie in a store's folder: rows of the index, and the same rows read from the files themselves."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from nascore.errors import DataLossError
from nascore.weights.answers import Place
from nascore.weights.index_schema import DYING, LIVE
from nascore.weights.layout import Layout
from nascore.weights.safetensors import Kind, blob_header, read_header, read_kind
from nascore.weights.tensor import data_size

LOOSE = ""
"""``pack`` of a blob with a file of its own."""

_COLUMNS = "digest, dtype, shape, size, pack, data_offset"


@dataclass(frozen=True, slots=True)
class BlobRow:
    """A blob: its element type, shape and bytes of data, and where the data begin, in a pack or in its own file."""

    digest: str
    dtype: str
    shape: tuple[int, ...]
    size: int
    pack: str
    data_offset: int

    @property
    def header(self) -> bytes:
        """What comes before the data in the blob."""
        return blob_header(self.dtype, self.shape)

    def file(self, layout: Layout) -> Path:
        """Return the file that holds it."""
        return layout.pack(self.pack) if self.pack else layout.blob(self.digest)

    @property
    def kind(self) -> Kind:
        """Element type and shape of the tensor."""
        return self.dtype, self.shape

    def place(self, layout: Layout) -> Place:
        """Return where its data lie."""
        return Place(self.file(layout), self.data_offset, self.size)


def live_rows(connection: sqlite3.Connection, digests: Collection[str]) -> dict[str, BlobRow]:
    """Return the rows of those digests that a commit may name."""
    query = f"SELECT {_COLUMNS} FROM blobs WHERE state = ? AND digest IN (SELECT value FROM json_each(?))"  # noqa: S608
    rows = connection.execute(query, (LIVE, json.dumps(list(digests)))).fetchall()
    return {row[0]: _row(row) for row in rows}


def live_digests(connection: sqlite3.Connection, digests: Collection[str]) -> set[str]:
    """Return those digests that a commit may name."""
    if len(digests) == 1:
        return {digest for digest in digests if is_live(connection, digest)}
    query = "SELECT digest FROM blobs WHERE state = ? AND digest IN (SELECT value FROM json_each(?))"
    return {digest for (digest,) in connection.execute(query, (LIVE, json.dumps(list(digests))))}


def live_kinds(connection: sqlite3.Connection, digests: Collection[str]) -> dict[str, Kind]:
    """Return element types and shapes of those digests that a commit may name."""
    query = "SELECT digest, dtype, shape FROM blobs WHERE state = ? AND digest IN (SELECT value FROM json_each(?))"
    rows = connection.execute(query, (LIVE, json.dumps(list(digests)))).fetchall()
    return {digest: (dtype, _shape_of(digest, shape)) for digest, dtype, shape in rows}


def is_live(connection: sqlite3.Connection, digest: str) -> bool:
    """Whether a commit may name a blob."""
    query = "SELECT 1 FROM blobs WHERE digest = ? AND state = ?"
    return connection.execute(query, (digest, LIVE)).fetchone() is not None


def all_rows(connection: sqlite3.Connection, *, after: str = "", limit: int = -1) -> list[BlobRow]:
    """Return the rows of all blobs that are there to stay, by digest."""
    query = f"SELECT {_COLUMNS} FROM blobs WHERE state = ? AND digest > ? ORDER BY digest LIMIT ?"  # noqa: S608
    return [_row(row) for row in connection.execute(query, (LIVE, after, limit))]


def rows_of_pack(connection: sqlite3.Connection, pack: str) -> list[BlobRow]:
    """Return the rows of the blobs in a pack."""
    query = f"SELECT {_COLUMNS} FROM blobs WHERE pack = ? AND pack != '' ORDER BY data_offset, digest"  # noqa: S608
    return [_row(row) for row in connection.execute(query, (pack,))]


def is_dying(connection: sqlite3.Connection, digest: str) -> bool:
    """Whether a collection is about to remove a blob."""
    found = connection.execute("SELECT 1 FROM blobs WHERE digest = ? AND state = ?", (digest, DYING)).fetchone()
    return found is not None


def put_rows(connection: sqlite3.Connection, rows: Iterable[BlobRow]) -> None:
    """Make blobs known whose files are in place; one that was dying lives again."""
    connection.executemany(
        f"INSERT INTO blobs ({_COLUMNS}, state) VALUES (?, ?, ?, ?, ?, ?, {LIVE}) ON CONFLICT (digest) DO UPDATE SET "  # noqa: S608
        "dtype = excluded.dtype, shape = excluded.shape, size = excluded.size, pack = excluded.pack, "
        "data_offset = excluded.data_offset, state = excluded.state",
        [(row.digest, row.dtype, _shape_text(row.shape), row.size, row.pack, row.data_offset) for row in rows],
    )


def row_of_file(layout: Layout, digest: str) -> BlobRow:
    """Return the row of a blob that has a file of its own, from its header.

    Raises:
        DataLossError: The file is no blob.
    """
    dtype, shape = read_kind(layout.blob(digest))
    return BlobRow(digest, dtype, shape, data_size(dtype, shape), LOOSE, len(blob_header(dtype, shape)))


def rows_of_file(layout: Layout, pack: str) -> list[BlobRow]:
    """Return the rows of the blobs in a pack, from its header.

    Raises:
        DataLossError: The file is no safetensors file.
    """
    file = layout.pack(pack)
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        begin, slots = read_header(descriptor, file=str(file))
    finally:
        os.close(descriptor)
    return [
        BlobRow(digest, slot.dtype, slot.shape, slot.end - slot.begin, pack, begin + slot.begin)
        for digest, slot in slots.items()
    ]


@lru_cache(maxsize=4096)
def _shape_text(shape: tuple[int, ...]) -> str:
    return json.dumps(shape)


@lru_cache(maxsize=4096)
def _shape(text: str) -> tuple[int, ...]:
    return tuple(json.loads(text))


def _row(row: tuple[str, str, str, int, str, int]) -> BlobRow:
    digest, dtype, shape, size, pack, data_offset = row
    return BlobRow(digest, dtype, _shape_of(digest, shape), size, pack, data_offset)


def _shape_of(digest: str, shape: str) -> tuple[int, ...]:
    try:
        return _shape(shape)
    except (TypeError, ValueError) as fault:
        raise DataLossError(
            f"The index is damaged: blob {digest!r:.80} has the shape {shape!r:.80}.",
            hint="Nothing is lost: `nascore weights reindex` makes it anew.",
        ) from fault
