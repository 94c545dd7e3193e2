"""What each record of the log does to the index; live and when the index is made anew it is the same code.

Not here: whether it may be done (``directory``), and files.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable

from nascore.weights.manifest import Manifest
from nascore.weights.record_log import Record, Verb

_LINKED = "SELECT blob FROM checkpoint_blobs WHERE checkpoint = ?"


def apply(connection: sqlite3.Connection, record: Record, manifest: Manifest | None) -> None:
    """Do what a record says.

    Args:
        connection: The index, in a transaction.
        record: A record with its number.
        manifest: Of the checkpoint, for a commit; ``None`` if it is gone, which a later record will say.
    """
    match record.verb:
        case Verb.COMMIT:
            _commit(connection, record, manifest)
        case Verb.RELEASE:
            for checkpoint in record.checkpoints:
                _release(connection, checkpoint, record.experiment)
        case Verb.FORGET:
            for checkpoint in record.checkpoints:
                _forget(connection, checkpoint)
        case Verb.COLLECT:
            gone = json.dumps(record.placed)
            connection.execute("DELETE FROM blobs WHERE pack IN (SELECT value FROM json_each(?))", (gone,))
        case Verb.PIN | Verb.UNPIN:
            is_pinned = record.verb is Verb.PIN
            chosen = [(is_pinned, checkpoint) for checkpoint in record.checkpoints]
            connection.executemany("UPDATE checkpoints SET is_pinned = ? WHERE name = ?", chosen)
        case Verb.UNNAME:
            experiment = experiment_id(connection, record.experiment)
            connection.execute("DELETE FROM names WHERE experiment = ? AND name = ?", (experiment, record.name))
        case Verb.QUOTA:
            quota = None if record.quota < 0 else record.quota
            experiment = experiment_id(connection, record.experiment)
            connection.execute("UPDATE experiments SET quota = ? WHERE id = ?", (quota, experiment))
        case Verb.KNOW | Verb.NAME | Verb.ANSWER:
            _recall(connection, record, manifest)


def experiment_id(connection: sqlite3.Connection, name: str) -> int:
    """Return the row of an experiment, made if there is none."""
    connection.execute("INSERT INTO experiments (name) VALUES (?) ON CONFLICT DO NOTHING", (name,))
    found: int = connection.execute("SELECT id FROM experiments WHERE name = ?", (name,)).fetchone()[0]
    return found


def etag_of(seq: int, checkpoint: str) -> str:
    """Return the etag of a name that record ``seq`` moved."""
    return f"{seq}-{checkpoint[:8]}"


def _commit(connection: sqlite3.Connection, record: Record, manifest: Manifest | None) -> None:
    (name,) = record.checkpoints
    experiment = experiment_id(connection, record.experiment)
    checkpoint = _know(connection, name, manifest, place=record.place)
    if manifest is not None:
        _link(connection, checkpoint, {entry.digest for entry in manifest.entries})
    _join(connection, experiment, checkpoint, record)
    etag = _move(connection, experiment, checkpoint, record) if record.name else ""
    if record.request:
        _answer(connection, experiment, record, etag)


def _recall(connection: sqlite3.Connection, record: Record, manifest: Manifest | None) -> None:
    """Do what a record says that stands in summaries only."""
    (checkpoint,) = record.checkpoints
    known = _know(connection, checkpoint, manifest)
    if record.verb is Verb.KNOW:
        return
    experiment = experiment_id(connection, record.experiment)
    if record.verb is Verb.NAME:
        _move(connection, experiment, known, record)
    else:
        _answer(connection, experiment, record, etag_of(record.seq, checkpoint) if record.seq else "")


def _know(connection: sqlite3.Connection, name: str, manifest: Manifest | None, *, place: str = "") -> int:
    """Return the row of a checkpoint, made and described if there is none."""
    checkpoint = _checkpoint_id(connection, name, manifest, place=place)
    if manifest is not None:
        _describe(connection, checkpoint, manifest)
    return checkpoint


def _answer(connection: sqlite3.Connection, experiment: int, record: Record, etag: str) -> None:
    """Remember what a request was answered."""
    row = (experiment, record.request, record.content, record.checkpoints[0], etag)
    connection.execute("INSERT OR IGNORE INTO requests VALUES (?, ?, ?, ?, ?)", row)


def _checkpoint_id(connection: sqlite3.Connection, name: str, manifest: Manifest | None, *, place: str) -> int:
    row = (name, 0, 0, place) if manifest is None else (name, manifest.trial, manifest.size, place)
    query = "INSERT INTO checkpoints (name, trial, size, place) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
    connection.execute(query, row)
    found: int = connection.execute("SELECT id FROM checkpoints WHERE name = ?", (name,)).fetchone()[0]
    return found


def _describe(connection: sqlite3.Connection, checkpoint: int, manifest: Manifest) -> None:
    metrics = [(checkpoint, metric, value) for metric, value in manifest.metrics.items()]
    connection.executemany("INSERT OR IGNORE INTO metrics VALUES (?, ?, ?)", metrics)
    parents = [(checkpoint, parent) for parent in manifest.parents]
    connection.executemany("INSERT OR IGNORE INTO parents SELECT ?, id FROM checkpoints WHERE name = ?", parents)


def _link(connection: sqlite3.Connection, checkpoint: int, digests: Iterable[str]) -> None:
    """Let a checkpoint refer to its blobs, those to which it does not yet."""
    query = f"SELECT id FROM blobs WHERE digest IN (SELECT value FROM json_each(?)) AND id NOT IN ({_LINKED})"  # noqa: S608
    new = [blob for (blob,) in connection.execute(query, (json.dumps(list(digests)), checkpoint))]
    chosen = json.dumps(new)
    connection.execute("INSERT INTO checkpoint_blobs SELECT ?, value FROM json_each(?)", (checkpoint, chosen))
    connection.execute("UPDATE blobs SET refs = refs + 1 WHERE id IN (SELECT value FROM json_each(?))", (chosen,))
    holders = connection.execute("SELECT experiment FROM members WHERE checkpoint = ?", (checkpoint,)).fetchall()
    for (experiment,) in holders:
        _hold(connection, experiment, new)


def _join(connection: sqlite3.Connection, experiment: int, checkpoint: int, record: Record) -> None:
    query = "INSERT INTO members VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
    if connection.execute(query, (experiment, checkpoint, record.seq, record.at)).rowcount < 1:
        return
    connection.execute("DELETE FROM released WHERE checkpoint = ? AND experiment = ?", (checkpoint, experiment))
    connection.execute("UPDATE checkpoints SET holders = holders + 1 WHERE id = ?", (checkpoint,))
    _hold(connection, experiment, [blob for (blob,) in connection.execute(_LINKED, (checkpoint,))])


def _hold(connection: sqlite3.Connection, experiment: int, blobs: list[int]) -> None:
    """Count blobs for an experiment; those that it has not had yet cost quota."""
    chosen = json.dumps(blobs)
    connection.execute(
        "UPDATE experiments SET used = used + (SELECT coalesce(sum(size), 0) FROM blobs WHERE id IN (SELECT value FROM "
        "json_each(?2)) AND id NOT IN (SELECT blob FROM holdings WHERE experiment = ?1)) WHERE id = ?1",
        (experiment, chosen),
    )
    connection.execute(
        "INSERT INTO holdings SELECT ?, value, 1 FROM json_each(?) WHERE true "
        "ON CONFLICT (experiment, blob) DO UPDATE SET count = count + 1",
        (experiment, chosen),
    )


def _move(connection: sqlite3.Connection, experiment: int, checkpoint: int, record: Record) -> str:
    """Let a name point to a checkpoint and return its etag, which stays if it does so already."""
    query = "SELECT checkpoint, etag FROM names WHERE experiment = ? AND name = ?"
    found: tuple[int, str] | None = connection.execute(query, (experiment, record.name)).fetchone()
    if found is not None and found[0] == checkpoint:
        return found[1]
    etag = etag_of(record.seq, record.checkpoints[0])
    connection.execute(
        "INSERT INTO names VALUES (?1, ?2, ?3, ?4) "
        "ON CONFLICT (experiment, name) DO UPDATE SET checkpoint = excluded.checkpoint, etag = excluded.etag",
        (experiment, record.name, checkpoint, etag),
    )
    return etag


def _release(connection: sqlite3.Connection, name: str, experiment: str) -> None:
    row = connection.execute("SELECT id FROM checkpoints WHERE name = ?", (name,)).fetchone()
    if row is None:
        return
    holders = connection.execute("SELECT experiment FROM members WHERE checkpoint = ?", row).fetchall()
    # In a summary nobody is left who holds it: there the record only says who did.
    chosen = [(experiment_id(connection, experiment),)] if experiment else holders
    for (holder,) in chosen:
        if (holder,) in holders:
            _leave(connection, holder, row[0])
        connection.execute("INSERT OR IGNORE INTO released VALUES (?, ?)", (row[0], holder))


def _leave(connection: sqlite3.Connection, experiment: int, checkpoint: int) -> None:
    pair = (experiment, checkpoint)
    connection.execute("DELETE FROM members WHERE experiment = ? AND checkpoint = ?", pair)
    connection.execute(f"UPDATE holdings SET count = count - 1 WHERE experiment = ? AND blob IN ({_LINKED})", pair)  # noqa: S608
    gone = f"experiment = ?1 AND count = 0 AND blob IN ({_LINKED.replace('?', '?2')})"
    connection.execute(
        "UPDATE experiments SET used = used - (SELECT coalesce(sum(size), 0) FROM holdings "  # noqa: S608
        f"JOIN blobs ON blob = blobs.id WHERE {gone}) WHERE id = ?1",
        pair,
    )
    connection.execute(f"DELETE FROM holdings WHERE {gone}", pair)  # noqa: S608
    connection.execute("UPDATE checkpoints SET holders = holders - 1 WHERE id = ?", (checkpoint,))
    query = "SELECT holders FROM checkpoints WHERE id = ?"
    if not connection.execute(query, (checkpoint,)).fetchone()[0]:
        _unlink(connection, checkpoint)


def _unlink(connection: sqlite3.Connection, checkpoint: int) -> None:
    """Let a checkpoint that nobody holds give up its blobs; what it was made from is still known."""
    connection.execute(f"UPDATE blobs SET refs = refs - 1 WHERE id IN ({_LINKED})", (checkpoint,))  # noqa: S608
    connection.execute("DELETE FROM checkpoint_blobs WHERE checkpoint = ?", (checkpoint,))


def _forget(connection: sqlite3.Connection, name: str) -> None:
    row = connection.execute("SELECT id FROM checkpoints WHERE name = ? AND holders = 0", (name,)).fetchone()
    if row is None:
        return
    connection.execute("DELETE FROM parents WHERE child = ?1 OR parent = ?1", row)
    connection.execute("DELETE FROM metrics WHERE checkpoint = ?", row)
    connection.execute("DELETE FROM released WHERE checkpoint = ?", row)
    connection.execute("DELETE FROM requests WHERE checkpoint = ?", (name,))
    connection.execute("DELETE FROM checkpoints WHERE id = ?", row)
