"""The log of a store in object storage: an object for each record, and who makes the next one has done it.

So of several writers, on whatever machines, one is first; the others learn what it did and decide anew. Not here:
what records do (``index_changes``).
"""

from __future__ import annotations

import logging
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from nascore.errors import DataLossError, InvalidInputError, UnavailableError
from nascore.failpoints import failpoint
from nascore.weights import index_changes
from nascore.weights.blob_rows import live_rows, put_rows
from nascore.weights.durable import side_by_side
from nascore.weights.manifest import Manifest, read_manifest
from nascore.weights.objects.naming import HEAD, LOG, manifest_key, record_key, rows_of
from nascore.weights.objects.storage import Storage
from nascore.weights.record_log import Record, Verb, head_line, read_head, read_record, record_line

_LOG = logging.getLogger(__name__)
_AT_ONCE = 16
_BATCH = 256


class OvertakenError(UnavailableError):
    """Another writer's record came first; look at what it did, and decide anew."""


class ObjectHistory:
    """What was done to the store in a storage; see `history.History`."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def identity(self) -> str:
        """Return which log this is; empty if there is none.

        Raises:
            DataLossError: There are records, but nothing says of which log.
        """
        found = self._head()
        if not found and self._storage.list(LOG):
            found = self._head()  # Perhaps somebody has just begun it.
            if not found:
                raise DataLossError(
                    f"{self._storage.url}/{HEAD}: missing, but there are records of a log.",
                    hint="Restore it from a copy.",
                )
        return found

    def _head(self) -> str:
        where = f"{self._storage.url}/{HEAD}"
        try:
            return read_head(_whole(self._storage.read(HEAD), where=where), where=where).identity
        except FileNotFoundError:
            return ""

    def has(self, seq: int) -> bool:
        """Whether a record is there."""
        return self._read(seq) is not None

    def fill(self, connection: sqlite3.Connection) -> None:
        """Fill an empty index from the log.

        Raises:
            DataLossError: A record is missing, or is not what was written.
        """
        connection.execute("UPDATE meta SET log = ?, log_offset = 0, seq = 0", (self.identity(),))
        names = [key for key in self._storage.list(LOG) if key != HEAD]
        for seq, name in enumerate(names, start=1):
            if name != record_key(seq):
                raise DataLossError(f"{self._storage.url}: {record_key(seq)} of the log is missing; {name} is there.")
        for first in range(1, len(names) + 1, _BATCH):
            self._replay(connection, range(first, min(first + _BATCH, len(names) + 1)))

    def catch_up(self, connection: sqlite3.Connection) -> bool:
        """Do what others did meanwhile; a store that has no log yet gets one."""
        log, seq = connection.execute("SELECT log, seq FROM meta").fetchone()
        if not log:
            connection.execute("UPDATE meta SET log = ?", (self.identity() or self._begun(),))
        first = seq
        while self.has(seq + 1):
            seq = self._replay(connection, range(seq + 1, seq + 1 + _AT_ONCE))
        return bool(seq != first)

    def append(self, record: Record, offset: int) -> int:
        """Make a record, unless another one is there.

        Raises:
            OvertakenError: It is; nothing was done.
        """
        # Drawn, so that of two who write the same words each knows its own.
        line = record_line(record if record.place else replace(record, place=secrets.token_hex(6)))
        failpoint("weights.before_log")
        # A request that was sent twice, because its answer was lost, finds its own record.
        if not self._storage.create(record_key(record.seq), line) and self._read(record.seq) != line:
            raise OvertakenError(f"{self._storage.url}: others write all the time.", hint="Try again.")
        failpoint("weights.after_log")
        return offset

    def take_back(self, offset: int) -> None:
        """Leave it: what is in the log was done, and the index will learn it."""

    def manifest(self, checkpoint: str, place: str) -> Manifest:
        """Return a manifest.

        Raises:
            FileNotFoundError: There is none.
            DataLossError: It is not what was written.
        """
        return read_manifest(self._storage.read(manifest_key(checkpoint, place)), checkpoint=checkpoint)

    def _begun(self) -> str:
        self._storage.create(HEAD, head_line(secrets.token_hex(8)))
        return self.identity()

    def _replay(self, connection: sqlite3.Connection, numbers: Sequence[int]) -> int:
        """Do what records say, up to the first that is missing; returns the number of the last one."""
        seq = numbers[0] - 1
        records = list(self._records(numbers))
        manifests = side_by_side(self._manifest_of, records, threads=_AT_ONCE)
        for record, manifest in zip(records, manifests, strict=True):
            if record.verb is Verb.COMMIT:
                rows = rows_of(record.placed, pack=record.pack, place=record.place)
                live = live_rows(connection, [row.digest for row in rows])
                put_rows(connection, [row for row in rows if row.digest not in live])
            index_changes.apply(connection, record, manifest)
            seq = record.seq
        connection.execute("UPDATE meta SET seq = ?", (seq,))
        return seq

    def _records(self, numbers: Iterable[int]) -> Iterator[Record]:
        chosen = list(numbers)
        for seq, line in zip(chosen, side_by_side(self._read, chosen, threads=_AT_ONCE), strict=True):
            if line is None:
                return
            where = f"{self._storage.url}/{record_key(seq)}"
            yield read_record(_whole(line, where=where), seq, where=where)

    def _read(self, seq: int) -> bytes | None:
        try:
            return self._storage.read(record_key(seq))
        except FileNotFoundError:
            return None

    def _manifest_of(self, record: Record) -> Manifest | None:
        if record.verb is not Verb.COMMIT:
            return None
        try:
            return self.manifest(record.checkpoints[0], record.place)
        except FileNotFoundError:
            return None  # Forgotten by a later record, or lost, which verify tells.
        except (DataLossError, InvalidInputError) as fault:
            _LOG.warning("%s", fault)
            return None


def _whole(line: bytes, *, where: str) -> bytes:
    """Return a line without its end, which has to be there."""
    if not line.endswith(b"\n"):
        raise DataLossError(f"{where}: it was cut.", hint="Restore it from a copy.")
    return line[:-1]
