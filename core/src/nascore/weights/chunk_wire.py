"""Pieces of blobs as ``nascore.v1.UploadRequest`` and ``DownloadResponse``, which are alike; each with its checksum.

Data are framed by hand (`nascore.weights.live.wire`), and the bytes are those of protobuf. Not here: streams, and what
becomes of the pieces.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from nascore.errors import DataLossError, InvalidInputError
from nascore.v1 import weights_pb2
from nascore.weights.live.wire import checksum, varint
from nascore.weights.live.wire import framed as framed_message
from nascore.weights.live.wire import unframed as unframed_message
from nascore.weights.manifest import is_digest
from nascore.weights.safetensors import MAX_BLOB_HEADER
from nascore.weights.tensor import Data, size_of

MAX_CHUNK = 2 * 2**20
"""Bytes of the largest piece."""
MAX_OFFERED = 64
"""Blobs of the largest offer in one message."""
SMALL = 64 * 2**10
"""Bytes of the largest tensor that travels with others in one message."""
MAX_SMALL = SMALL + MAX_BLOB_HEADER

_DATA = weights_pb2.UploadRequest.DATA_FIELD_NUMBER
_BYTES = 2
_DIGEST_TAG = varint(weights_pb2.SmallBlob.DIGEST_FIELD_NUMBER << 3 | _BYTES)
_CONTENT_TAG = varint(weights_pb2.SmallBlob.CONTENT_FIELD_NUMBER << 3 | _BYTES)


Small = weights_pb2.UploadRequest | weights_pb2.DownloadResponse


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a blob whose checksum was right.

    Attributes:
        digest: The blob's.
        size: Bytes of the whole blob; 0 if it was told with an earlier piece.
        offset: Where these begin.
        data: The bytes.
        offer: Instead of them, where they lie on the same machine; there also those in ``offered``, by digest, instead.
        small: Instead of all else, whole blobs by digest; not proven yet.
    """

    digest: str
    size: int
    offset: int
    data: memoryview
    offer: str = ""
    small: tuple[tuple[str, bytes], ...] = ()
    offered: tuple[tuple[str, int], ...] = ()


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
    head, data = _unframed(kind, raw)
    if head.small:
        _check_alone(head, "small")
        return _small(head.small)
    if isinstance(head, weights_pb2.UploadRequest) and head.offered:
        _check_alone(head, "offered")
        return _offered(head)
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


def framed_small(blobs: Iterable[tuple[str, *tuple[Data, ...]]], *, kind: type[Small]) -> bytes:
    """Return a message of small blobs, given as digest and the parts of the content, which are copied once."""
    tag = _small_tag(kind)
    parts: list[Data] = []
    for digest, *content in blobs:
        size = sum(map(size_of, content))
        head = b"".join((_DIGEST_TAG, varint(len(digest)), digest.encode(), _CONTENT_TAG, varint(size)))
        parts += (tag, varint(len(head) + size), head, *content)
    return b"".join(parts)


def _unframed(kind: type[Small], raw: bytes) -> tuple[Small, memoryview]:
    if raw.startswith(_small_tag(kind)):  # It has no data to be cut out, and many fields to look at.
        with suppress(DecodeError):
            return kind.FromString(raw), memoryview(b"")
    return unframed_message(kind, raw, field=_DATA)


def _small_tag(kind: type[Small]) -> bytes:
    return varint(kind.SMALL_FIELD_NUMBER << 3 | _BYTES)


def _check_alone(head: Small, field: str) -> None:
    """Refuse a message that has a piece as well: it was one, and a bit of it has changed on the way."""
    if head.digest or head.size or head.offset or head.crc32c:
        raise InvalidInputError(f"{field}: whole blobs come without the fields of a piece.", hint="Send them apart.")


def _offered(head: weights_pb2.UploadRequest) -> Chunk:
    if len(head.offered) > MAX_OFFERED:
        raise InvalidInputError(
            f"offered: {len(head.offered):,} blobs in one message; at most {MAX_OFFERED} are taken."
        )
    found = tuple((blob.digest, blob.size) for blob in head.offered)
    if wrong := next((digest for digest, _ in found if not is_digest(digest)), None):
        raise InvalidInputError(f"offered: {wrong!r:.80} is no digest; those have 64 hexadecimal digits.")
    return Chunk("", 0, 0, memoryview(b""), head.offer, offered=found)


def _small(messages: Sequence[weights_pb2.SmallBlob]) -> Chunk:
    size = sum(len(message.content) for message in messages)
    if size > MAX_CHUNK:
        raise InvalidInputError(f"small: {size:,} bytes in one message; at most {MAX_CHUNK:,} are taken.")
    return Chunk("", 0, 0, memoryview(b""), small=tuple((message.digest, message.content) for message in messages))
