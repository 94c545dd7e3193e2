"""Making the index from the files: headers say which blobs there are, the log what was done, manifests the rest."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import replace

from nascore.errors import DataLossError, InvalidInputError, NascoreError
from nascore.weights import index_changes
from nascore.weights.answers import OWN
from nascore.weights.blob_rows import BlobRow, live_rows, put_rows, row_of_file, rows_of_file
from nascore.weights.compaction import summarised
from nascore.weights.durable import named_if_failed, sync_folder
from nascore.weights.layout import Layout
from nascore.weights.manifest import MAX_MANIFEST, Manifest, read_manifest
from nascore.weights.record_log import Record, RecordLog, Verb

_LOG = logging.getLogger(__name__)


class FolderHistory:
    """What was done to the store in a folder: its log, and the files that the log names. See `history.History`."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._log = RecordLog(layout.log)

    def fill(self, connection: sqlite3.Connection) -> None:
        """Fill an empty index."""
        fill(connection, self._layout)

    def catch_up(self, connection: sqlite3.Connection) -> bool:
        """Do what a killed process had logged, or go on with a log that it had just compacted; see ``compaction``.

        Files may not have been flushed yet.

        Raises:
            DataLossError: The log is another one, or lines are missing.
        """
        identity, offset, seq = connection.execute("SELECT log, log_offset, seq FROM meta").fetchone()
        head = self._log.head()
        has_succeeded = bool(identity) and (head.succeeds, head.seq) == (identity, seq)
        if has_succeeded:
            sync_folder(self._layout.folder)  # The index must not be ahead of the log's place on the disk.
            identity, offset = head.identity, head.end
            connection.execute("UPDATE meta SET log = ?, log_offset = ?", (identity, offset))
        if head.identity != identity or self._log.size < offset:
            raise DataLossError(
                f"{self._layout.log} is not the log that the index was made from, or has lost lines.",
                hint="Restore it from a copy, or go on with what it says: DirectoryStore.rebuild().",
            )
        if not catch_up(connection, self._layout) and not has_succeeded:
            return False
        with self._layout.log.open("rb") as file:
            os.fsync(file.fileno())
        return True

    def append(self, record: Record, offset: int) -> int:
        """Make a record durable."""
        return self._log.append(record, offset)

    def take_back(self, offset: int) -> None:
        """Remove what was appended from ``offset`` on."""
        self._log.take_back(offset)


def fill(connection: sqlite3.Connection, layout: Layout) -> None:
    """Fill an empty index from the files; a folder without a log gets one, with all checkpoints that are whole.

    Raises:
        DataLossError: A line of the log is not what was written.
    """
    put_rows(connection, _stored_rows(layout))
    log = RecordLog(layout.log)
    head = log.head()
    if head.identity:
        connection.execute("UPDATE meta SET log = ?, log_offset = ?, seq = ?", (head.identity, head.end, head.seq))
        for record in summarised(log, head):
            replay(connection, layout, record)
        catch_up(connection, layout)
    elif layout.folder.exists():
        _adopt(connection, layout, log)


def catch_up(connection: sqlite3.Connection, layout: Layout) -> bool:
    """Do what the log says beyond the index, and return whether there was anything.

    Raises:
        DataLossError: A line is not what was written.
    """
    (offset, seq) = connection.execute("SELECT log_offset, seq FROM meta").fetchone()
    start = offset
    for record, end in RecordLog(layout.log).read(offset, seq=seq):
        replay(connection, layout, record)
        offset, seq = end, record.seq
    connection.execute("UPDATE meta SET log_offset = ?, seq = ?", (offset, seq))
    return bool(offset != start)


def replay(connection: sqlite3.Connection, layout: Layout, record: Record) -> None:
    """Do what a record of the log says; where blobs lie is read from the files."""
    manifest = None
    if record.verb in (Verb.COMMIT, Verb.KNOW):
        manifest = _manifest(layout, record.checkpoints[0])
    if record.verb is Verb.COMMIT:
        put_rows(connection, _missing_rows(connection, layout, record, manifest))
    index_changes.apply(connection, record, manifest)


