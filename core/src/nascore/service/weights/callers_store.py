"""The store as its callers see it: who is kept to some experiments sees nothing of the others, not even by a digest.

Digests and ids of checkpoints stand in logs and manifests, so to know one proves nothing. A caller that is kept to some
experiments reads checkpoints that one of these holds, and commits blobs that one of these holds or of which it has sent
all bytes itself. Everything else looks as if it was not there: such bytes are asked for again, are hashed as they come,
and are then stored once all the same. Checkpoints that were put without naming whose they are (``default``) are
everybody's. Not here: experiments that a request names, which the guard looks at (``nascore.service.rules``); whether a
caller can read the store's folder by itself, which the file system decides.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from blake3 import blake3

from nascore.errors import DataLossError, NotFoundError, StateError
from nascore.service.caller import Caller, kept_caller
from nascore.weights import (
    OWN,
    BlobWriter,
    Collected,
    Committed,
    Damage,
    DirectoryStore,
    Entry,
    Lineage,
    Manifest,
    MissingBlobsError,
    Relative,
    TensorData,
)
from nascore.weights.contract import STALE_AFTER_S
from nascore.weights.indexed import IndexedStore
from nascore.weights.staging import digest_of_file
from nascore.weights.tensor import size_of

_MOST_PROVEN = 100_000


class Proofs:
    """Which caller has sent all bytes of which blob. The oldest are forgotten, such blobs sent again. Thread-safe."""

    def __init__(self, *, most: int = _MOST_PROVEN) -> None:
        self._most = most
        self._given: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._guard = threading.Lock()  # Guards the one above.

    def give(self, caller: Caller, digest: str) -> None:
        """Remember that a caller has sent a blob."""
        with self._guard:
            self._given[caller.token, digest] = None
            self._given.move_to_end((caller.token, digest))
            if len(self._given) > self._most:
                self._given.popitem(last=False)

    def among(self, caller: Caller, digests: Collection[str]) -> set[str]:
        """Return those blobs that a caller has sent."""
        with self._guard:
            return {digest for digest in digests if (caller.token, digest) in self._given}


class CallersStore(IndexedStore):
    """A store for a service; whose call is at work is told by `nascore.service.caller`.

    Args:
        store: The store itself; it stays the caller's to close.

    Attributes:
        folder: Where it is; ``None`` if it is in no folder.
    """

    def __init__(self, store: IndexedStore) -> None:
        super().__init__(store._index, store._staging, fetcher=store._fetcher, committer=store._committer)
        self._store = store
        self._proofs = Proofs()
        self.folder = store.folder if isinstance(store, DirectoryStore) else None

    def visible(self, digests: Collection[str]) -> set[str]:
        """Return those blobs that the caller may name without sending them, if they are here."""
        if (caller := kept_caller()) is None:
            return set(digests)
        return self.held(digests, _experiments(caller)) | self._proofs.among(caller, digests)

    def prove(self, digest: str) -> None:
        """Note that the caller has sent all bytes of a blob, and that they were right."""
        if (caller := kept_caller()) is not None:
            self._proofs.give(caller, digest)

    def present(self, digests: Collection[str]) -> set[str]:
        """See `WeightStore.present`."""
        return super().present(self.visible(digests))

    def upload(self, digest: str, size: int) -> BlobWriter:
        """See `WeightStore.upload`."""
        writer = super().upload(digest, size)
        caller = kept_caller()
        if caller is None or self.visible([digest]):
            return writer
        return _ProvingWriter(writer, caller, self._proofs)

    def adopt(self, file: str | Path, digest: str) -> None:
        """See `IndexedStore.adopt`."""
        super().adopt(file, digest)
        if not self.visible([digest]):
            if digest_of_file(Path(file)) != digest:
                raise DataLossError(f"Blob {digest}: the bytes offered are not those of the digest.")
            self.prove(digest)

    def commit(
        self,
        manifest: Manifest,
        *,
        experiment: str,
        name: str = "",
        if_match: str = "",
        create_only: bool = False,
        request_id: str = "",
        tensors: Mapping[str, TensorData] = MappingProxyType({}),
    ) -> Committed:
        """See `WeightStore.commit`."""
        digests = {entry.digest for entry in manifest.entries}
        if missing := digests - self.visible(digests):
            raise MissingBlobsError(sorted(missing))
        return super().commit(
            manifest,
            experiment=experiment,
            name=name,
            if_match=if_match,
            create_only=create_only,
            request_id=request_id,
            tensors=tensors,
        )

    def manifest(self, checkpoint: str) -> Manifest:
        """See `WeightStore.manifest`."""
        self._check(checkpoint)
        return super().manifest(checkpoint)

    def get(self, checkpoint: str, *, keys: Collection[str] | None = None) -> dict[str, TensorData]:
        """See `IndexedStore.get`."""
        self._check(checkpoint)
        return super().get(checkpoint, keys=keys)

    def get_entries(self, checkpoint: str, entries: Sequence[Entry]) -> dict[str, TensorData]:
        """See `IndexedStore.get_entries`."""
        self._check(checkpoint)
        return super().get_entries(checkpoint, entries)

    def lineage(self, checkpoint: str, *, depth: int = 16) -> Lineage:
        """See `WeightStore.lineage`; of relatives that the caller may not read it is not told what they are."""
        self._check(checkpoint)
        found = super().lineage(checkpoint, depth=depth)
        if (caller := kept_caller()) is None:
            return found
        relatives = [one.checkpoint for one in (*found.ancestors, *found.descendants)]
        seen = self.held_checkpoints(relatives, _experiments(caller))
        return Lineage(_seen(found.ancestors, seen), _seen(found.descendants, seen))

    def collect(self, *, stale_after_s: float = STALE_AFTER_S, is_rehearsal: bool = False) -> Collected:
        """See `WeightStore.collect`."""
        return self._store.collect(stale_after_s=stale_after_s, is_rehearsal=is_rehearsal)

    def verify(self, checkpoint: str = "") -> tuple[Damage, ...]:
        """See `WeightStore.verify`."""
        return self._store.verify(checkpoint)

    def _check(self, checkpoint: str) -> None:
        caller = kept_caller()
        if caller is not None and not self.is_held(checkpoint, _experiments(caller)):
            raise NotFoundError(
                f"There is no checkpoint {checkpoint!r:.80} in {', '.join(caller.experiments)}, to which token "
                f"{caller.token} is kept.",
                hint="It may have been released, or belong to another experiment, which needs a token of its own.",
            )


class _ProvingWriter(BlobWriter):
    """An upload of which every byte has to come, whatever the store has of it already."""

    def __init__(self, inner: BlobWriter, caller: Caller, proofs: Proofs) -> None:
        self.digest = inner.digest
        self.size = inner.size
        self._inner = inner
        self._caller = caller
        self._proofs = proofs
        self._hasher = blake3()
        self._offset = 0

    @property
    def offset(self) -> int:
        return self._offset

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        if offset != self._offset:
            raise StateError(f"Blob {self.digest}: bytes from {self._offset} on are next, not from {offset}.")
        self._hasher.update(data)
        self._offset += size_of(data)
        if self._offset > self._inner.offset:
            new = memoryview(data).cast("B")[self._inner.offset - self._offset :]
            self._inner.write(self._inner.offset, new)

    def finish(self) -> None:
        if self._hasher.hexdigest() != self.digest:
            self.abort()
            raise DataLossError(f"Blob {self.digest}: its bytes are not those of the digest; it is gone.")
        self._inner.finish()
        self._proofs.give(self._caller, self.digest)

    def abort(self) -> None:
        self._inner.abort()

    def close(self) -> None:
        self._inner.close()


def _seen(relatives: Sequence[Relative], seen: Collection[str]) -> tuple[Relative, ...]:
    return tuple(
        one if one.checkpoint in seen else replace(one, trial=None, metrics=MappingProxyType({})) for one in relatives
    )


def _experiments(caller: Caller) -> tuple[str, ...]:
    return (*caller.experiments, OWN)
