"""Removing what nobody names any more; what a manifest names is never touched, whenever it is killed.

First a transaction marks blobs as dying: from then on commits take them for missing, so none can begin to name them.
A second one removes the files of those that are still dying, and their rows. Killed in between, dying blobs stay dying
until the next collection, or until a commit brings them anew. Files without a row, which a killed commit left, go too.
A log that mostly tells of what is gone is compacted at the end.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nascore.errors import ExhaustedResourceError
from nascore.failpoints import failpoint
from nascore.weights.answers import Collected
from nascore.weights.catalogue import is_known, unneeded
from nascore.weights.compaction import compact
from nascore.weights.index import Index
from nascore.weights.index_schema import DYING, LIVE
from nascore.weights.layout import Layout
from nascore.weights.record_log import Record, Verb
from nascore.weights.staging import Staging

_DOOMED_BLOBS = "SELECT digest FROM blobs WHERE pack = '' AND refs = 0"
_DOOMED_PACKS = (
    "SELECT DISTINCT pack FROM blobs WHERE pack != '' "
    "AND pack NOT IN (SELECT pack FROM blobs WHERE pack != '' AND refs > 0)"
)


@dataclass(slots=True)
class _Removed:
    files: int = 0
    bytes: int = 0

    def unlink(self, file: Path) -> None:
        try:
            size = file.stat().st_size
            file.unlink()
        except FileNotFoundError:
            return  # Removed by a collection that was killed.
        self.files += 1
        self.bytes += size
        failpoint("weights.removing")


def collect(layout: Layout, index: Index, staging: Staging, *, stale_after_s: float) -> Collected:
    """See `WeightStore.collect`."""
    if not layout.folder.exists():
        return Collected(0, 0, 0)
    removed = _Removed()
    with index.writing() as change:
        if names := unneeded(change.connection):
            change.do(Record(Verb.FORGET, checkpoints=tuple(names)))
        mark(change.connection)
    failpoint("weights.after_dying")
    with index.writing() as change:
        _remove_dying(change.connection, layout, removed)
    _remove_strangers(layout, index, removed)
    stagings, freed = staging.sweep(stale_after_s=stale_after_s)
    with suppress(ExhaustedResourceError):  # The old log stays, which costs room and nothing else.
        compact(layout, index)
    return Collected(removed.files, stagings, removed.bytes + freed)


def rehearse(layout: Layout, index: Index, staging: Staging, *, stale_after_s: float) -> Collected:
    """Return what `collect` would remove now, and remove nothing."""
    if not layout.folder.exists():
        return Collected(0, 0, 0)
    with index.reading() as connection:
        files = {layout.manifest(name) for name in unneeded(connection)}
        files |= {layout.blob(digest) for (digest,) in connection.execute(_DOOMED_BLOBS)}
        files |= {layout.pack(pack) for (pack,) in connection.execute(_DOOMED_PACKS)}
        files |= {file for _, _, file in _strangers(connection, layout, _all_files(layout))}
    sizes = [file.stat().st_size for file in files if file.exists()]
    stagings, freed = staging.sweep(stale_after_s=stale_after_s, is_rehearsal=True)
    return Collected(len(sizes), stagings, sum(sizes) + freed)


def mark(connection: sqlite3.Connection) -> None:
    """Let blobs die that no checkpoint names; those in a pack only all together, as the file is one."""
    connection.execute(
        "UPDATE blobs SET state = ?1 WHERE refs = 0 AND state = ?2 AND (pack = '' OR NOT EXISTS "
        "(SELECT 1 FROM blobs AS others WHERE others.pack = blobs.pack AND others.pack != '' AND others.refs > 0))",
        (DYING, LIVE),
    )


def _remove_dying(connection: sqlite3.Connection, layout: Layout, removed: _Removed) -> None:
    rows = connection.execute("SELECT digest, pack FROM blobs WHERE state = ?", (DYING,)).fetchall()
    failpoint("weights.before_unlink")
    for digest in (digest for digest, pack in rows if not pack):
        removed.unlink(layout.blob(digest))
    query = "SELECT 1 FROM blobs WHERE pack = ? AND state = ? LIMIT 1"
    for pack in {pack for _, pack in rows if pack}:
        if connection.execute(query, (pack, LIVE)).fetchone() is None:
            removed.unlink(layout.pack(pack))
    connection.execute("DELETE FROM blobs WHERE state = ?", (DYING,))
    failpoint("weights.after_unlink")


def _remove_strangers(layout: Layout, index: Index, removed: _Removed) -> None:
    """Remove files without a row; looked for without the lock, and looked at again with it."""
    with index.reading() as connection:
        found = list(_strangers(connection, layout, _all_files(layout)))
    if found:
        with index.writing() as change:
            for _, _, file in list(_strangers(change.connection, layout, found)):
                removed.unlink(file)


_File = tuple[str, str, Path]


def _all_files(layout: Layout) -> Iterable[_File]:
    yield from (("blob", digest, layout.blob(digest)) for digest in layout.stored_blobs())
    yield from (("pack", pack, layout.pack(pack)) for pack in layout.stored_packs())
    yield from (("manifest", name, layout.manifest(name)) for name in layout.stored_manifests())


def _strangers(connection: sqlite3.Connection, layout: Layout, files: Iterable[_File]) -> Iterable[_File]:
    blob = "SELECT 1 FROM blobs WHERE digest = ? AND pack = ''"
    pack = "SELECT 1 FROM blobs WHERE pack = ? LIMIT 1"
    for kind, name, file in files:
        if kind == "manifest":
            if not is_known(connection, name):
                yield kind, name, file
        elif connection.execute(blob if kind == "blob" else pack, (name,)).fetchone() is None:
            yield kind, name, file
