"""Downloads: tensors of a checkpoint, received straight into memory that is there, proven, and resumed after a break.

Not here: which tensors (``nascore.client.weights``).
"""

from __future__ import annotations

import socket
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial

from blake3 import blake3

from nascore.client.connection import Connection
from nascore.client.weights.calls import SERVICE
from nascore.client.weights.direct import Direct, NoDirectPortError
from nascore.errors import DataLossError, InvalidInputError, UnavailableError
from nascore.v1 import weights_pb2
from nascore.weights import Entry, TensorData, blob_header
from nascore.weights.arena import Arena
from nascore.weights.chunk_wire import SMALL, Chunk, read_chunk
from nascore.weights.direct_wire import PIECE, Follower, break_off, receive, receive_into, receive_message
from nascore.weights.tensor import Data

SLOWEST = 256 << 10
"""Bytes a second with which a deadline reckons, beside the client's own."""

_WAITING = 64
"""Pieces that have come and wait to be hashed; they are in their place already."""

Buffer = bytearray | memoryview


@dataclass(slots=True)
class _Target:
    """A blob on its way: where its data go, and how much of it is there."""

    entry: Entry
    header: bytes
    view: memoryview
    size: int
    done: int = 0
    hasher: blake3 = field(default_factory=blake3)

    def expect(self, chunk: Chunk) -> None:
        """Make sure that a piece is the next one."""
        if chunk.offset != self.done or chunk.size != self.size or self.done + len(chunk.data) > self.size:
            raise DataLossError(
                f"Blob {self.entry.digest}: bytes from {self.done:,} of {self.size:,} on are next, but the server sent "
                f"{len(chunk.data):,} from {chunk.offset:,} of {chunk.size:,} on."
            )

    def take(self, chunk: Chunk) -> None:
        self.expect(chunk)
        skipped = min(len(chunk.data), max(0, len(self.header) - self.done))
        begin = self.done + skipped - len(self.header)
        if len(chunk.data) > skipped:
            self.view[begin : begin + len(chunk.data) - skipped] = chunk.data[skipped:]
        self.prove(chunk.data)

    def prove(self, data: Data, head: bytes = b"") -> None:
        """Count bytes that have come, after those of the header; with the last ones all are proven."""
        if head:
            self.hasher.update(head)
        self.hasher.update(data)
        self.done += len(head) + len(data)
        if self.done == self.size and self.hasher.hexdigest() != self.entry.digest:
            raise DataLossError(f"Tensor {self.entry.key!r}: its bytes are not those of digest {self.entry.digest}.")

    def take_whole(self, content: bytes) -> None:
        if len(content) != self.size or blake3(content).hexdigest() != self.entry.digest:
            raise DataLossError(f"Tensor {self.entry.key!r}: its bytes are not those of digest {self.entry.digest}.")
        self.view[:] = memoryview(content)[len(self.header) :]
        self.done = self.size


def download(
    connection: Connection,
    checkpoint: str,
    entries: Iterable[Entry],
    *,
    keys: Iterable[str] = (),
    into: Mapping[str, Buffer] | None = None,
    direct: Direct | None = None,
) -> dict[str, TensorData]:
    """Return tensors by key, every byte proven.

    Args:
        connection: To the server.
        checkpoint: Whose they are.
        entries: The tensors.
        keys: Their keys, to ask for; none: those are all of the checkpoint.
        into: Memory by key, for those whose bytes shall come there; the others get some of their own.
        direct: Makes direct connections, for much.

    Raises:
        InvalidInputError: Memory in ``into`` has another size than its tensor.
        DataLossError: The bytes are not those that were written.
    """
    ordered = list(entries)
    chosen = sorted(ordered, key=lambda entry: entry.size > SMALL)  # As they are sent.
    arena = Arena(sum(entry.size for entry in chosen if entry.key not in (into or {})))
    found = {entry.key: TensorData(entry.dtype, entry.shape, _memory(entry, into or {}, arena)) for entry in chosen}
    alike: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in chosen:
        alike[entry.digest].append(entry)
    targets = {digest: _target(same[0], found[same[0].key]) for digest, same in alike.items()}
    request = weights_pb2.DownloadRequest(checkpoint=checkpoint, keys=keys, takes_small=True)
    _received(connection, request, targets, direct)
    for same in alike.values():
        for other in same[1:]:
            memoryview(found[other.key].data).cast("B")[:] = memoryview(found[same[0].key].data).cast("B")
    return {entry.key: found[entry.key] for entry in ordered}


