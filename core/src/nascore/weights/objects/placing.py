"""The objects of a commit: written under names of their own before it, and known to nobody until it is logged."""

from __future__ import annotations

import secrets
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from nascore.errors import NascoreError, UnavailableError
from nascore.failpoints import failpoint
from nascore.weights.blob_rows import BlobRow, live_digests
from nascore.weights.durable import side_by_side
from nascore.weights.index import Change, Index
from nascore.weights.manifest import Entry
from nascore.weights.objects.naming import loose_row, manifest_key, pack_key, words_of
from nascore.weights.objects.storage import Storage
from nascore.weights.packing import PACKED_BELOW, packed
from nascore.weights.placing import check_header, read_small
from nascore.weights.safetensors import blob_header
from nascore.weights.staging import Staging
from nascore.weights.tensor import Data, TensorData

STRANGER_AFTER_S = 3600.0
"""Age from which an object that no record names is removed: whoever wrote it will not log it any more."""

_PIECE = 8 * 2**20
_AT_ONCE = 8


@dataclass(slots=True)
class ObjectPlacement:
    """Objects that wait for their record; see `committing.Placement`.

    Attributes:
        place: What is in all their names.
        begun: When the first was written, by the monotonic clock.
        rows: The blobs in them, by digest.
        pack: The digest of the pack among them; empty if there is none.
        keys: All of them.
        is_needed: Whether the record names them.
        is_whole: Whether there were bytes for all; else nothing was written.
    """

    place: str
    begun: float
    rows: dict[str, BlobRow] = field(default_factory=dict)
    pack: str = ""
    keys: list[str] = field(default_factory=list)
    is_needed: bool = False
    is_whole: bool = True

    def words(self, new: Collection[BlobRow]) -> dict[str, object]:
        """See `committing.Placement.words`."""
        placed = words_of(self.rows.values()) if new else ()
        return {"place": self.place, "placed": placed, "pack": self.pack if new else ""}

    def settle(self, change: Change, new: Collection[BlobRow]) -> None:
        """See that the objects are there, and not so old that a collection may take them for forgotten."""
        if not self.is_whole:
            raise UnavailableError("Tensors that were missing came from elsewhere meanwhile.", hint="Try again.")
        if time.monotonic() - self.begun > STRANGER_AFTER_S / 2:
            raise UnavailableError("The upload of the checkpoint's tensors took too long.", hint="Try again.")
        self.is_needed = True


class ObjectPlaces:
    """Makes the objects of commits of a store; see `committing.Places`."""

    def __init__(self, storage: Storage, index: Index, staging: Staging) -> None:
        self._storage = storage
        self._index = index
        self._staging = staging

    @contextmanager
    def placed(
        self, checkpoint: str, content: bytes, *, entries: Mapping[str, Entry], tensors: Mapping[str, TensorData]
    ) -> Iterator[ObjectPlacement]:
        """See `committing.Places.placed`."""
        with self._index.reading() as connection:
            absent = entries.keys() - live_digests(connection, entries)
        placement = ObjectPlacement(secrets.token_hex(6), time.monotonic())
        ready = self._staging.ready(absent - tensors.keys())
        for digest, file in ready.items():
            check_header(file, entries[digest])
        offered = {digest: tensors[digest] for digest in absent & tensors.keys()}
        try:
            if not absent <= offered.keys() | ready.keys():
                self._promise(placement, [entries[digest] for digest in (*offered, *ready)])
            else:
                self._place_smalls(placement, _smalls(offered, ready, entries))
                self._place_large(placement, offered, ready=ready, entries=entries)
                self._place(placement, manifest_key(checkpoint, placement.place), [content])
                failpoint("weights.after_place")
            yield placement
        except UnavailableError:
            raise  # Perhaps it was logged.
        except NascoreError:
            self._storage.remove(placement.keys)
            raise
        if not placement.is_needed:
            self._storage.remove(placement.keys)
        for file in ready.values():
            file.unlink(missing_ok=True)

    def _promise(self, placement: ObjectPlacement, entries: Collection[Entry]) -> None:
        """Write nothing: the commit will be refused, and name what is missing besides these."""
        placement.is_whole = False
        for entry in entries:
            placement.rows[entry.digest] = loose_row(entry.digest, entry.dtype, entry.shape, place=placement.place)

    def _place_smalls(self, placement: ObjectPlacement, smalls: Mapping[str, TensorData]) -> None:
        if not smalls:
            return
        pack = packed(smalls)
        placement.pack = pack.digest
        key = pack_key(pack.digest, placement.place)
        self._place(placement, key, pack.parts)
        placement.rows |= {
            row.digest: BlobRow(row.digest, row.dtype, row.shape, row.size, key, row.data_offset) for row in pack.rows
        }

    def _place_large(
        self,
        placement: ObjectPlacement,
        offered: Mapping[str, TensorData],
        *,
        ready: Mapping[str, Path],
        entries: Mapping[str, Entry],
    ) -> None:
        chosen = [entries[digest] for digest in (*offered, *ready) if entries[digest].size >= PACKED_BELOW]

        def place_one(entry: Entry) -> None:
            row = loose_row(entry.digest, entry.dtype, entry.shape, place=placement.place)
            placement.rows[entry.digest] = row
            tensor = offered.get(entry.digest)
            if tensor is not None:
                self._place(placement, row.pack, [blob_header(tensor.dtype, tensor.shape), tensor.data])
            else:
                self._place(placement, row.pack, _pieces(ready[entry.digest]))

        side_by_side(place_one, chosen, threads=_AT_ONCE)

    def _place(self, placement: ObjectPlacement, key: str, parts: Collection[Data] | Iterator[Data]) -> None:
        placement.keys.append(key)
        failpoint("weights.before_write")
        self._storage.write(key, parts)


def _smalls(
    offered: Mapping[str, TensorData], ready: Mapping[str, Path], entries: Mapping[str, Entry]
) -> dict[str, TensorData]:
    small = {digest: tensor for digest, tensor in offered.items() if tensor.size < PACKED_BELOW}
    files = {digest: file for digest, file in ready.items() if entries[digest].size < PACKED_BELOW}
    return small | {digest: read_small(file, entries[digest]) for digest, file in files.items()}


def _pieces(file: Path) -> Iterator[bytes]:
    with file.open("rb") as source:
        while piece := source.read(_PIECE):
            yield piece
