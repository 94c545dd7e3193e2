"""What rows of the log mean: entries and tuners' states with their checksums, the same in every database.

Not here: how a database is asked for them (``sqlite_schema``, ``postgres_schema``).
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Sequence

from nascore.errors import DataLossError
from nascore.journal.contract import Entry, TunerSnapshot, checked

EVENT_COLUMNS = "seq, kind, payload, time, elapsed_s, checksum"
SNAPSHOT_COLUMNS = "asked, told_through, state, checksum"

_LOG = logging.getLogger(__name__)

EventRow = tuple[int, str, str, float, float, int]
SnapshotRow = tuple[int, int, bytes, bytes]


def event_row(entry: Entry) -> EventRow:
    """Return an entry as a row."""
    return entry.seq, entry.kind, entry.payload, entry.time, entry.elapsed_s, entry.checksum


def entry_of(row: EventRow, *, experiment: str) -> Entry:
    """Return the entry in a row.

    Raises:
        DataLossError: It is not what was written.
    """
    seq, kind, payload, time, elapsed_s, checksum = row
    entry = Entry(seq, kind, payload, time, elapsed_s)
    if entry.checksum != checksum:
        raise DataLossError(
            f"Log of experiment {experiment}: entry {entry.seq} is not what was written (checksum).",
            hint="Restore the database from a copy; nothing was changed.",
        )
    return entry


def entries_of(rows: Iterable[EventRow], *, experiment: str, after_seq: int) -> list[Entry]:
    """Return the entries in the rows after a position.

    Raises:
        DataLossError: One is missing, or is not what was written.
    """
    entries = [entry_of(row, experiment=experiment) for row in rows]
    checked(entries, experiment=experiment, after_seq=after_seq)
    return entries


def snapshot_row(snapshot: TunerSnapshot) -> SnapshotRow:
    """Return a tuner's state as a row."""
    return snapshot.asked, snapshot.told_through, snapshot.state, hashlib.sha256(snapshot.state).digest()


def snapshots_of(rows: Sequence[SnapshotRow], *, experiment: str) -> tuple[TunerSnapshot, ...]:
    """Return the tuners' states in rows, damaged ones left out with a word in the log: they are a cache."""
    found = []
    for asked, told_through, state, checksum in rows:
        if hashlib.sha256(state).digest() == checksum:
            found.append(TunerSnapshot(asked, told_through, state))
        else:
            _LOG.warning(
                "Experiment %s: the state of its tuner saved after %d proposals is damaged (checksum) and left out; "
                "the one before is used, or the whole log.",
                experiment, asked,
            )  # fmt: skip
    return tuple(found)
