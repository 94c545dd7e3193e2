"""Uploads: blobs in pieces, as many as are missing, resumed after a break where the server's bytes end.

Not here: what they are blobs of (``nascore.client.weights``).
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress

from nascore.client.connection import Connection
from nascore.client.weights.calls import SERVICE, WeightCalls
from nascore.client.weights.direct import Direct, NoDirectPortError
from nascore.client.weights.download import SLOWEST
from nascore.client.weights.offers import Offer
from nascore.errors import ConflictError, DataLossError, StateError, UnavailableError
from nascore.v1 import weights_pb2
from nascore.weights import TensorData, blob_header
from nascore.weights.chunk_wire import SMALL, framed, framed_small
from nascore.weights.direct_wire import send, send_message
from nascore.weights.tensor import Data

PIECE = 1 << 20
"""Bytes of a piece: smaller ones cost more calls, larger ones leave the processor's cache."""
_SMALL_TOGETHER = 8 << 20
"""Bytes of small blobs that wait in the server's memory for one commit; more are staged as files."""
_OFFERED_TOGETHER = 2 << 20
_MOST_OFFERED = 8
_TRIES = 3


def upload(
    connection: Connection,
    calls: WeightCalls,
    blobs: Mapping[str, TensorData],
    *,
    offer: Offer | None = None,
    direct: Direct | None = None,
    is_small_together: bool = True,
) -> None:
    """Have the server hold all blobs (tensors by digest); only what it lacks is sent.

    Args:
        connection: To the server.
        calls: The same.
        blobs: Tensors by digest.
        offer: A folder that the server sees as well.
        direct: Makes direct connections, for much.
        is_small_together: Whether small ones may wait in the server's memory, which may lose them again.

    Raises:
        DataLossError: Bytes are changed on the way again and again, or the caller changes them meanwhile.
        ExhaustedResourceError: The server's disk, or its room for uploads, would not hold them.
    """
    patience, failed, least = connection.patience(), 0, -1
    while absent := calls.absent({digest: blob_size(tensor) for digest, tensor in blobs.items()}):
        left = sum(blob_size(blobs[digest]) - offset for digest, offset in absent.items())
        if least < 0 or left < least:
            patience, failed, least = connection.patience(), 0, left
        chosen = {digest: (blobs[digest], offset) for digest, offset in absent.items()}
        try:
            _send(connection, chosen, offer, direct, is_small_together=is_small_together)
        except UnavailableError as error:
            connection.pause(patience, error)
        except (DataLossError, StateError) as error:
            # Somebody else uploads the same and came first, or bits have flipped: what is there now decides.
            failed += 1
            if failed >= _TRIES or isinstance(error, ConflictError):
                raise
        else:
            return


def _send(
    connection: Connection,
    chosen: Mapping[str, tuple[TensorData, int]],
    offer: Offer | None,
    direct: Direct | None,
    *,
    is_small_together: bool,
) -> None:
    """Send blobs from their offsets on, directly where that pays, else over gRPC."""
    left = sum(blob_size(tensor) - offset for tensor, offset in chosen.values())
    timeout_s = connection.timeout_s + left / SLOWEST
    if direct is not None and offer is None and direct.is_worth(left):
        with suppress(NoDirectPortError):
            _send_directly(direct, chosen, timeout_s=timeout_s, is_small_together=is_small_together)
            return
    connection.gather(
        f"{SERVICE}/Upload",
        _pieces(chosen, offer, is_small_together=is_small_together),
        weights_pb2.UploadResponse,
        timeout_s=timeout_s,
    )


def _send_directly(
    direct: Direct, chosen: Mapping[str, tuple[TensorData, int]], *, timeout_s: float, is_small_together: bool
) -> None:
    small = _small_ones(chosen) if is_small_together else {}
    request, response = weights_pb2.UploadDirectRequest(), weights_pb2.UploadDirectResponse
    with direct.connected("UploadDirect", request, response, timeout_s=timeout_s) as opened:
        for message in _together(small):
            send_message(opened, message, has_more=True)
        for digest, (tensor, offset) in chosen.items():
            if digest not in small:
                _send_blob(opened, digest, tensor, offset)
        send_message(opened, b"")


