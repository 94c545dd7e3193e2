"""The log in one SQLite file, as the writer's thread uses it.

Not here: tables and opening (``nascore.journal.sqlite_schema``).
"""

from __future__ import annotations

import errno
import logging
import os
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from nascore.errors import NascoreError
from nascore.journal.contract import Entry, TunerSnapshot
from nascore.journal.migrations import Step
from nascore.journal.rows import SNAPSHOT_COLUMNS, event_row, snapshot_row, snapshots_of
from nascore.journal.sqlite_errors import translated
from nascore.journal.sqlite_schema import STEPS, connect, stored_entries, stored_experiments
from nascore.journal.store import KEPT_SNAPSHOTS, Store

_NEW_EXPERIMENT = "INSERT INTO experiments VALUES (?, (SELECT coalesce(max(place), 0) + 1 FROM experiments))"
_SAVE_SNAPSHOT = """
INSERT INTO snapshots
VALUES (?1, (SELECT coalesce(max(place), 0) + 1 FROM snapshots WHERE experiment = ?1), ?2, ?3, ?4, ?5)
"""
_KEEP_NEWEST = """
DELETE FROM snapshots
WHERE experiment = ?1 AND place <= (SELECT max(place) FROM snapshots WHERE experiment = ?1) - ?2
"""


_LONG_WAL = 1_000 * 4_120
"""Bytes of the write-ahead log from which it is written back: as many frames as SQLite takes for itself."""

_LOG = logging.getLogger(__name__)


class SqliteStore(Store):
    """One SQLite file.

    Args:
        path: The file; made if there is none.
        steps: How its tables came to be.

    Raises:
        StateError: It was made by a newer nascore or another program.
        DataLossError: It is damaged.
        PermissionDeniedError: It cannot be written to.
    """

    def __init__(self, path: Path, *, steps: Sequence[Step] = STEPS) -> None:
        super().__init__(str(path))
        self._path = path
        self._steps = steps
        try:
            self.connection = connect(path, steps=steps)
        except OSError as error:
            if isinstance(error, NascoreError):  # Some of ours are errors of the system, too.
                raise
            raise self.understood(error) from error
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)  # Closed last: closing it drops SQLite's locks.

    def take_over(self) -> None:
        """See `Store.take_over`."""
        self.transact(lambda: self.connection.execute("UPDATE writer SET epoch = epoch + 1"), step="take_over")
        self._epoch = self._stored_epoch()

    def last_seq(self, experiment: str) -> int:
        """See `Store.last_seq`."""
        query = "SELECT coalesce(max(seq), 0) FROM events WHERE experiment = ?"
        try:
            seq: int = self.connection.execute(query, (experiment,)).fetchone()[0]
        except sqlite3.Error as error:
            raise translated(error, self._path) from error
        return seq

    def write(self, appends: Sequence[tuple[str, Sequence[Entry]]]) -> None:
        """See `Store.write`."""
        self.transact(lambda: self._insert(appends))

    def entries(self, experiment: str, *, after_seq: int, count: int | None) -> list[Entry]:
        """See `Store.entries`."""
        return stored_entries(self.connection, experiment, after_seq=after_seq, count=count)

    def experiments(self) -> tuple[str, ...]:
        """See `Store.experiments`."""
        return stored_experiments(self.connection)

    def delete(self, experiment: str, *, request_id: str) -> None:
        """See `Store.delete`."""

        def delete() -> None:
            self.connection.execute("INSERT OR REPLACE INTO deletions VALUES (?, ?)", (request_id, experiment))
            self.connection.execute("DELETE FROM experiments WHERE id = ?", (experiment,))

        self.transact(delete, step="delete")

    def deletions(self) -> Mapping[str, str]:
        """See `Store.deletions`."""
        return dict(self.connection.execute("SELECT request_id, experiment FROM deletions"))

    def save_snapshot(self, experiment: str, snapshot: TunerSnapshot) -> None:
        """See `Store.save_snapshot`."""

        def save() -> None:
            self.connection.execute(_SAVE_SNAPSHOT, (experiment, *snapshot_row(snapshot)))
            self.connection.execute(_KEEP_NEWEST, (experiment, KEPT_SNAPSHOTS))

        self.transact(save, step="snapshot")

    def snapshots(self, experiment: str) -> tuple[TunerSnapshot, ...]:
        """See `Store.snapshots`."""
        query = f"SELECT {SNAPSHOT_COLUMNS} FROM snapshots WHERE experiment = ? ORDER BY place DESC"  # noqa: S608 - no input in it
        return snapshots_of(self.connection.execute(query, (experiment,)).fetchall(), experiment=experiment)

    def close(self) -> None:
        """See `Store.close`."""
        self._write_back("TRUNCATE")
        self.connection.close()
        os.close(self._file)

    def _insert(self, appends: Sequence[tuple[str, Sequence[Entry]]]) -> None:
        for experiment, entries in appends:
            if entries[0].seq == 1:
                self.connection.execute(_NEW_EXPERIMENT, (experiment,))
        rows = [(experiment, *event_row(entry)) for experiment, entries in appends for entry in entries]
        self.connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def _begin(self) -> int:
        self.connection.execute("BEGIN IMMEDIATE")
        return self._stored_epoch()

    def _commit(self) -> None:
        self.connection.execute("COMMIT")
        with suppress(OSError):
            if self._wal.stat().st_size > _LONG_WAL:
                self._write_back("PASSIVE")

    def _write_back(self, mode: str) -> None:
        """Move the write-ahead log into the database; if that fails it stays, and is moved another time."""
        try:
            self.connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
        except sqlite3.Error as error:
            _LOG.warning("Database %s: its write-ahead log was not written back: %s", self._path, error)
            self._forget_pages()

    def _forget_pages(self) -> None:
        """Drop what the kernel holds of the files: after a failed sync it takes pages for written that are not.

        Without this, ext4 answers the next sync of the same pages with success and writes them where nobody reads.
        """
        if not hasattr(os, "posix_fadvise"):
            return  # Not on macOS.
        os.posix_fadvise(self._file, 0, 0, os.POSIX_FADV_DONTNEED)
        with suppress(OSError), self._wal.open("rb") as wal:
            os.posix_fadvise(wal.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    @property
    def _wal(self) -> Path:
        return Path(f"{self._path}-wal")

    def _undo(self, error: Exception) -> None:
        with suppress(sqlite3.Error):
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
        is_broken = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_IOERR
        if is_broken or getattr(error, "errno", None) == errno.EIO:
            # After a failed sync, what this connection holds in memory proves nothing: look at the disk again.
            with suppress(NascoreError, OSError, sqlite3.Error):
                self._forget_pages()
                fresh = connect(self._path, steps=self._steps)
                self.connection.close()
                self.connection = fresh

    def _translated(self, error: Exception) -> NascoreError | None:
        return translated(error, self._path) if isinstance(error, sqlite3.Error) else None

    def _stored_epoch(self) -> int:
        epoch: int = self.connection.execute("SELECT epoch FROM writer").fetchone()[0]
        return epoch
