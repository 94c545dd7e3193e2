"""`Weights`: checkpoints of a server, with the methods of a store in a folder, so that code can take either.

On the server's own machine, where its folder can be read, tensors are mapped or read there and nothing crosses a
socket; elsewhere they come in pieces. Both give the same bytes. Not here: torch.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from nascore.client.client import Client
from nascore.client.connection import Connection
from nascore.client.request import request_id_or_new
from nascore.client.weights.calls import WeightCalls
from nascore.client.weights.direct import Direct
from nascore.client.weights.download import Buffer, download
from nascore.client.weights.shared_folder import SharedFolder
from nascore.client.weights.upload import blob_size, upload
from nascore.errors import NotFoundError
from nascore.record import JsonValue
from nascore.v1 import weights_pb2
from nascore.weights import Committed, Entry, Manifest, MissingBlobsError, TensorData
from nascore.weights.access import entry_of
from nascore.weights.answers import OWN
from nascore.weights.chunk_wire import SMALL
from nascore.weights.durable import side_by_side, threads_for
from nascore.weights.manifest import as_read
from nascore.weights.piece_memory import keep_pieces

_TRIES = 4
_REMEMBERED = 16
_INLINE = 3 << 20
_STREAMS = 4
_MOST_NAMED_BYTES = 48 << 10
"""Keys beyond this many bytes are asked for in several calls: requests of names are kept small."""


class Weights(WeightCalls):
    """Checkpoints of a server. Thread-safe. Satisfies `nascore.weights.access.WeightAccess`.

    Args:
        connection: To the server.
        experiment: Id of the experiment whose checkpoints are put unless another is named.
        is_folder_shared: Whether to look for the server's folder on this machine.
        is_direct: Whether much goes over direct connections, where the server takes them.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        experiment: str = OWN,
        is_folder_shared: bool = True,
        is_direct: bool = True,
    ) -> None:
        super().__init__(connection)
        self._direct = Direct(connection, is_allowed=is_direct)
        keep_pieces()
        self._experiment = experiment
        self._shared = SharedFolder(connection, is_allowed=is_folder_shared)
        self._manifests: OrderedDict[str, Manifest] = OrderedDict()
        self._guard = threading.Lock()  # Guards the one above.

    @classmethod
    def of(
        cls, client: Client, *, experiment: str = OWN, is_folder_shared: bool = True, is_direct: bool = True
    ) -> Weights:
        """Return the weights of a client's server; the client stays the caller's to close."""
        return cls(client.connection, experiment=experiment, is_folder_shared=is_folder_shared, is_direct=is_direct)

    def put(
        self,
        tensors: Mapping[str, TensorData],
        *,
        trial: int,
        parents: Sequence[str] = (),
        architecture: str = "",
        metrics: Mapping[str, float] | None = None,
        notes: Mapping[str, JsonValue] | None = None,
        experiment: str = "",
        name: str = "",
        if_match: str = "",
        create_only: bool = False,
        request_id: str = "",
        digests: Mapping[str, str] | None = None,
    ) -> str:
        """Store a checkpoint durably and return its id; see `WeightAccess.put`."""
        story = Manifest(
            trial=trial,
            entries=(),
            parents=tuple(parents),
            architecture=architecture,
            metrics=metrics or {},
            notes=notes or {},
        )
        request = weights_pb2.CommitRequest(
            experiment=experiment or self._experiment,
            name=name,
            if_match=if_match,
            create_only=create_only,
            request_id=request_id_or_new(request_id or None),
        )
        known = self._known(tensors, digests) if digests else {}
        while True:
            fresh = {key: tensor for key, tensor in tensors.items() if key not in known}
            entries = {entry.key: entry for entry in _hashed(fresh)} | known
            manifest = replace(story, entries=tuple(entries[key] for key in tensors))
            try:
                made = self._put(manifest, {entries[key].digest: fresh[key] for key in fresh}, request).checkpoint
            except MissingBlobsError:
                if not known:
                    raise
                known = {}  # What was stored a moment ago has just been collected; now everything is read.
            else:
                self._remember(made, as_read(manifest))
                return made

    def _known(self, tensors: Mapping[str, TensorData], digests: Mapping[str, str]) -> dict[str, Entry]:
        """Return the entries of tensors that the server has already, as the caller says."""
        claimed = {key: digests[key] for key in tensors.keys() & digests.keys()}
        absent = self.absent({digest: blob_size(tensors[key]) for key, digest in claimed.items()})
        return {
            key: Entry(key, tensors[key].dtype, tensors[key].shape, digest, tensors[key].size)
            for key, digest in claimed.items()
            if digest not in absent
        }

    def _put(self, manifest: Manifest, blobs: dict[str, TensorData], request: weights_pb2.CommitRequest) -> Committed:
        content = manifest.to_bytes()
        if len(content) <= _INLINE:
            request.manifest_json = content
        else:
            tensor = TensorData("U8", (len(content),), content)
            request.manifest_blob, request.manifest_size = entry_of("manifest", tensor).digest, len(content)
            blobs = {**blobs, request.manifest_blob: tensor}
        for number in range(_TRIES - 1):
            try:
                return self._uploaded(blobs, request, is_small_together=not number)
            except MissingBlobsError:
                continue  # A collection, or others' uploads, have just removed what we took for stored.
        return self._uploaded(blobs, request, is_small_together=False)

    def _uploaded(
        self, blobs: Mapping[str, TensorData], request: weights_pb2.CommitRequest, *, is_small_together: bool
    ) -> Committed:
        with self._shared.offered() as offer:

            def send(part: Mapping[str, TensorData]) -> None:
                upload(
                    self._connection, self, part, offer=offer, direct=self._direct, is_small_together=is_small_together
                )

            parts = [blobs] if offer is None else _shares(blobs)
            side_by_side(send, parts, threads=len(parts))
        return self.committed(request)

    def get(
        self,
        checkpoint: str,
        *,
        keys: Collection[str] | None = None,
        prefix: str = "",
        into: Mapping[str, Buffer] | None = None,
    ) -> dict[str, TensorData]:
        """Return tensors of a checkpoint, with every byte proven; the memory is the caller's.

        Args:
            checkpoint: Which one.
            keys: Which tensors; ``None`` together with an empty prefix: all.
            prefix: Those whose keys begin so, too.
            into: Memory by key, for those whose bytes shall come there, such as a network's own.

        Raises:
            NotFoundError: There is no such checkpoint, it was released, or it has no tensor of a key.
            InvalidInputError: Memory in ``into`` does not fit its tensor.
            DataLossError: Bytes are not those that were written.
        """
        entries = self._chosen(checkpoint, keys, prefix)
        found = None if into else self._shared.read(lambda store: store.get(checkpoint, keys=_keys(entries)))
        if found is not None:
            return found
        if keys is None and not prefix:
            return download(self._connection, checkpoint, entries, into=into, direct=self._direct)
        parts = (
            download(self._connection, checkpoint, part, keys=_keys(part), into=into, direct=self._direct)
            for part in _in_parts(entries)
        )
        return {key: tensor for part in parts for key, tensor in part.items()}

    def map(
        self, checkpoint: str, *, keys: Collection[str] | None = None, is_proven: bool = False
    ) -> dict[str, TensorData]:
        """Return tensors without copying them where the server's folder is at hand, else as `get` does.

        Args:
            checkpoint: Which one.
            keys: Which tensors; all by default.
            is_proven: Whether to read and prove every byte first; what comes over the network always is.

        Raises:
            NotFoundError: As for `get`.
            DataLossError: Bytes are not those that were written.
        """
        found = self._shared.read(lambda store: store.map(checkpoint, keys=keys, is_proven=is_proven))
        return self.get(checkpoint, keys=keys) if found is None else found

    def manifest(self, checkpoint: str) -> Manifest:
        """Return what a checkpoint consists of, proven by its id."""
        with self._guard:
            known = self._manifests.get(checkpoint)
        if known is None:
            known = super().manifest(checkpoint)
            self._remember(checkpoint, known)
        return known

    def _remember(self, checkpoint: str, manifest: Manifest) -> None:
        with self._guard:
            self._manifests[checkpoint] = manifest
            if len(self._manifests) > _REMEMBERED:
                self._manifests.popitem(last=False)

    def close(self) -> None:
        """Let the server's folder go; the connection stays its owner's to close."""
        self._shared.close()

    def _chosen(self, checkpoint: str, keys: Collection[str] | None, prefix: str) -> list[Entry]:
        entries = self.manifest(checkpoint).entries
        if keys is None and not prefix:
            return list(entries)
        wanted = set(keys or ())
        if missing := sorted(wanted - {entry.key for entry in entries}):
            raise NotFoundError(f"Checkpoint {checkpoint} has no tensor {missing[0]!r} ({len(missing)} missing).")
        return [entry for entry in entries if entry.key in wanted or (prefix and entry.key.startswith(prefix))]