def _send_blob(opened: socket.socket, digest: str, tensor: TensorData, offset: int) -> None:
    header = blob_header(tensor.dtype, tensor.shape)
    head = weights_pb2.UploadRequest(digest=digest, size=len(header) + tensor.size, offset=offset)
    send_message(opened, head.SerializeToString(), then=header[offset:], has_more=True)
    data = memoryview(tensor.data).cast("B") if tensor.size else memoryview(b"")
    send(opened, data[max(0, offset - len(header)) :])


def blob_size(tensor: TensorData) -> int:
    """Return the bytes of the blob of a tensor, its header among them."""
    return len(blob_header(tensor.dtype, tensor.shape)) + tensor.size


def _pieces(
    chosen: Mapping[str, tuple[TensorData, int]], offer: Offer | None, *, is_small_together: bool
) -> Iterator[bytes]:
    small = _small_ones(chosen) if is_small_together else {}
    yield from _together(small)
    laid = {}
    if offer is not None:
        laid = {digest: one for digest, (one, offset) in chosen.items() if not offset and one.size > SMALL}
        yield from _laid_down(offer, laid)
    for digest, (tensor, offset) in chosen.items():
        if digest not in small and digest not in laid:
            yield from _pieces_of(digest, blob_header(tensor.dtype, tensor.shape), tensor, offset)


def _laid_down(offer: Offer, blobs: Mapping[str, TensorData]) -> Iterator[bytes]:
    """Lay blobs down, and say so of a few at a time: the server copies them while the next ones are written."""
    message, size = weights_pb2.UploadRequest(offer=offer.name), 0
    for digest, tensor in blobs.items():
        offer.lay_down(digest, (blob_header(tensor.dtype, tensor.shape), tensor.data))
        message.offered.add(digest=digest, size=blob_size(tensor))
        size += tensor.size
        if size >= _OFFERED_TOGETHER or len(message.offered) == _MOST_OFFERED:
            yield message.SerializeToString()
            message, size = weights_pb2.UploadRequest(offer=offer.name), 0
    if message.offered:
        yield message.SerializeToString()


def _small_ones(chosen: Mapping[str, tuple[TensorData, int]]) -> dict[str, TensorData]:
    """Return as many small tensors as a server keeps in memory without losing the first ones."""
    found: dict[str, TensorData] = {}
    room = _SMALL_TOGETHER
    for digest, (tensor, _) in chosen.items():
        if tensor.size <= SMALL and room > 0:
            found[digest] = tensor
            room -= blob_size(tensor)
    return found


def _together(small: Mapping[str, TensorData]) -> Iterator[bytes]:
    batch: list[tuple[str, bytes, Data]] = []
    size = 0
    for digest, tensor in small.items():
        header = blob_header(tensor.dtype, tensor.shape)
        batch.append((digest, header, tensor.data))
        size += len(header) + tensor.size
        if size >= PIECE:
            yield framed_small(batch, kind=weights_pb2.UploadRequest)
            batch, size = [], 0
    if batch:
        yield framed_small(batch, kind=weights_pb2.UploadRequest)


def _pieces_of(digest: str, header: bytes, tensor: TensorData, offset: int) -> Iterator[bytes]:
    size = len(header) + tensor.size
    data = memoryview(tensor.data).cast("B") if tensor.size else memoryview(b"")
    for begin in range(offset, max(size, offset + 1), PIECE):
        end = min(begin + PIECE, size)
        part = data[max(0, begin - len(header)) : max(0, end - len(header))]
        yield framed(digest, size, begin, header[begin:] + bytes(part) if begin < len(header) else part)
