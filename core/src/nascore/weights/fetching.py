"""Finding what a checkpoint consists of and reading it, while others may release and collect."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from nascore.errors import DataLossError, NotFoundError
from nascore.weights import catalogue
from nascore.weights.blob_rows import BlobRow, live_rows
from nascore.weights.contract import BlobReader
from nascore.weights.index import Index
from nascore.weights.manifest import Entry, Manifest
from nascore.weights.tensor import TensorData

_AT_ONCE = 1000

Read = Callable[[Sequence[Entry], Mapping[str, BlobRow]], dict[str, TensorData]]


@dataclass(frozen=True, slots=True)
class Sources:
    """How the bytes of a store are read; what is missing is a FileNotFoundError, what has changed a DataLossError.

    Attributes:
        where: The store, as errors name it.
        manifest: Reads a manifest by the checkpoint's id.
        tensors: Reads tensors, every byte proven.
        blob: Opens a blob.
        unproven: Reads tensors for who hands them on to somebody who proves them; ``None`` if that is not quicker.
    """

    where: str
    manifest: Callable[[str], Manifest]
    tensors: Read
    blob: Callable[[BlobRow], BlobReader]
    unproven: Read | None = None


class Fetcher:
    """Reads a store."""

    def __init__(self, index: Index, sources: Sources) -> None:
        self._index = index
        self._sources = sources

    def get(self, checkpoint: str, keys: Collection[str] | None) -> dict[str, TensorData]:
        """Return tensors of a checkpoint with every byte proven; see `fetch`."""
        return self.fetch(self._sources.tensors, checkpoint, keys)

    def fetch(self, read: Read, checkpoint: str, keys: Collection[str] | None) -> dict[str, TensorData]:
        """Return what ``read`` makes of a checkpoint's tensors, all or those of ``keys``.

        Raises:
            NotFoundError: There is no such checkpoint, it was released, or it has no tensor of a key.
            DataLossError: Bytes are not those that were written.
        """
        with self._held_or_released(checkpoint):
            return self._read(read, checkpoint, _chosen(self._stored(checkpoint), checkpoint, keys))

    def get_entries(self, checkpoint: str, entries: Sequence[Entry]) -> dict[str, TensorData]:
        """Return tensors of a checkpoint, not proven, for who has its manifest; raises as `fetch` does."""
        with self._held_or_released(checkpoint):
            return self._read(self._sources.unproven or self._sources.tensors, checkpoint, entries)

    def _read(self, read: Read, checkpoint: str, entries: Sequence[Entry]) -> dict[str, TensorData]:
        with self._index.reading() as connection:
            rows = live_rows(connection, {entry.digest for entry in entries})
            self._check_held(catalogue.is_held(connection, checkpoint), checkpoint)
        return read(entries, rows)

    @contextmanager
    def _held_or_released(self, checkpoint: str) -> Iterator[None]:
        """Tell bytes that are lost from those of a checkpoint that was released and collected meanwhile."""
        try:
            yield
        except DataLossError:
            with self._index.reading() as connection:
                is_held = catalogue.is_held(connection, checkpoint)
            self._check_held(is_held, checkpoint)
            raise

    def manifest(self, checkpoint: str) -> Manifest:
        """See `WeightStore.manifest`."""
        found = self._stored(checkpoint)
        with self._index.reading() as connection:
            is_known = catalogue.is_known(connection, checkpoint)
        if not is_known:  # Its commit was not done, or it was forgotten.
            raise self._unknown(checkpoint)
        return found

    def open_blob(self, digest: str) -> BlobReader:
        """See `WeightStore.open_blob`."""
        with self._index.reading() as connection:
            row = live_rows(connection, [digest]).get(digest)
        if row is None:
            raise NotFoundError(f"There is no blob {digest!r:.80} in {self._sources.where}.")
        return self._sources.blob(row)

    def open_blobs(self, digests: Sequence[str]) -> Iterator[BlobReader]:
        """Open blobs one after the other, which the caller closes; where they are is looked up for many at once.

        Raises:
            NotFoundError: There is no such blob.
            DataLossError: Its file is gone or has another length.
        """
        for begin in range(0, len(digests), _AT_ONCE):
            some = digests[begin : begin + _AT_ONCE]
            with self._index.reading() as connection:
                rows = live_rows(connection, some)
            for digest in some:
                yield self._opened(digest, rows.get(digest))

    def _opened(self, digest: str, row: BlobRow | None) -> BlobReader:
        if row is not None:
            with suppress(DataLossError):
                return self._sources.blob(row)
        return self.open_blob(digest)  # It may have moved or gone meanwhile; what is wrong now counts.

    def _stored(self, checkpoint: str) -> Manifest:
        try:
            return self._sources.manifest(checkpoint)
        except FileNotFoundError as fault:
            with self._index.reading() as connection:
                if catalogue.is_known(connection, checkpoint):
                    raise DataLossError(f"{fault.filename}: missing.") from None
            raise self._unknown(checkpoint) from None

    def _check_held(self, is_held: bool, checkpoint: str) -> None:
        if not is_held:
            raise NotFoundError(f"There is no checkpoint {checkpoint} in {self._sources.where}, or it was released.")

    def _unknown(self, checkpoint: str) -> NotFoundError:
        return NotFoundError(f"There is no checkpoint {checkpoint} in {self._sources.where}.")


def _chosen(manifest: Manifest, checkpoint: str, keys: Collection[str] | None) -> list[Entry]:
    if keys is None:
        return list(manifest.entries)
    wanted = set(keys)
    if missing := sorted(wanted - {entry.key for entry in manifest.entries}):
        raise NotFoundError(f"Checkpoint {checkpoint} has no tensor {missing[0]!r} ({len(missing)} missing).")
    return [entry for entry in manifest.entries if entry.key in wanted]