def _hashed(tensors: Mapping[str, TensorData]) -> list[Entry]:
    threads = threads_for(sum(tensor.size for tensor in tensors.values()), len(tensors))
    return side_by_side(lambda item: entry_of(*item), list(tensors.items()), threads=threads)


def _shares(blobs: Mapping[str, TensorData]) -> list[dict[str, TensorData]]:
    """Divide what is laid down among uploads side by side, for a server copies one blob of each at a time.

    The small ones stay together: the server keeps as many as one upload may bring.
    """
    large = [digest for digest, tensor in blobs.items() if tensor.size > SMALL]
    count = min(threads_for(sum(blobs[digest].size for digest in large), len(large)), _STREAMS)
    shares = [{digest: blobs[digest] for digest in large[number::count]} for number in range(count)]
    return [shares[0] | {digest: tensor for digest, tensor in blobs.items() if tensor.size <= SMALL}, *shares[1:]]


def _keys(entries: Sequence[Entry]) -> list[str]:
    return [entry.key for entry in entries]


def _in_parts(entries: Sequence[Entry]) -> list[list[Entry]]:
    parts: list[list[Entry]] = []
    room = 0
    for entry in entries:
        size = len(entry.key.encode()) + 4
        if size > room:
            parts.append([])
            room = _MOST_NAMED_BYTES
        parts[-1].append(entry)
        room -= size
    return parts
