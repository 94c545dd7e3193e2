"""Checkpoints in object storage; the same promises as of a folder, for many machines at once.

Bytes and log are in the storage; index and unfinished uploads on this machine. What lies where is told by ``naming``.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from blake3 import blake3

from nascore.weights.answers import Collected, Damage
from nascore.weights.committing import Committer
from nascore.weights.contract import STALE_AFTER_S
from nascore.weights.fetching import Fetcher, Sources
from nascore.weights.indexed import IndexedStore
from nascore.weights.layout import Layout
from nascore.weights.manifest import Manifest
from nascore.weights.objects import collection, verification
from nascore.weights.objects.cached_index import CachedIndex
from nascore.weights.objects.history import ObjectHistory
from nascore.weights.objects.placing import ObjectPlaces
from nascore.weights.objects.reading import ObjectBlobReader, read_objects
from nascore.weights.objects.storage import open_storage
from nascore.weights.staging import MAX_STAGED, Staging


class ObjectStore(IndexedStore):
    """A store of checkpoints below a URL.

    Args:
        url: Such as ``s3://bucket/prefix``; the bucket has to be there.
        cache: Folder on this machine for the index and for uploads that no commit names yet; several processes may
            share it, and it may be removed.  Default: one of this URL's own below ``~/.cache/nascore/weights``.
        options: What fsspec's file system takes, such as ``endpoint_url``.
        staging_limit: Bytes that all uploads which no commit names yet may take together.
    """

    def __init__(
        self,
        url: str,
        *,
        cache: str | Path | None = None,
        options: dict[str, Any] | None = None,
        staging_limit: int = MAX_STAGED,
    ) -> None:
        self._storage = storage = open_storage(url, options=options)
        self.url = storage.url
        layout = Layout(default_cache(storage.url) if cache is None else Path(cache))
        self._history = ObjectHistory(storage)
        index = CachedIndex(layout, self._history)
        staging = Staging(layout, limit=staging_limit)
        sources = Sources(
            where=storage.url,
            manifest=self._stored_manifest,
            tensors=partial(read_objects, storage),
            blob=partial(ObjectBlobReader, storage, layout),
        )
        committer = Committer(index, ObjectPlaces(storage, index, staging))
        super().__init__(index, staging, fetcher=Fetcher(index, sources), committer=committer)

    def collect(self, *, stale_after_s: float = STALE_AFTER_S, is_rehearsal: bool = False) -> Collected:
        """See `WeightStore.collect`."""
        work = collection.rehearse if is_rehearsal else collection.collect
        return work(self._storage, self._index, self._staging, stale_after_s=stale_after_s)

    def verify(self, checkpoint: str = "") -> tuple[Damage, ...]:
        """See `WeightStore.verify`."""
        if checkpoint:
            return verification.verify_one(self._storage, self._index, checkpoint)
        return verification.verify_all(self._storage, self._index)

    def _stored_manifest(self, checkpoint: str) -> Manifest:
        with self._index.reading() as connection:
            row = connection.execute("SELECT place FROM checkpoints WHERE name = ?", (checkpoint,)).fetchone()
        if row is None:
            raise FileNotFoundError(2, "no such checkpoint", checkpoint)
        return self._history.manifest(checkpoint, row[0])


def default_cache(url: str) -> Path:
    """Return the folder on this machine for the index of a URL."""
    return Path.home() / ".cache" / "nascore" / "weights" / blake3(url.encode()).hexdigest()[:32]
