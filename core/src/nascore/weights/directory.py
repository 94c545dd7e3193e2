"""Checkpoints in a folder: each is wholly there or not, tensors that are equal are stored once, every byte is proven.

::

    manifests/<checkpoint>.json              what a checkpoint consists of
    blobs/<first two digits>/<digest>.safetensors   one large tensor each, named "tensor" inside
    packs/<digest>.safetensors               the small tensors of one checkpoint, named by their digests inside

All files are ordinary safetensors and named by the BLAKE3 digest of their content (a manifest by its first half), so
``b3sum`` checks a store. Several processes may write to one folder. Not here: the network, retention, torch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from blake3 import blake3

from nascore.errors import DataLossError, NotFoundError
from nascore.record import JsonValue
from nascore.weights.durable import named_if_failed, sync_folder, write_file
from nascore.weights.manifest import (
    LOOSE,
    MAX_MANIFEST,
    Entry,
    Manifest,
    checkpoint_of,
    is_checkpoint,
    read_manifest,
)
from nascore.weights.safetensors import header_of, parse
from nascore.weights.tensor import DTYPE_SIZES, Data, TensorData, size_of

PACKED_BELOW = 64 * 2**10
"""Tensors of fewer bytes than this share a file: a file for each would cost more than the tensor."""

_NAME = "tensor"
_Parts = list[Data]


class DirectoryStore:
    """A store of checkpoints in ``folder``, which is made when the first one is put.

    Thread-safe and process-safe: files appear by renaming and are never changed.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def put(
        self,
        tensors: Mapping[str, TensorData],
        *,
        trial: int,
        parents: Sequence[str] = (),
        architecture: str = "",
        metrics: Mapping[str, float] | None = None,
        notes: Mapping[str, JsonValue] | None = None,
    ) -> str:
        """Store a checkpoint durably and return its id; the same content gives the same id.

        Args:
            tensors: Tensors by key.
            trial: Number of the trial that made it.
            parents: Checkpoints that it was made from; what it shares with them is not stored again.
            architecture: Fingerprint of its architecture.
            metrics: The trial's metrics, finite.
            notes: Anything worth recording.

        Raises:
            InvalidInputError: A key or a number is not allowed.
            NotFoundError: A parent is not here.
            ExhaustedResourceError: The disk is full; nothing of the checkpoint is listed.
        """
        packed = {entry.digest: entry.pack for parent in parents for entry in self.manifest(parent).entries}
        entries = [_entry(key, tensor) for key, tensor in tensors.items()]
        small = {e.digest: e.key for e in entries if e.size < PACKED_BELOW and packed.get(e.digest, LOOSE) == LOOSE}
        manifest = Manifest(
            trial=trial,
            entries=_placed(entries, packed | dict.fromkeys(small, _pack_digest(small, tensors))),
            parents=tuple(parents),
            architecture=architecture,
            metrics=metrics or {},
            notes=notes or {},
        )
        content = manifest.to_bytes()
        checkpoint = checkpoint_of(content)
        self._write({**self._blobs(manifest, tensors), **self._pack(small, tensors)})
        self._write({self._manifest_file(checkpoint): [content]})
        return checkpoint

    def get(self, checkpoint: str, *, keys: Collection[str] | None = None) -> dict[str, TensorData]:
        """Return tensors of a checkpoint, all or those of ``keys``, with every byte proven; the memory is the caller's.

        Raises:
            NotFoundError: There is no such checkpoint, or it has no tensor of a key.
            DataLossError: Bytes are not those that were written; file and tensor are named.
        """
        entries = {entry.key: entry for entry in self.manifest(checkpoint).entries}
        if missing := sorted(set(keys or ()) - entries.keys()):
            raise NotFoundError(f"Checkpoint {checkpoint} has no tensor {missing[0]!r} ({len(missing)} missing).")
        wanted = [entry for entry in entries.values() if keys is None or entry.key in keys]
        packs = {digest: self._read_pack(digest) for digest in {entry.pack for entry in wanted} - {LOOSE}}
        return {e.key: self._read_blob(e) if e.pack == LOOSE else _packed(e, packs[e.pack]) for e in wanted}

    def manifest(self, checkpoint: str) -> Manifest:
        """Return what a checkpoint consists of.

        Raises:
            NotFoundError: There is no such checkpoint.
            DataLossError: Its bytes are not those that were written.
        """
        file = self._manifest_file(checkpoint)
        try:
            if file.stat().st_size > MAX_MANIFEST:
                raise DataLossError(f"{file}: longer than any manifest.")
            return read_manifest(file.read_bytes(), checkpoint=checkpoint)
        except FileNotFoundError:
            raise NotFoundError(f"There is no checkpoint {checkpoint} in {self.folder}.") from None

    def list(self) -> tuple[str, ...]:
        """Return the ids of all checkpoints, oldest first."""
        files = [(file.stat().st_mtime_ns, file.stem) for file in (self.folder / "manifests").glob("*.json")]
        return tuple(name for _, name in sorted(files) if is_checkpoint(name))

    def _blobs(self, manifest: Manifest, tensors: Mapping[str, TensorData]) -> dict[Path, _Parts]:
        loose = [entry for entry in manifest.entries if entry.pack == LOOSE]
        return {self._blob_file(e.digest): [_header(tensors[e.key]), tensors[e.key].data] for e in loose}

    def _pack(self, small: Mapping[str, str], tensors: Mapping[str, TensorData]) -> dict[Path, _Parts]:
        return {self._pack_file(_pack_digest(small, tensors)): _pack_parts(small, tensors)} if small else {}

    def _write(self, files: Mapping[Path, Sequence[Data]]) -> None:
        """Write the files that are missing; all are durable on return, also those of another writer."""
        for file, parts in files.items():
            # A file of this name and length was renamed into place whole.
            if not file.exists() or file.stat().st_size != sum(map(size_of, parts)):
                self._make(file.parent)
                write_file(file, parts)
        for folder in {file.parent for file in files}:
            sync_folder(folder)

    def _make(self, folder: Path) -> None:
        if folder.exists():
            return
        self._make(folder.parent)
        with named_if_failed(folder):
            folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)

    def _read_blob(self, entry: Entry) -> TensorData:
        file = self._blob_file(entry.digest)
        header = header_of({_NAME: (entry.dtype, entry.shape)})
        content = _read(file, size=len(header) + entry.size, tensor=entry.key)
        _prove(content, entry.digest, file=file, tensor=entry.key)
        return TensorData(entry.dtype, entry.shape, memoryview(content)[len(header) :])

    def _read_pack(self, digest: str) -> dict[str, TensorData]:
        file = self._pack_file(digest)
        content = _read(file, size=None, tensor="(pack)")
        _prove(content, digest, file=file, tensor="(pack)")
        return parse(content, file=str(file))

    def _manifest_file(self, checkpoint: str) -> Path:
        # Only what is surely an id becomes part of a path.
        if not is_checkpoint(checkpoint):
            raise NotFoundError(f"{checkpoint!r} is no id of a checkpoint; those have 32 hexadecimal digits.")
        return self.folder / "manifests" / f"{checkpoint}.json"

    def _blob_file(self, digest: str) -> Path:
        return self.folder / "blobs" / digest[:2] / f"{digest}.safetensors"

    def _pack_file(self, digest: str) -> Path:
        return self.folder / "packs" / f"{digest}.safetensors"


