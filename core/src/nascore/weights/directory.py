"""Checkpoints in a folder: each is wholly there or not, tensors that are equal are stored once, every byte is proven.

What lies where is told by ``layout``. All is ordinary safetensors and JSON; several processes may use one folder. Not
here: the network, torch.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from pathlib import Path

from nascore.weights import collection, verification
from nascore.weights.answers import Collected, Damage
from nascore.weights.committing import Committer
from nascore.weights.contract import STALE_AFTER_S
from nascore.weights.durable import side_by_side, threads_for
from nascore.weights.fetching import Fetcher, Sources
from nascore.weights.index import Index
from nascore.weights.indexed import IndexedStore
from nascore.weights.layout import Layout
from nascore.weights.packing import PACKED_BELOW
from nascore.weights.placing import Placing
from nascore.weights.reading import LocalBlobReader, map_tensors, prove, read_tensors
from nascore.weights.rebuilding import FolderHistory, stored_manifest
from nascore.weights.staging import MAX_STAGED, Staging
from nascore.weights.tensor import TensorData

__all__ = ["PACKED_BELOW", "DirectoryStore"]


class DirectoryStore(IndexedStore):
    """A store of checkpoints in ``folder``, which is made when the first one is put.

    Args:
        folder: Where.
        staging_limit: Bytes that all uploads which no commit names yet may take together.
    """

    def __init__(self, folder: str | Path, *, staging_limit: int = MAX_STAGED) -> None:
        self.folder = Path(folder)
        self._layout = layout = Layout(self.folder)
        index = Index(layout, FolderHistory(layout))
        staging = Staging(layout, limit=staging_limit)
        sources = Sources(
            where=str(folder),
            manifest=partial(stored_manifest, layout),
            tensors=partial(read_tensors, layout),
            unproven=partial(read_tensors, layout, is_proven=False),
            blob=partial(LocalBlobReader, layout),
        )
        committer = Committer(index, Placing(layout, index, staging))
        super().__init__(index, staging, fetcher=Fetcher(index, sources), committer=committer)

    def map(
        self, checkpoint: str, *, keys: Collection[str] | None = None, is_proven: bool = False
    ) -> dict[str, TensorData]:
        """Return tensors without copying them: private maps of the files, of which pages are read when they are used.

        Args:
            checkpoint: Which one.
            keys: Which tensors; all by default.
            is_proven: Whether to read and prove every byte first.

        Raises:
            NotFoundError: As for `get`.
            DataLossError: A file is missing or has another length, or ``is_proven`` and bytes have changed.
        """
        found = self._fetcher.fetch(partial(map_tensors, self._layout), checkpoint, keys)
        if is_proven:
            entries = [entry for entry in self.manifest(checkpoint).entries if entry.key in found]
            threads = threads_for(sum(entry.size for entry in entries), len(entries))
            side_by_side(lambda entry: prove(entry, found[entry.key].data, file=self.folder), entries, threads=threads)
        return found

    def collect(self, *, stale_after_s: float = STALE_AFTER_S, is_rehearsal: bool = False) -> Collected:
        """See `WeightStore.collect`."""
        work = collection.rehearse if is_rehearsal else collection.collect
        return work(self._layout, self._index, self._staging, stale_after_s=stale_after_s)

    def verify(self, checkpoint: str = "") -> tuple[Damage, ...]:
        """See `WeightStore.verify`."""
        if checkpoint:
            return verification.verify_one(self._layout, self._index, checkpoint)
        return verification.verify_all(self._layout, self._index)
