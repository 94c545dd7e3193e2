"""Checkpoints in a folder: each is wholly there or not, tensors that are equal are stored once, every byte is proven.

What lies where is told by ``layout``. All is ordinary safetensors and JSON; several processes may use one folder. Not
here: the network, torch.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from blake3 import blake3

from nascore.errors import NotFoundError
from nascore.record import JsonValue
from nascore.weights import catalogue, collection, retention, verification
from nascore.weights.answers import (
    Collected,
    Committed,
    Damage,
    Direction,
    Lineage,
    MissingBlobsError,
    Page,
    Reference,
    Usage,
)
from nascore.weights.blob_rows import live_rows
from nascore.weights.committing import Committer, Request
from nascore.weights.contract import STALE_AFTER_S, BlobReader, BlobWriter, WeightStore
from nascore.weights.durable import side_by_side, threads_for
from nascore.weights.fetching import Fetcher
from nascore.weights.index import Index
from nascore.weights.layout import Layout
from nascore.weights.manifest import Entry, Manifest
from nascore.weights.packing import PACKED_BELOW
from nascore.weights.reading import map_tensors, prove, read_tensors
from nascore.weights.rebuilding import OWN
from nascore.weights.safetensors import blob_header
from nascore.weights.staging import MAX_STAGED, FinishedUpload, Staging
from nascore.weights.tensor import TensorData

__all__ = ["PACKED_BELOW", "DirectoryStore"]

_TRIES = 4


class DirectoryStore(WeightStore):
    """A store of checkpoints in ``folder``, which is made when the first one is put.

    Args:
        folder: Where.
        staging_limit: Bytes that all uploads which no commit names yet may take together.
    """

    def __init__(self, folder: str | Path, *, staging_limit: int = MAX_STAGED) -> None:
        self.folder = Path(folder)
        self._layout = Layout(self.folder)
        self._index = Index(self._layout)
        self._staging = Staging(self._layout, limit=staging_limit)
        self._fetcher = Fetcher(self._layout, self._index)
        self._committer = Committer(self._layout, self._index, self._staging)

    def put(
        self,
        tensors: Mapping[str, TensorData],
        *,
        trial: int,
        parents: Sequence[str] = (),
        architecture: str = "",
        metrics: Mapping[str, float] | None = None,
        notes: Mapping[str, JsonValue] | None = None,
        experiment: str = OWN,
        name: str = "",
        if_match: str = "",
        create_only: bool = False,
        request_id: str = "",
    ) -> str:
        """Store a checkpoint durably and return its id; the same content gives the same id.

        Args:
            tensors: Tensors by key.
            trial: Number of the trial that made it.
            parents: Checkpoints that it was made from.
            architecture: Fingerprint of its architecture.
            metrics: The trial's metrics, finite.
            notes: Anything worth recording.
            experiment: Whose it is.
            name: See `WeightStore.commit`, like the three after it.
            if_match: The etag that the name must have.
            create_only: Only if there is no such name yet.
            request_id: The same id again does nothing.

        Raises:
            InvalidInputError: A key or a number is not allowed.
            NotFoundError: A parent is not here.
            ExhaustedResourceError: The disk is full, or the quota used up; nothing of the checkpoint is listed.
            MovedNameError: The name is not as ``if_match`` or ``create_only`` say.
        """
        threads = threads_for(sum(tensor.size for tensor in tensors.values()), len(tensors))
        entries = side_by_side(lambda item: _entry(*item), list(tensors.items()), threads=threads)
        manifest = Manifest(
            trial=trial,
            entries=tuple(entries),
            parents=tuple(parents),
            architecture=architecture,
            metrics=metrics or {},
            notes=notes or {},
        )
        request = Request(manifest, experiment, name, if_match, create_only, request_id)
        for parent in parents:
            self.manifest(parent)
        by_digest = {entry.digest: tensors[entry.key] for entry in entries}
        for _ in range(_TRIES - 1):
            try:
                return self._committer.commit(request, tensors=by_digest).checkpoint
            except MissingBlobsError:
                continue  # A collection has just removed what we took for stored.
        return self._committer.commit(request, tensors=by_digest).checkpoint

    def get(self, checkpoint: str, *, keys: Collection[str] | None = None) -> dict[str, TensorData]:
        """Return tensors of a checkpoint, all or those of ``keys``, with every byte proven; the memory is the caller's.

        Raises:
            NotFoundError: There is no such checkpoint, it was released, or it has no tensor of a key.
            DataLossError: Bytes are not those that were written; file and tensor are named.
        """
        return self._fetcher.fetch(read_tensors, checkpoint, keys)

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
        found = self._fetcher.fetch(map_tensors, checkpoint, keys)
        if is_proven:
            entries = [entry for entry in self.manifest(checkpoint).entries if entry.key in found]
            threads = threads_for(sum(entry.size for entry in entries), len(entries))
            side_by_side(lambda entry: prove(entry, found[entry.key].data, file=self.folder), entries, threads=threads)
        return found

    def list(self) -> tuple[str, ...]:
        """Return the ids of all checkpoints that are not released, oldest first."""
        with self._index.reading() as connection:
            return catalogue.listed(connection)

    def adopt(self, file: str | Path, digest: str) -> None:
        """Take a blob from a file on this machine, as if it was uploaded; the store makes and proves its own copy.

        Raises:
            InvalidInputError: It is no ordinary file, or no blob.
            DataLossError: Its bytes are not those of ``digest``.
            ExhaustedResourceError: The disk, or the room for uploads, would not hold it.
        """
        if digest not in self.present([digest]):
            self._staging.adopt(Path(file), digest)

    def rebuild(self) -> None:
        """Make the index anew from the log, the manifests and the headers of the files.

        Raises:
            DataLossError: The log is damaged.
        """
        self._index.rebuild()

    def close(self) -> None:
        """Close the index; the next call opens it again."""
        self._index.close()

    def present(self, digests: Collection[str]) -> set[str]:
        """See `WeightStore.present`."""
        with self._index.reading() as connection:
            live = set(live_rows(connection, digests))
        return live | self._staging.ready({digest for digest in digests if digest not in live}).keys()

    def upload(self, digest: str, size: int) -> BlobWriter:
        """See `WeightStore.upload`."""
        upload = self._staging.upload(digest, size)
        with self._index.reading() as connection:
            is_stored = digest in live_rows(connection, [digest])
        if not is_stored:
            return upload
        upload.abort()
        return FinishedUpload(digest, size)

    def open_blob(self, digest: str) -> BlobReader:
        """See `WeightStore.open_blob`."""
        return self._fetcher.open_blob(digest)

    def commit(
        self,
        manifest: Manifest,
        *,
        experiment: str,
        name: str = "",
        if_match: str = "",
        create_only: bool = False,
        request_id: str = "",
    ) -> Committed:
        """See `WeightStore.commit`."""
        request = Request(manifest, experiment, name, if_match, create_only, request_id)
        return self._committer.commit(request, tensors={})

    def manifest(self, checkpoint: str) -> Manifest:
        """See `WeightStore.manifest`."""
        return self._fetcher.manifest(checkpoint)

    def checkpoints(self, *, experiment: str = "", trial: int | None = None, after: str = "", limit: int = 100) -> Page:
        """See `WeightStore.checkpoints`."""
        with self._index.reading() as connection:
            return catalogue.page(connection, experiment=experiment, trial=trial, after=after, limit=limit)

    def reference(self, experiment: str, name: str) -> Reference:
        """See `WeightStore.reference`."""
        with self._index.reading() as connection:
            found = catalogue.found_reference(connection, experiment, name)
        if found is None:
            raise NotFoundError(f"Experiment {experiment!r:.80} has no name {name!r:.80}.")
        return found

    def references(self, experiment: str) -> tuple[Reference, ...]:
        """See `WeightStore.references`."""
        with self._index.reading() as connection:
            return catalogue.all_references(connection, experiment)

    def unname(self, experiment: str, name: str, *, if_match: str = "") -> None:
        """See `WeightStore.unname`."""
        retention.unname(self._index, experiment, name, if_match=if_match)

    def lineage(self, checkpoint: str, *, depth: int = 16) -> Lineage:
        """See `WeightStore.lineage`."""
        with self._index.reading() as connection:
            return catalogue.lineage_of(connection, checkpoint, depth=depth)

    def pin(self, checkpoint: str, *, is_pinned: bool = True) -> None:
        """See `WeightStore.pin`."""
        retention.pin(self._index, checkpoint, is_pinned=is_pinned)

    def release(self, checkpoint: str, *, experiment: str = "") -> None:
        """See `WeightStore.release`."""
        retention.release(self._index, checkpoint, experiment=experiment)

    def keep_best(self, experiment: str, metric: str, n: int, *, direction: Direction) -> tuple[str, ...]:
        """See `WeightStore.keep_best`."""
        return retention.keep_best(self._index, experiment, metric, n, direction=direction)

    def set_quota(self, experiment: str, quota: int | None) -> None:
        """See `WeightStore.set_quota`."""
        retention.set_quota(self._index, experiment, quota)

    def usage(self, experiment: str) -> Usage:
        """See `WeightStore.usage`."""
        with self._index.reading() as connection:
            return catalogue.usage_of(connection, experiment)

    def collect(self, *, stale_after_s: float = STALE_AFTER_S) -> Collected:
        """See `WeightStore.collect`."""
        return collection.collect(self._layout, self._index, self._staging, stale_after_s=stale_after_s)

    def verify(self, checkpoint: str = "") -> tuple[Damage, ...]:
        """See `WeightStore.verify`."""
        if checkpoint:
            return verification.verify_one(self._layout, self._index, checkpoint)
        return verification.verify_all(self._layout, self._index)


def _entry(key: str, tensor: TensorData) -> Entry:
    digest = blake3(blob_header(tensor.dtype, tensor.shape)).update(tensor.data).hexdigest()
    return Entry(key, tensor.dtype, tensor.shape, digest, tensor.size)
