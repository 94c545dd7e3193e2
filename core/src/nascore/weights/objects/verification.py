"""Proving everything in an object storage: blobs, packs, manifests, the log, and that the index says what these say."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import closing

from nascore.errors import DataLossError, NascoreError, NotFoundError, PermissionDeniedError, UnavailableError
from nascore.sqlite import BROKEN
from nascore.weights.answers import Damage
from nascore.weights.blob_rows import all_rows, live_rows, rows_of_pack
from nascore.weights.catalogue import is_held, is_known
from nascore.weights.durable import side_by_side
from nascore.weights.index import Index
from nascore.weights.loss import told_with_losses
from nascore.weights.manifest import read_manifest
from nascore.weights.objects.naming import digest_in, manifest_key
from nascore.weights.objects.reading import digest_of
from nascore.weights.objects.storage import Storage
from nascore.weights.verification import MISSING, differences, summed_up

_AT_ONCE = 8
_UNASKED = (UnavailableError, PermissionDeniedError)
_CHECKPOINTS = "SELECT name, place, CASE WHEN holders THEN size ELSE 0 END FROM checkpoints"
_PLACES = {
    "blobs": "SELECT digest, pack, data_offset FROM blobs WHERE refs > 0",
    "checkpoints": "SELECT name, place FROM checkpoints",
}


def verify_all(storage: Storage, index: Index) -> tuple[Damage, ...]:
    """Prove every stored byte.

    Raises:
        UnavailableError: The storage cannot be asked, which says nothing of what is in it.
        PermissionDeniedError: It may not be read.
    """
    of_index = list(_index_damages(storage, index))
    try:
        with index.reading() as connection:
            keys = {row.pack for row in all_rows(connection)}
            manifests = connection.execute(_CHECKPOINTS).fetchall()
    except _UNASKED:
        raise
    except (NascoreError, *BROKEN):
        return tuple(of_index)  # There is no index to go by: its own damage has been said.
    found = side_by_side(lambda row: _manifest_damage(storage, *row), manifests, threads=_AT_ONCE)
    damages = [damage for damage in found if damage is not None]
    damages += _object_damages(storage, keys)
    return tuple(_lasting(storage, index, [*damages, *summed_up(of_index, beside=damages)]))


def verify_one(storage: Storage, index: Index, checkpoint: str) -> tuple[Damage, ...]:
    """Prove every byte of one checkpoint.

    Raises:
        NotFoundError: There is no such checkpoint.
    """
    with index.reading() as connection:
        if not is_known(connection, checkpoint):
            raise NotFoundError(f"There is no checkpoint {checkpoint!r:.80} in {storage.url}.")
        row = connection.execute(f"{_CHECKPOINTS} WHERE name = ?", (checkpoint,)).fetchone()
        is_whole = is_held(connection, checkpoint)
    if damage := _manifest_damage(storage, *row):
        return (damage,)
    if not is_whole:
        return ()
    manifest = read_manifest(storage.read(manifest_key(*row[:2])), checkpoint=checkpoint)
    digests = {entry.digest for entry in manifest.entries}
    with index.reading() as connection:
        rows = live_rows(connection, digests)
    sizes = {entry.digest: entry.size for entry in manifest.entries if entry.digest not in rows}
    missing = [
        Damage(f"{storage.url}: blob {digest}", MISSING, (checkpoint,), size) for digest, size in sorted(sizes.items())
    ]
    found = _object_damages(storage, {row.pack for row in rows.values()})
    return tuple(_lasting(storage, index, [*missing, *found]))


def _manifest_damage(storage: Storage, checkpoint: str, place: str, size: int) -> Damage | None:
    key = manifest_key(checkpoint, place)
    try:
        read_manifest(storage.read(key), checkpoint=checkpoint)
    except FileNotFoundError:
        return Damage(f"{storage.url}/{key}", MISSING, (checkpoint,), size)
    except _UNASKED:
        raise
    except NascoreError as fault:
        return Damage(f"{storage.url}/{key}", str(fault), (checkpoint,), size)
    return None


def _object_damages(storage: Storage, keys: Collection[str]) -> list[Damage]:
    found = side_by_side(lambda key: (key, _object_damage(storage, key)), sorted(keys), threads=_AT_ONCE)
    return [Damage(f"{storage.url}/{key}", what) for key, what in found if what]


def _object_damage(storage: Storage, key: str) -> str:
    """Objects are named by the digest of all their bytes."""
    try:
        return "" if digest_of(storage, key) == digest_in(key) else "bytes have changed since they were written"
    except (FileNotFoundError, DataLossError):
        return MISSING


def _lasting(storage: Storage, index: Index, damages: list[Damage]) -> Iterator[Damage]:
    """Pass over what a collection removed while we looked."""
    if not damages:
        return
    with index.reading() as connection:
        manifests = {manifest_key(*row) for row in connection.execute("SELECT name, place FROM checkpoints")}
        contents: dict[str, list[str]] = {}
        lasting: list[Damage] = []
        for damage in damages:
            key = damage.place.removeprefix(f"{storage.url}/")
            if key.startswith(("blobs/", "packs/")):
                contents[damage.place] = [row.digest for row in rows_of_pack(connection, key)]
            if contents.get(damage.place, True) and (key in manifests or not key.startswith("manifests/")):
                lasting.append(damage)
        yield from told_with_losses(connection, lasting, contents)


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
    except _UNASKED:
        raise
    except (NascoreError, *BROKEN) as fault:
        yield Damage(f"{storage.url}/log", str(fault))