def _header(tensor: TensorData) -> bytes:
    return header_of({_NAME: (tensor.dtype, tensor.shape)})


def _entry(key: str, tensor: TensorData) -> Entry:
    digest = blake3(_header(tensor)).update(tensor.data).hexdigest()
    return Entry(key, tensor.dtype, tensor.shape, digest, tensor.size)


def _placed(entries: Iterable[Entry], packs: Mapping[str, str]) -> tuple[Entry, ...]:
    return tuple(Entry(e.key, e.dtype, e.shape, e.digest, e.size, packs.get(e.digest, LOOSE)) for e in entries)


def _pack_parts(small: Mapping[str, str], tensors: Mapping[str, TensorData]) -> _Parts:
    """The file of a pack; wide elements first, so that each tensor begins at a multiple of its element's size."""
    chosen = {digest: tensors[key] for digest, key in small.items()}
    ordered = dict(sorted(chosen.items(), key=lambda item: (-DTYPE_SIZES[item[1].dtype], item[0])))
    header = header_of({digest: (tensor.dtype, tensor.shape) for digest, tensor in ordered.items()})
    return [header, *(tensor.data for tensor in ordered.values())]


def _pack_digest(small: Mapping[str, str], tensors: Mapping[str, TensorData]) -> str:
    hasher = blake3()
    for part in _pack_parts(small, tensors):
        hasher.update(part)
    return hasher.hexdigest()


def _packed(entry: Entry, pack: Mapping[str, TensorData]) -> TensorData:
    tensor = pack.get(entry.digest)
    if tensor is None or _entry(entry.key, tensor).digest != entry.digest or tensor.dtype != entry.dtype:
        raise DataLossError(f"Pack {entry.pack}: tensor {entry.key!r} is missing or is not the one that was written.")
    return tensor


def _read(file: Path, *, size: int | None, tensor: str) -> bytearray:
    """Read a whole file into memory of its own; its length is checked before anything is allocated."""
    try:
        with file.open("rb") as source:
            found = file.stat().st_size
            if size is not None and found != size:
                raise DataLossError(f"{file}: {found} bytes instead of {size}; tensor {tensor!r} is lost.")
            content = bytearray(found)
            if source.readinto(content) != found:
                raise DataLossError(f"{file}: shorter than it says; tensor {tensor!r} is lost.")
            return content
    except FileNotFoundError:
        raise DataLossError(f"{file}: missing; tensor {tensor!r} is lost.") from None


def _prove(content: bytearray, digest: str, *, file: Path, tensor: str) -> None:
    if blake3(content).hexdigest() != digest:
        raise DataLossError(f"{file}: bytes have changed since they were written; tensor {tensor!r} is lost.")