def _received(
    connection: Connection,
    request: weights_pb2.DownloadRequest,
    targets: Mapping[str, _Target],
    direct: Direct | None,
) -> None:
    """Receive all blobs, going on after breaks; patience begins anew with each byte that came."""
    patience, arrived = connection.patience(), 0
    while missing := [target for target in targets.values() if target.done < target.size]:
        size = sum(target.size - target.done for target in missing)
        begun = missing[0]
        request.resume_digest, request.resume_offset = begun.entry.digest, begun.done
        try:
            _fetch(connection, request, targets, direct if direct is not None and direct.is_worth(size) else None)
        except UnavailableError as error:
            if (now := sum(target.done for target in targets.values())) > arrived:
                patience, arrived = connection.patience(), now
            connection.pause(patience, error)
        else:
            _check_complete(targets)


def _fetch(
    connection: Connection,
    request: weights_pb2.DownloadRequest,
    targets: Mapping[str, _Target],
    direct: Direct | None,
) -> None:
    """Receive what is missing, as far as it comes: directly if that is given, else over gRPC."""
    size = sum(target.size - target.done for target in targets.values())
    timeout_s = connection.timeout_s + size / SLOWEST
    if direct is not None:
        with suppress(NoDirectPortError):
            _stream_directly(direct, request, targets, timeout_s=timeout_s)
            return
    _stream(connection, request, targets, timeout_s=timeout_s)


def _stream_directly(
    direct: Direct, download: weights_pb2.DownloadRequest, targets: Mapping[str, _Target], *, timeout_s: float
) -> None:
    request, response = weights_pb2.DownloadDirectRequest(download=download), weights_pb2.DownloadDirectResponse
    # What has come is hashed while the next bytes come.
    with (
        direct.connected("DownloadDirect", request, response, timeout_s=timeout_s) as opened,
        Follower("nascore-direct-proof", waiting=_WAITING, on_failure=partial(break_off, opened)) as follower,
    ):
        while raw := receive_message(opened):
            chunk = _read(raw)
            if chunk.small:
                follower.give(partial(_take_small, targets, chunk))
            else:
                _receive_blob(opened, _asked_for(targets, chunk.digest), chunk, follower)


def _receive_blob(opened: socket.socket, target: _Target, chunk: Chunk, follower: Follower) -> None:
    target.expect(chunk)
    head = receive(opened, max(0, len(target.header) - chunk.offset))
    begin = max(0, chunk.offset - len(target.header))
    if begin == len(target.view):
        follower.give(partial(target.prove, head))
    for at in range(begin, len(target.view), PIECE):
        part = target.view[at : at + PIECE]
        receive_into(opened, part)
        follower.give(partial(target.prove, part, head))
        head = b""


def _stream(
    connection: Connection,
    request: weights_pb2.DownloadRequest,
    targets: Mapping[str, _Target],
    *,
    timeout_s: float,
) -> None:
    with closing(connection.pieces(f"{SERVICE}/Download", request, timeout_s=timeout_s)) as pieces:
        for raw in pieces:
            chunk = _read(raw)
            if chunk.small:
                _take_small(targets, chunk)
            else:
                _asked_for(targets, chunk.digest).take(chunk)


def _take_small(targets: Mapping[str, _Target], chunk: Chunk) -> None:
    for digest, content in chunk.small:
        _asked_for(targets, digest).take_whole(content)


def _asked_for(targets: Mapping[str, _Target], digest: str) -> _Target:
    if digest not in targets:
        raise DataLossError(f"The server sends blob {digest!r:.80}, which nobody asked for.")
    return targets[digest]


def _read(raw: bytes) -> Chunk:
    try:
        return read_chunk(raw, kind=weights_pb2.DownloadResponse)
    except InvalidInputError as error:  # Here it is the server's fault.
        raise DataLossError(f"The server sends what is no piece of a blob: {error}") from error


def _check_complete(targets: Mapping[str, _Target]) -> None:
    for target in targets.values():
        if target.done < target.size:
            raise DataLossError(
                f"Tensor {target.entry.key!r}: the server sent {target.done:,} of {target.size:,} bytes."
            )


def _memory(entry: Entry, into: Mapping[str, Buffer], arena: Arena) -> Buffer:
    buffer = into.get(entry.key)
    if buffer is None:
        return arena.take(entry.size)
    view = memoryview(buffer)
    if view.readonly or view.nbytes != entry.size or not view.c_contiguous:
        raise InvalidInputError(
            f"Tensor {entry.key!r} has {entry.size:,} bytes; the memory given for it cannot take just these."
        )
    return view.cast("B") if view.nbytes else bytearray()


def _target(entry: Entry, tensor: TensorData) -> _Target:
    view = memoryview(tensor.data).cast("B") if entry.size else memoryview(bytearray())
    header = blob_header(entry.dtype, entry.shape)
    return _Target(entry, header, view, len(header) + entry.size)