def stored_manifest(layout: Layout, checkpoint: str) -> Manifest:
    """Return the manifest in a file.

    Raises:
        NotFoundError: ``checkpoint`` is no id of one.
        FileNotFoundError: There is none.
        DataLossError: It is not what was written.
    """
    file = layout.manifest(checkpoint)
    if file.stat().st_size > MAX_MANIFEST:
        raise DataLossError(f"{file}: longer than any manifest.")
    with named_if_failed(file):
        return read_manifest(file.read_bytes(), checkpoint=checkpoint)


def _stored_rows(layout: Layout) -> Iterator[BlobRow]:
    """Read all headers; files that are none are passed over, and missed where they are needed."""
    for pack in layout.stored_packs():
        try:
            yield from rows_of_file(layout, pack)
        except (NascoreError, FileNotFoundError) as fault:
            _LOG.warning("%s", fault)
    for digest in layout.stored_blobs():
        try:
            yield row_of_file(layout, digest)
        except (NascoreError, FileNotFoundError) as fault:
            _LOG.warning("%s", fault)


def _missing_rows(
    connection: sqlite3.Connection, layout: Layout, record: Record, manifest: Manifest | None
) -> Iterator[BlobRow]:
    """Yield rows that a commit would have made, had it not been killed before the index had it."""
    wanted = {entry.digest for entry in manifest.entries} if manifest is not None else set()
    wanted -= live_rows(connection, wanted).keys()
    if wanted and record.pack and layout.pack(record.pack).exists():
        packed = {row.digest: row for row in rows_of_file(layout, record.pack)}
        yield from packed.values()
        wanted -= packed.keys()
    for digest in wanted:
        if layout.blob(digest).exists():
            yield row_of_file(layout, digest)


def _manifest(layout: Layout, checkpoint: str) -> Manifest | None:
    try:
        return stored_manifest(layout, checkpoint)
    except FileNotFoundError:
        return None  # Forgotten by a later record, or lost, which verify tells.
    except (DataLossError, InvalidInputError) as fault:
        _LOG.warning("%s", fault)
        return None


def _adopt(connection: sqlite3.Connection, layout: Layout, log: RecordLog) -> None:
    """Begin a log for a folder that has none; what is not whole counts as released. Parents come first."""
    stored = {name: manifest for name in layout.stored_manifests() if (manifest := _manifest(layout, name)) is not None}
    times = {name: layout.manifest(name).stat().st_mtime_ns for name in stored}
    identity = log.create()
    offset = log.head().end
    connection.execute("UPDATE meta SET log = ?, log_offset = ?, seq = 0", (identity, offset))
    ordered = _parents_first(sorted(stored, key=lambda name: (times[name], name)), stored)
    whole = {name for name in ordered if _is_whole(connection, stored[name])}
    records = [Record(Verb.COMMIT, experiment=OWN, checkpoints=(name,)) for name in ordered]
    if broken := tuple(name for name in ordered if name not in whole):
        records.append(Record(Verb.RELEASE, checkpoints=broken))
    for seq, record in enumerate(records, start=1):
        numbered = replace(record, seq=seq)
        offset = log.append(numbered, offset)
        replay(connection, layout, numbered)
        connection.execute("UPDATE meta SET log_offset = ?, seq = ?", (offset, seq))


def _is_whole(connection: sqlite3.Connection, manifest: Manifest) -> bool:
    wanted = {entry.digest for entry in manifest.entries}
    return wanted == live_rows(connection, wanted).keys()


def _parents_first(names: list[str], stored: dict[str, Manifest]) -> list[str]:
    ordered: dict[str, None] = {}
    for name in names:
        waiting = [name]
        while waiting:
            last = waiting[-1]
            above = [parent for parent in stored[last].parents if parent in stored and parent not in ordered]
            if above:
                waiting.extend(above)  # An id is a digest of its parents' ids, so there is no circle.
            else:
                ordered[waiting.pop()] = None
    return list(ordered)
