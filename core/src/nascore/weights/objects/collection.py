"""Removing what nobody names any more; what a manifest names is never touched, whenever it is killed.

A record says which objects go; from then on no commit can name what was in them, and their names are never used again,
so it does not matter when they are removed. Objects that no record names, which a killed commit or collection left, go
when they are so old that nobody will log them any more.
"""

from __future__ import annotations

import sqlite3

from nascore.failpoints import failpoint
from nascore.weights.answers import Collected
from nascore.weights.catalogue import unneeded
from nascore.weights.index import Change, Index
from nascore.weights.objects.naming import FOLDERS, manifest_key
from nascore.weights.objects.placing import STRANGER_AFTER_S
from nascore.weights.objects.storage import Storage
from nascore.weights.record_log import Record, Verb
from nascore.weights.staging import Staging

_CLOCK = "clock"
_UNNAMED = (
    "SELECT DISTINCT pack FROM blobs WHERE refs = 0 AND NOT EXISTS "
    "(SELECT 1 FROM blobs AS others WHERE others.pack = blobs.pack AND others.refs > 0)"
)


def collect(storage: Storage, index: Index, staging: Staging, *, stale_after_s: float) -> Collected:
    """See `WeightStore.collect`."""
    gone = {*index.transact(_forget), *index.transact(_give_up)}
    failpoint("weights.after_dying")
    sizes = _sizes(storage)
    with index.reading() as connection:
        strangers = sizes.keys() - _known(connection) - gone
    gone |= _old(storage, strangers, age_s=max(stale_after_s, STRANGER_AFTER_S))
    removed = gone & sizes.keys()
    failpoint("weights.before_unlink")
    storage.remove(sorted(removed))
    failpoint("weights.after_unlink")
    stagings, freed = staging.sweep(stale_after_s=stale_after_s)
    return Collected(len(removed), stagings, sum(sizes[key] for key in removed) + freed)


def rehearse(storage: Storage, index: Index, staging: Staging, *, stale_after_s: float) -> Collected:
    """Return what `collect` would remove now, and remove nothing."""
    sizes = _sizes(storage)
    with index.reading() as connection:
        gone = {*_unneeded(connection).values(), *(key for (key,) in connection.execute(_UNNAMED))}
        strangers = sizes.keys() - _known(connection) - gone
    gone |= _old(storage, strangers, age_s=max(stale_after_s, STRANGER_AFTER_S))
    found = [sizes[key] for key in gone & sizes.keys()]
    stagings, freed = staging.sweep(stale_after_s=stale_after_s, is_rehearsal=True)
    return Collected(len(found), stagings, sum(found) + freed)


def _sizes(storage: Storage) -> dict[str, int]:
    return {key: size for folder in FOLDERS for key, size in storage.list(folder).items()}


def _unneeded(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the checkpoints to forget, and the objects of their manifests."""
    query = "SELECT place FROM checkpoints WHERE name = ?"
    names = unneeded(connection)
    return {name: manifest_key(name, connection.execute(query, (name,)).fetchone()[0]) for name in names}


def _forget(change: Change) -> set[str]:
    """Forget checkpoints, and return the objects of their manifests."""
    keys = _unneeded(change.connection)
    if keys:
        change.do(Record(Verb.FORGET, checkpoints=tuple(keys)))
    return set(keys.values())


def _give_up(change: Change) -> set[str]:
    """Give blobs up, and return their objects."""
    keys = {key for (key,) in change.connection.execute(_UNNAMED)}
    if keys:
        change.do(Record(Verb.COLLECT, placed=tuple(sorted(keys))))
    return keys


def _known(connection: sqlite3.Connection) -> set[str]:
    manifests = connection.execute("SELECT name, place FROM checkpoints")
    blobs = connection.execute("SELECT DISTINCT pack FROM blobs")
    return {manifest_key(*row) for row in manifests} | {key for (key,) in blobs}


def _old(storage: Storage, keys: set[str], *, age_s: float) -> set[str]:
    """Return those objects that were written so long ago, by the storage's own clock."""
    if not keys:
        return set()
    storage.write(_CLOCK, [b""])
    now = storage.modified(_CLOCK)
    return {key for key in keys if _age(storage, key, now=now) >= age_s}


def _age(storage: Storage, key: str, *, now: float) -> float:
    try:
        return now - storage.modified(key)
    except FileNotFoundError:
        return 0.0  # Removed by another collection.
