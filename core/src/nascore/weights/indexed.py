"""Stores that have an index and a spool on this machine, wherever the bytes of their checkpoints are.

All that can be said of checkpoints is said by the index, so it is the same for a folder and for object storage. Not
here: where the bytes are (``directory``, ``objects``), torch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from nascore.errors import NotFoundError
from nascore.record import JsonValue
from nascore.weights import catalogue, retention
from nascore.weights.access import entry_of
from nascore.weights.answers import OWN, Committed, Direction, Lineage, MissingBlobsError, Page, Reference, Usage
from nascore.weights.blob_rows import is_live, live_digests, live_kinds
from nascore.weights.committing import Committer, Request
from nascore.weights.contract import BlobReader, BlobWriter, WeightStore
from nascore.weights.durable import side_by_side, threads_for
from nascore.weights.fetching import Fetcher
from nascore.weights.index import Index
from nascore.weights.manifest import Entry, Manifest
from nascore.weights.staging import Staging
from nascore.weights.tensor import TensorData
from nascore.weights.upload import FinishedUpload

_TRIES = 4


class IndexedStore(WeightStore):
    """What stores have in common.

    Args:
        index: Says what there is.
        staging: Uploads that no commit names yet.
        fetcher: Reads.
        committer: Commits.
    """

    def __init__(self, index: Index, staging: Staging, *, fetcher: Fetcher, committer: Committer) -> None:
        self._index = index
        self._staging = staging
        self._fetcher = fetcher
        self._committer = committer

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
        digests: Mapping[str, str] | None = None,
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
            digests: Digests by key of tensors whose bytes have not changed since they were put, as the manifest of
                that checkpoint says; the caller answers for it. They are neither read nor written again.

        Raises:
            InvalidInputError: A key or a number is not allowed.
            NotFoundError: A parent is not here.
            ExhaustedResourceError: The disk is full, or the quota used up; nothing of the checkpoint is listed.
            MovedNameError: The name is not as ``if_match`` or ``create_only`` say.
        """
        for parent in parents:
            self.manifest(parent)
        story = Manifest(trial, (), tuple(parents), architecture, metrics or {}, notes or {})
        attempt = 0
        while True:
            # What was stored a moment ago may just have been collected; then everything is read.
            known = self._known(tensors, digests) if digests and not attempt else {}
            fresh = {key: tensor for key, tensor in tensors.items() if key not in known}
            entries = {entry.key: entry for entry in _hashed(fresh)} | known
            manifest = replace(story, entries=tuple(entries[key] for key in tensors))
            request = Request(manifest, experiment, name, if_match, create_only, request_id)
            offered = {entries[key].digest: tensor for key, tensor in fresh.items()}
            try:
                return self._committer.commit(request, tensors=offered).checkpoint
            except MissingBlobsError:
                attempt += 1
                if attempt == _TRIES:
                    raise

    def _known(self, tensors: Mapping[str, TensorData], digests: Mapping[str, str]) -> dict[str, Entry]:
        """Return the entries of tensors that are stored already, as the caller says."""
        with self._index.reading() as connection:
            live = live_kinds(connection, set(digests.values()))
        return {
            key: Entry(key, tensor.dtype, tensor.shape, digests[key], tensor.size)
            for key, tensor in tensors.items()
            if live.get(digests.get(key, "")) == (tensor.dtype, tensor.shape)
        }

    def get(self, checkpoint: str, *, keys: Collection[str] | None = None) -> dict[str, TensorData]:
        """Return tensors of a checkpoint, all or those of ``keys``, with every byte proven; the memory is the caller's.

        Raises:
            NotFoundError: There is no such checkpoint, it was released, or it has no tensor of a key.
            DataLossError: Bytes are not those that were written; file and tensor are named.
        """
        return self._fetcher.get(checkpoint, keys)

    def get_entries(self, checkpoint: str, entries: Sequence[Entry]) -> dict[str, TensorData]:
        """Return tensors as `get` does, not proven: for who has their entries, and sends them to who proves them."""
        return self._fetcher.get_entries(checkpoint, entries)

    def is_held(self, checkpoint: str, experiments: Collection[str]) -> bool:
        """Whether one of these experiments has a checkpoint that was not released there."""
        with self._index.reading() as connection:
            return any(catalogue.is_held(connection, checkpoint, experiment) for experiment in experiments)

    def held_checkpoints(self, checkpoints: Collection[str], experiments: Collection[str]) -> set[str]:
        """Return those checkpoints that one of these experiments has not released."""
        with self._index.reading() as connection:
            return catalogue.held_checkpoints(connection, checkpoints, experiments)

    def held(self, digests: Collection[str], experiments: Collection[str]) -> set[str]:
        """Return those blobs that checkpoints of these experiments name."""
        with self._index.reading() as connection:
            return catalogue.held_blobs(connection, digests, experiments)

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
            live = live_digests(connection, digests)
        return live | self._staging.ready({digest for digest in digests if digest not in live}).keys()

    def upload(self, digest: str, size: int) -> BlobWriter:
        """See `WeightStore.upload`."""
        upload = self._staging.upload(digest, size)
        with self._index.reading() as connection:
            is_stored = is_live(connection, digest)
        if not is_stored:
            return upload
        upload.abort()
        return FinishedUpload(digest, size)

    def open_blob(self, digest: str) -> BlobReader:
        """See `WeightStore.open_blob`."""
        return self._fetcher.open_blob(digest)

    def open_blobs(self, digests: Sequence[str]) -> Iterator[BlobReader]:
        """Open blobs one after the other; the caller closes each. Raises as `open_blob` does."""
        return self._fetcher.open_blobs(digests)

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
        """See `WeightStore.commit`; blobs that were not uploaded are taken from ``tensors``, by digest."""
        request = Request(manifest, experiment, name, if_match, create_only, request_id)
        return self._committer.commit(request, tensors=tensors)

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


def _hashed(tensors: Mapping[str, TensorData]) -> list[Entry]:
    threads = threads_for(sum(tensor.size for tensor in tensors.values()), len(tensors))
    return side_by_side(lambda item: entry_of(*item), list(tensors.items()), threads=threads)
