"""Proving everything that is stored: blobs, packs, manifests, the log, and that the index says what these say."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from pathlib import Path

from blake3 import blake3

from nascore.errors import DataLossError, NascoreError, NotFoundError
from nascore.sqlite import BROKEN
from nascore.weights.answers import Damage
from nascore.weights.blob_rows import BlobRow, all_rows, live_rows, rows_of_file, rows_of_pack
from nascore.weights.catalogue import is_held, is_known
from nascore.weights.durable import side_by_side, threads_for
from nascore.weights.index import Index
from nascore.weights.layout import Layout
from nascore.weights.rebuilding import stored_manifest

_SHOWN = 3
TABLES = {
    "experiments": "SELECT name, quota, used FROM experiments WHERE used > 0 OR quota IS NOT NULL",
    "blobs": "SELECT digest, dtype, shape, size, refs FROM blobs WHERE refs > 0",
    "checkpoints": "SELECT name, trial, size, holders, is_pinned FROM checkpoints",
    "members": "SELECT experiments.name, checkpoints.name, seq, at FROM members "
    "JOIN checkpoints ON checkpoint = checkpoints.id JOIN experiments ON experiment = experiments.id",
    "checkpoint_blobs": "SELECT checkpoints.name, digest FROM checkpoint_blobs "
    "JOIN checkpoints ON checkpoint = checkpoints.id JOIN blobs ON blob = blobs.id",
    "holdings": "SELECT name, digest, count FROM holdings "
    "JOIN experiments ON experiment = experiments.id JOIN blobs ON blob = blobs.id",
    "metrics": "SELECT name, metric, value FROM metrics JOIN checkpoints ON checkpoint = checkpoints.id",
    "parents": "SELECT young.name, old.name FROM parents "
    "JOIN checkpoints AS young ON child = young.id JOIN checkpoints AS old ON parent = old.id",
    "names": "SELECT experiments.name, names.name, checkpoints.name, etag FROM names "
    "JOIN checkpoints ON checkpoint = checkpoints.id JOIN experiments ON experiment = experiments.id",
    "requests": "SELECT name, request, content, checkpoint, etag FROM requests "
    "JOIN experiments ON experiment = experiments.id",
    "meta": "SELECT log, log_offset, seq FROM meta",
}
"""What must be equal in the index and in one that is made anew; ids are free."""


def verify_all(layout: Layout, index: Index) -> tuple[Damage, ...]:
    """Prove every stored byte."""
    if not layout.folder.exists():
        return ()
    damages = list(_index_damages(layout, index))
    try:
        with index.reading() as connection:
            rows = all_rows(connection)
            checkpoints = [name for (name,) in connection.execute("SELECT name FROM checkpoints")]
    except (NascoreError, *BROKEN):
        return tuple(damages)  # There is no index to go by: its own damage has been said.
    damages += [Damage(str(layout.manifest(name)), what) for name in checkpoints if (what := _manifest(layout, name))]
    damages += _blob_damages(layout, rows)
    return tuple(_lasting(layout, index, damages))


def verify_one(layout: Layout, index: Index, checkpoint: str) -> tuple[Damage, ...]:
    """Prove every byte of one checkpoint.

    Raises:
        NotFoundError: There is no such checkpoint.
    """
    file = layout.manifest(checkpoint)
    with index.reading() as connection:
        if not is_known(connection, checkpoint):
            raise NotFoundError(f"There is no checkpoint {checkpoint} in {layout.folder}.")
        if what := _manifest(layout, checkpoint):
            return (Damage(str(file), what),)
        digests = {entry.digest for entry in stored_manifest(layout, checkpoint).entries}
        rows = live_rows(connection, digests) if is_held(connection, checkpoint) else {}
        missing = digests - rows.keys() if rows else set()
    damages = [Damage(str(layout.blob(digest)), "missing") for digest in sorted(missing)]
    return tuple(_lasting(layout, index, [*damages, *_blob_damages(layout, rows.values())]))


def _manifest(layout: Layout, checkpoint: str) -> str:
    try:
        stored_manifest(layout, checkpoint)
    except FileNotFoundError:
        return "missing"
    except NascoreError as fault:
        return str(fault)
    return ""


def _blob_damages(layout: Layout, rows: Collection[BlobRow]) -> list[Damage]:
    files = {row.file(layout): row for row in rows}
    threads = threads_for(sum(row.size for row in rows), len(files))
    found = side_by_side(lambda item: _damage(layout, *item), list(files.items()), threads=threads)
    return [damage for damage in found if damage is not None]


def _damage(layout: Layout, file: Path, row: BlobRow) -> Damage | None:
    """Look at one file: blobs and packs are named by the digest of all their bytes."""
    try:
        content = blake3(max_threads=1).update_mmap(file) if file.stat().st_size else blake3()
        if content.hexdigest() != (row.pack or row.digest):
            return Damage(str(file), "bytes have changed since they were written")
        if row.pack:
            rows_of_file(layout, row.pack)
    except FileNotFoundError:
        return Damage(str(file), "missing")
    except (DataLossError, OSError) as fault:
        return Damage(str(file), str(fault))
    return None


def _lasting(layout: Layout, index: Index, damages: list[Damage]) -> Iterator[Damage]:
    """Pass over what a collection removed while we looked."""
    if not damages:
        return
    with index.reading() as connection:
        for damage in damages:
            place = Path(damage.place)
            if place.parent == layout.packs and not rows_of_pack(connection, place.stem):
                continue
            if layout.blobs in place.parents and damage.what != "missing" and not live_rows(connection, [place.stem]):
                continue
            if place.parent == layout.manifests and not is_known(connection, place.stem):
                continue
            yield damage


def _index_damages(layout: Layout, index: Index) -> Iterator[Damage]:
    """Compare the index with one that is made anew, while nobody writes."""
    try:
        with index.writing() as change:
            found = [row[0] for row in change.connection.execute("PRAGMA integrity_check")]
            if found != ["ok"]:
                yield Damage(str(layout.index), "; ".join(found[:_SHOWN]))
                return
            with closing(index.fresh()) as fresh:
                yield from _differences(change.connection, fresh, layout)
    except (NascoreError, *BROKEN) as fault:
        place = layout.log if str(layout.log) in str(fault) else layout.index
        yield Damage(str(place), str(fault))


def _differences(stored: sqlite3.Connection, fresh: sqlite3.Connection, layout: Layout) -> Iterator[Damage]:
    for what in differences(stored, fresh):
        yield Damage(str(layout.index), what)
    rows = all_rows(stored)
    packed = {row for pack in {row.pack for row in rows if row.pack} for row in _of_pack(layout, pack)}
    for blob in rows:
        is_there = blob in packed if blob.pack else blob.data_offset == len(blob.header)
        if not is_there:
            yield Damage(str(layout.index), f"blob {blob.digest} is not where it says")


def differences(
    stored: sqlite3.Connection, fresh: sqlite3.Connection, tables: Mapping[str, str] = TABLES
) -> Iterator[str]:
    """Say in which rows an index is not one that is made anew."""
    for table, query in tables.items():
        ours, theirs = (set(connection.execute(query).fetchall()) for connection in (stored, fresh))
        for row in sorted(map(repr, ours ^ theirs))[:_SHOWN]:
            yield f"table {table} and what is stored do not agree about {row}"


def _of_pack(layout: Layout, pack: str) -> list[BlobRow]:
    try:
        return rows_of_file(layout, pack)
    except (NascoreError, OSError):
        return []  # Which is a damage of the pack.
