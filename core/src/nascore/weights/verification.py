"""Proving everything that is stored: blobs, packs, manifests, the log, and that the index says what these say."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
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
from nascore.weights.loss import told_with_losses
from nascore.weights.manifest import Manifest
from nascore.weights.memory_index import is_of_writing
from nascore.weights.packing import PACKED_BELOW
from nascore.weights.rebuilding import stored_manifest

MISSING = "missing"
"""What is wrong with a file that is not there."""
_SHOWN = 3
_CHECKPOINTS = "SELECT name, size, holders FROM checkpoints"
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
    "released": "SELECT checkpoints.name, experiments.name FROM released "
    "JOIN checkpoints ON checkpoint = checkpoints.id JOIN experiments ON experiment = experiments.id",
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
    of_index = list(_index_damages(layout, index))
    try:
        with index.reading() as connection:
            rows = all_rows(connection)
            checkpoints = connection.execute(_CHECKPOINTS).fetchall()
    except (NascoreError, *BROKEN):
        return tuple(of_index)  # There is no index to go by: its own damage has been said.
    damages = _manifest_damages(layout, checkpoints, known={row.digest for row in rows})
    damages += _blob_damages(layout, rows)
    return tuple(_lasting(layout, index, [*damages, *summed_up(of_index, beside=damages)]))


def summed_up(of_index: Sequence[Damage], *, beside: Iterable[Damage]) -> Sequence[Damage]:
    """Return what is wrong with an index; in one sentence where files are missing from which it would be made anew."""
    if len(of_index) < 2 or not any(damage.what == MISSING for damage in beside):
        return of_index
    what = f"{of_index[0].what}, and {len(of_index) - 1} more; what is missing may be why"
    return [Damage(of_index[0].place, what)]


def verify_one(layout: Layout, index: Index, checkpoint: str) -> tuple[Damage, ...]:
    """Prove every byte of one checkpoint.

    Raises:
        NotFoundError: There is no such checkpoint.
    """
    with index.reading() as connection:
        row = connection.execute(f"{_CHECKPOINTS} WHERE name = ?", (checkpoint,)).fetchone()
        if row is None:
            raise NotFoundError(f"There is no checkpoint {checkpoint} in {layout.folder}.")
        found = _manifest(layout, checkpoint)
        digests = {entry.digest for entry in found.entries} if isinstance(found, Manifest) and row[2] else set()
        rows = live_rows(connection, digests)
    damages = _manifest_damages(layout, [row], known=rows.keys())
    return tuple(_lasting(layout, index, [*damages, *_blob_damages(layout, rows.values())]))


def _manifest_damages(
    layout: Layout, checkpoints: Iterable[tuple[str, int, int]], *, known: Collection[str]
) -> list[Damage]:
    """Look at manifests, and for the blobs that they name; an index that was made anew knows nothing of a lost one.

    Args:
        layout: Where they are.
        checkpoints: Id, size and number of holders of each.
        known: The blobs that the index has.
    """
    damages: list[Damage] = []
    naming: dict[str, list[str]] = {}
    sizes: dict[str, int] = {}
    for name, size, holders in checkpoints:
        found = _manifest(layout, name)
        if not isinstance(found, Manifest):
            damages.append(Damage(str(layout.manifest(name)), found, (name,), size if holders else 0))
        elif holders:
            missing = {entry.digest: entry.size for entry in found.entries if entry.digest not in known}
            sizes |= missing
            for digest in missing:
                naming.setdefault(digest, []).append(name)
    return [*damages, *_missing_damages(layout, sizes, naming)]


def _missing_damages(layout: Layout, sizes: Mapping[str, int], naming: Mapping[str, list[str]]) -> Iterator[Damage]:
    """Say which blobs are nowhere; small ones together, for who knows in which pack each was."""
    small = [digest for digest, size in sizes.items() if size < PACKED_BELOW]
    if small:
        checkpoints = dict.fromkeys(name for digest in small for name in naming[digest])
        lost = sum(sizes[digest] for digest in small)
        yield Damage(str(layout.packs), f"none has {len(small)} small tensors", tuple(checkpoints), lost)
    for digest in sizes.keys() - set(small):
        yield Damage(str(layout.blob(digest)), MISSING, tuple(naming[digest]), sizes[digest])


def _manifest(layout: Layout, checkpoint: str) -> Manifest | str:
    """Return a manifest, or what is wrong with it."""
    try:
        return stored_manifest(layout, checkpoint)
    except FileNotFoundError:
        return MISSING
    except NascoreError as fault:
        return str(fault)


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
        return Damage(str(file), MISSING)
    except (DataLossError, OSError) as fault:
        return Damage(str(file), str(fault))
    return None


def _lasting(layout: Layout, index: Index, damages: list[Damage]) -> Iterator[Damage]:
    """Pass over what a collection removed while we looked."""
    if not damages:
        return
    with index.reading() as connection:
        contents = {damage.place: _contents(connection, layout, Path(damage.place)) for damage in damages}
        lasting = [damage for damage in damages if _lasts(connection, damage, contents[damage.place])]
        yield from told_with_losses(
            connection, lasting, {place: inside for place, inside in contents.items() if inside}
        )


def _contents(connection: sqlite3.Connection, layout: Layout, place: Path) -> list[str] | None:
    """Return the digests of the blobs in a file; ``None`` for a file that holds none."""
    if place.parent == layout.packs:
        return [row.digest for row in rows_of_pack(connection, place.stem)]
    return list(live_rows(connection, [place.stem])) if layout.blobs in place.parents else None


def _lasts(connection: sqlite3.Connection, damage: Damage, contents: list[str] | None) -> bool:
    if damage.checkpoints and contents is not None:  # A blob of which the index knew nothing.
        return not contents and any(is_held(connection, checkpoint) for checkpoint in damage.checkpoints)
    if damage.checkpoints:
        return any(is_known(connection, checkpoint) for checkpoint in damage.checkpoints)
    return contents is None or bool(contents)


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
    except (NascoreError, OSError, *BROKEN) as fault:
        if is_of_writing(fault):
            return  # Then it cannot be compared while nobody writes, and readers can do without it.
        if not isinstance(fault, NascoreError | sqlite3.Error | UnicodeDecodeError):
            raise
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
