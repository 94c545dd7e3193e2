"""Compaction: a log is written anew that says what is still true, and no more how it came about.

What was released and forgotten, and names that have moved on, stay in an append-only log for good, and every index that
is made anew has to do all of it again. A compacted log begins with a *summary*: one record for each thing that is true,
with the number of the record that made it true, so that etags and the order of lists stay; its head has their bytes,
their digest and the number of the last record that they stand for. Ordinary records follow.

It replaces the old log in one step, under the store's lock, and then says itself of which log it is the successor: an
index that had done all of that one goes on with it, also if the process was killed in between. Not here: what records
do (``index_changes``), lines and their checksums (``record_log``), object storage.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter

from blake3 import blake3

from nascore.errors import DataLossError
from nascore.failpoints import failpoint
from nascore.weights.durable import TEMPORARY, sync_folder, write_file
from nascore.weights.index import Index
from nascore.weights.layout import Layout
from nascore.weights.record_log import Head, Record, RecordLog, Verb, head_line, read_record, record_line

WORTH_BYTES = 64 << 10
"""Smaller logs stay as they are."""
_SHRINKS_TO = 0.5
"""Logs that would not become so much smaller stay, so all compactions together cost no more than what was logged."""
_LEAST_LINE = 100
"""Bytes that a record has at least, to estimate without making them what would be left."""
_AT_ONCE = 1000

_COUNT = (
    "SELECT (SELECT count(*) FROM checkpoints) + (SELECT count(*) FROM names) + "
    "(SELECT count(*) FROM requests WHERE etag != '')"
)
_CHECKPOINTS = (
    "SELECT checkpoints.name, coalesce(experiments.name, ''), coalesce(seq, 0), coalesce(request, ''), "
    "coalesce(content, ''), coalesce(at, 0) FROM checkpoints LEFT JOIN members ON members.checkpoint = checkpoints.id "
    "LEFT JOIN experiments ON members.experiment = experiments.id LEFT JOIN requests ON requests.etag = '' "
    "AND requests.checkpoint = checkpoints.name AND requests.experiment = experiments.id "
    "ORDER BY checkpoints.id, seq, request"
)
_RELEASED = (
    "SELECT experiments.name, checkpoints.name FROM released JOIN experiments ON experiment = experiments.id "
    "JOIN checkpoints ON checkpoint = checkpoints.id ORDER BY experiments.name, checkpoints.id"
)
_PINNED = "SELECT name FROM checkpoints WHERE is_pinned ORDER BY id"
_NAMES = (
    "SELECT experiments.name, names.name, checkpoints.name, etag FROM names "
    "JOIN checkpoints ON checkpoint = checkpoints.id JOIN experiments ON experiment = experiments.id "
    "ORDER BY experiments.name, names.name"
)
_REQUESTS = (
    "SELECT experiments.name, request, content, checkpoint, etag FROM requests "
    "JOIN experiments ON experiment = experiments.id WHERE etag != '' OR NOT EXISTS (SELECT 1 FROM members JOIN "
    "checkpoints ON members.checkpoint = checkpoints.id WHERE checkpoints.name = requests.checkpoint "
    "AND members.experiment = requests.experiment) ORDER BY experiments.name, request"
)
_QUOTAS = "SELECT name, quota FROM experiments WHERE quota IS NOT NULL ORDER BY name"


def compact(layout: Layout, index: Index) -> int:
    """Write the log of a store anew if that makes it much smaller, and return how many bytes it has become smaller.

    Raises:
        DataLossError: The log is not the one that the index was made from.
        ExhaustedResourceError: The disk is full or failed; the old log stays.
    """
    log = RecordLog(layout.log)
    if log.size < WORTH_BYTES:
        return 0
    with index.reading() as connection:
        if connection.execute(_COUNT).fetchone()[0] * _LEAST_LINE > _SHRINKS_TO * log.size:
            return 0
    with index.writing() as change:
        freed = _replace(layout, log, list(_lines(change.connection)), seq=change.seq)
    if freed:
        with index.writing():
            failpoint("weights.after_succession")  # The index goes on with the new log, as it would at the next change.
    return freed


def summarised(log: RecordLog, head: Head) -> Iterator[Record]:
    """Yield the records of the summary with which a compacted log begins; none for a log that has not been compacted.

    Raises:
        DataLossError: They are not what was written.
    """
    if not head.summary:
        return
    with log.path.open("rb") as file:
        file.seek(head.size)
        content = file.read(head.summary)
    if blake3(content).hexdigest() != head.digest:
        raise DataLossError(
            f"{log.path}, lines after the first: not the {head.summary:,} bytes that were written.",
            hint="Restore it from a copy.",
        )
    for line in content.splitlines(keepends=True):
        yield read_record(line, None, where=f"{log.path}, summary")


def _replace(layout: Layout, log: RecordLog, lines: Sequence[bytes], *, seq: int) -> int:
    """Put a log with these lines in the place of the old one, unless that saves too little."""
    content = b"".join(lines)
    before = log.size
    if len(content) > _SHRINKS_TO * before:
        return 0
    for left in layout.folder.glob(f"{TEMPORARY}*"):
        left.unlink(missing_ok=True)  # Of a compaction that was killed.
    head = head_line(
        secrets.token_hex(8),
        succeeds=log.head().identity,
        seq=seq,
        summary=len(content),
        digest=blake3(content).hexdigest(),
    )
    failpoint("weights.before_compaction")
    write_file(layout.log, [head, content])
    failpoint("weights.after_compaction")
    sync_folder(layout.folder)
    return before - log.size


def _lines(connection: sqlite3.Connection) -> Iterator[bytes]:
    for records in (_checkpoints, _released, _pinned, _names, _requests, _quotas):
        yield from map(record_line, records(connection))


def _checkpoints(connection: sqlite3.Connection) -> Iterator[Record]:
    """Yield the checkpoints, parents first, as they were made; what is released is known for its descendants only."""
    for name, experiment, seq, request, content, at in connection.execute(_CHECKPOINTS):
        verb = Verb.COMMIT if experiment else Verb.KNOW
        yield Record(verb, experiment, (name,), request=request, content=content, at=at, seq=seq)


def _released(connection: sqlite3.Connection) -> Iterator[Record]:
    for experiment, rows in groupby(connection.execute(_RELEASED), key=itemgetter(0)):
        for names in _some([name for _, name in rows]):
            yield Record(Verb.RELEASE, experiment, names)


def _pinned(connection: sqlite3.Connection) -> Iterator[Record]:
    for names in _some([name for (name,) in connection.execute(_PINNED)]):
        yield Record(Verb.PIN, checkpoints=names)


def _names(connection: sqlite3.Connection) -> Iterator[Record]:
    for experiment, name, checkpoint, etag in connection.execute(_NAMES):
        yield Record(Verb.NAME, experiment, (checkpoint,), name=name, seq=_seq_of(etag))


def _requests(connection: sqlite3.Connection) -> Iterator[Record]:
    """Yield the requests that moved a name, or whose checkpoint was released; the others stand with their commits."""
    for experiment, request, content, checkpoint, etag in connection.execute(_REQUESTS):
        seq = _seq_of(etag)
        yield Record(Verb.ANSWER, experiment, (checkpoint,), request=request, content=content, seq=seq)


def _quotas(connection: sqlite3.Connection) -> Iterator[Record]:
    for experiment, quota in connection.execute(_QUOTAS):
        yield Record(Verb.QUOTA, experiment, quota=quota)


def _some(names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    return (tuple(names[begin : begin + _AT_ONCE]) for begin in range(0, len(names), _AT_ONCE))


def _seq_of(etag: str) -> int:
    """Return the number of the record that made an etag, see ``index_changes.etag_of``; 0 for none."""
    return int(etag.partition("-")[0] or 0)
