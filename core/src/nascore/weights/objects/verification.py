"""Proving everything in an object storage: blobs, packs, manifests, the log, and that the index says what these say."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import closing

from nascore.errors import DataLossError, NascoreError, NotFoundError
from nascore.sqlite import BROKEN
from nascore.weights.answers import Damage
from nascore.weights.blob_rows import all_rows, live_rows
from nascore.weights.catalogue import is_held, is_known
from nascore.weights.durable import side_by_side
from nascore.weights.index import Index
from nascore.weights.manifest import read_manifest
from nascore.weights.objects.naming import digest_in, manifest_key
from nascore.weights.objects.reading import digest_of
from nascore.weights.objects.storage import Storage
from nascore.weights.verification import differences

_AT_ONCE = 8
_PLACES = {
    "blobs": "SELECT digest, pack, data_offset FROM blobs WHERE refs > 0",
    "checkpoints": "SELECT name, place FROM checkpoints",
}


def verify_all(storage: Storage, index: Index) -> tuple[Damage, ...]:
    """Prove every stored byte."""
    damages = list(_index_damages(storage, index))
    try:
        with index.reading() as connection:
            keys = {row.pack for row in all_rows(connection)}
            manifests = connection.execute("SELECT name, place FROM checkpoints").fetchall()
    except (NascoreError, *BROKEN):
        return tuple(damages)  # There is no index to go by: its own damage has been said.
    found = side_by_side(lambda row: _manifest_damage(storage, *row), manifests, threads=_AT_ONCE)
    damages += [damage for damage in found if damage is not None]
    return tuple(_lasting(storage, index, [*damages, *_object_damages(storage, keys)]))


def verify_one(storage: Storage, index: Index, checkpoint: str) -> tuple[Damage, ...]:
    """Prove every byte of one checkpoint.

    Raises:
        NotFoundError: There is no such checkpoint.
    """
    with index.reading() as connection:
        if not is_known(connection, checkpoint):
            raise NotFoundError(f"There is no checkpoint {checkpoint!r:.80} in {storage.url}.")
        query = "SELECT place FROM checkpoints WHERE name = ?"
        (place,) = connection.execute(query, (checkpoint,)).fetchone()
        is_whole = is_held(connection, checkpoint)
    if damage := _manifest_damage(storage, checkpoint, place):
        return (damage,)
    if not is_whole:
        return ()
    manifest = read_manifest(storage.read(manifest_key(checkpoint, place)), checkpoint=checkpoint)
    digests = {entry.digest for entry in manifest.entries}
    with index.reading() as connection:
        rows = live_rows(connection, digests)
    missing = [Damage(f"{storage.url}: blob {digest}", "missing") for digest in sorted(digests - rows.keys())]
    found = _object_damages(storage, {row.pack for row in rows.values()})
    return tuple(_lasting(storage, index, [*missing, *found]))


def _manifest_damage(storage: Storage, checkpoint: str, place: str) -> Damage | None:
    key = manifest_key(checkpoint, place)
    try:
        read_manifest(storage.read(key), checkpoint=checkpoint)
    except FileNotFoundError:
        return Damage(f"{storage.url}/{key}", "missing")
    except NascoreError as fault:
        return Damage(f"{storage.url}/{key}", str(fault))
    return None


def _object_damages(storage: Storage, keys: Collection[str]) -> list[Damage]:
    found = side_by_side(lambda key: (key, _object_damage(storage, key)), sorted(keys), threads=_AT_ONCE)
    return [Damage(f"{storage.url}/{key}", what) for key, what in found if what]


def _object_damage(storage: Storage, key: str) -> str:
    """Objects are named by the digest of all their bytes."""
    try:
        return "" if digest_of(storage, key) == digest_in(key) else "bytes have changed since they were written"
    except (FileNotFoundError, DataLossError):
        return "missing"


def _lasting(storage: Storage, index: Index, damages: list[Damage]) -> Iterator[Damage]:
    """Pass over what a collection removed while we looked."""
    if not damages:
        return
    with index.reading() as connection:
        packs = {key for (key,) in connection.execute("SELECT DISTINCT pack FROM blobs")}
        manifests = {manifest_key(*row) for row in connection.execute("SELECT name, place FROM checkpoints")}
    for damage in damages:
        key = damage.place.removeprefix(f"{storage.url}/")
        if key.startswith(("blobs/", "packs/", "manifests/")) and key not in packs | manifests:
            continue
        yield damage


def _index_damages(storage: Storage, index: Index) -> Iterator[Damage]:
    """Compare the index with one that is made anew."""
    try:
        with index.reading() as connection:
            found = [row[0] for row in connection.execute("PRAGMA integrity_check")]
            if found != ["ok"]:
                yield Damage("the index on this machine", found[0])
                return
            with closing(index.fresh()) as fresh:
                for what in (*differences(connection, fresh), *differences(connection, fresh, _PLACES)):
                    yield Damage(f"{storage.url}/log", f"the log and the index on this machine do not agree: {what}")
    except (NascoreError, *BROKEN) as fault:
        yield Damage(f"{storage.url}/log", str(fault))
