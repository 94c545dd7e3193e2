"""Pieces of blobs as ``nascore.v1.UploadRequest`` and ``DownloadResponse``, which are alike; each with its checksum.

Data are framed by hand (`nascore.weights.live.wire`), and the bytes are those of protobuf. Not here: streams, and what
becomes of the pieces.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nascore.errors import DataLossError, InvalidInputError
from nascore.v1 import weights_pb2
from nascore.weights.live.wire import checksum
from nascore.weights.live.wire import framed as framed_message
from nascore.weights.live.wire import unframed as unframed_message
from nascore.weights.manifest import is_digest
from nascore.weights.safetensors import MAX_BLOB_HEADER
from nascore.weights.tensor import Data

MAX_CHUNK = 2 * 2**20
"""Bytes of the largest piece."""
SMALL = 64 * 2**10
"""Bytes of the largest tensor that travels with others in one message."""
MAX_SMALL = SMALL + MAX_BLOB_HEADER

_DATA = weights_pb2.UploadRequest.DATA_FIELD_NUMBER


Small = weights_pb2.UploadRequest | weights_pb2.DownloadResponse


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a blob whose checksum was right.

    Attributes:
        digest: The blob's.
        size: Bytes of the whole blob; 0 if it was told with an earlier piece.
        offset: Where these begin.
        data: The bytes.
        offer: Instead of them, where they lie on the same machine.
        small: Instead of all else, whole blobs by digest; not proven yet.
    """

    digest: str
    size: int
    offset: int
    data: memoryview
    offer: str = ""
    small: tuple[tuple[str, bytes], ...] = ()


def framed(digest: str, size: int, offset: int, data: Data) -> bytes:
    """Return the message of a piece."""
    head = weights_pb2.UploadRequest(digest=digest, size=size, offset=offset, crc32c=checksum(data))
    return framed_message(head, _DATA, data)


def read_chunk(raw: bytes, *, kind: type[Small] = weights_pb2.UploadRequest) -> Chunk:
    """Return the piece in a message of a kind.

    Raises:
        InvalidInputError: It is no piece of a blob, or too large.
        DataLossError: Its bytes are not those that were sent.
    """
    head, data = unframed_message(kind, raw, field=_DATA)
    if head.small:
        return _small(head.small)
    if not is_digest(head.digest):
        raise InvalidInputError(f"digest: {head.digest!r:.80} is none; those have 64 hexadecimal digits.")
    if len(data) > MAX_CHUNK:
        raise InvalidInputError(f"data: {len(data):,} bytes in one piece; at most {MAX_CHUNK:,} are taken.")
    if checksum(data) != head.crc32c:
        raise DataLossError(
            f"Blob {head.digest}: the {len(data):,} bytes from {head.offset:,} on were changed on the way.",
            hint="Send them again.",
        )
    offer = head.offer if isinstance(head, weights_pb2.UploadRequest) else ""
    return Chunk(head.digest, head.size, head.offset, data, offer)


def framed_small(blobs: Iterable[tuple[str, bytes]], *, kind: type[Small]) -> bytes:
    """Return a message of small blobs, given as digest and content."""
    rows = [weights_pb2.SmallBlob(digest=digest, content=content) for digest, content in blobs]
    return kind(small=rows).SerializeToString()


def _small(messages: Sequence[weights_pb2.SmallBlob]) -> Chunk:
    size = sum(len(message.content) for message in messages)
    if size > MAX_CHUNK:
        raise InvalidInputError(f"small: {size:,} bytes in one message; at most {MAX_CHUNK:,} are taken.")
    return Chunk("", 0, 0, memoryview(b""), small=tuple((message.digest, message.content) for message in messages))
