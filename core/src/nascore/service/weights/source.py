"""Downloads: the blobs of a checkpoint as pieces, small at first and larger for who takes them quickly.

A piece that was handed to gRPC is held until its reader takes it, so who reads slowly gets small ones: many slow
readers together hold little. Not here: the wire form of a piece (``nascore.weights.chunk_wire``).
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Collection, Sequence
from itertools import islice

from nascore.errors import NotFoundError
from nascore.service.weights.threads import Threads
from nascore.v1 import weights_pb2
from nascore.weights import BlobReader, Entry, WeightStore, blob_header
from nascore.weights.chunk_wire import SMALL, framed, framed_small
from nascore.weights.indexed import IndexedStore
from nascore.weights.safetensors import MAX_BLOB_HEADER

FIRST_PIECE = 64 << 10
LARGEST_PIECE = 2 << 20
MOST_TOGETHER = 1 << 20
_QUICK_S = 0.05
_SLOW_S = 0.5


class SmallSource:
    """Reads small tensors of a checkpoint, many at a time: they lie together in packs."""

    def __init__(self, store: IndexedStore, checkpoint: str) -> None:
        self._store = store
        self._checkpoint = checkpoint

    def message(self, entries: Sequence[Entry]) -> bytes:
        """Return the message of the blobs of some tensors."""
        found = self._store.get_entries(self._checkpoint, entries)
        blobs = ((entry.digest, blob_header(entry.dtype, entry.shape), found[entry.key].data) for entry in entries)
        return framed_small(blobs, kind=weights_pb2.DownloadResponse)


class Source:
    """One stream of pieces. Its methods are called from threads, one at a time.

    Args:
        store: Whose blobs.
        entries: Which, in order, each once.
        small: Reads small ones, if they may come together; they are the first then.
        offset: How many bytes of the first one are not wanted.
    """

    def __init__(
        self, store: WeightStore, entries: Sequence[Entry], *, small: SmallSource | None = None, offset: int = 0
    ) -> None:
        self._store = store
        self._entries = entries
        self._small = small
        self._next = 0
        self._offset = offset
        self._reader: BlobReader | None = None
        self._buffer = bytearray()
        self._is_closed = False
        self._guard = threading.Lock()  # Held while something is done: who leaves must not close a file at work.

    def pieces(self, size: int) -> list[bytes]:
        """Return the next messages, of about ``size`` bytes together; none at the end.

        Raises:
            NotFoundError: A blob was removed meanwhile.
            DataLossError: The file of a blob is shorter than it was.
        """
        with self._guard:
            if self._is_closed:
                return []
            if self._small is not None and (together := self._together(size)):
                self._next += len(together)
                self._offset = 0
                return [self._small.message(together)]
            return self._large(size)

    def close(self) -> None:
        """Let the open file go."""
        with self._guard:
            self._is_closed = True
            self._leave()

    def _together(self, size: int) -> list[Entry]:
        return small_ones(self._entries, self._next, size=min(size, MOST_TOGETHER))

    def _large(self, size: int) -> list[bytes]:
        found: list[bytes] = []
        while size > 0 and (reader := self._opened()) is not None:
            left = reader.size - self._offset
            if found and left > size:
                break  # It begins the next ones: what is cut costs a message more.
            data = self._room(min(size, left))
            reader.read_into(self._offset, data)
            found.append(framed(reader.digest, reader.size, self._offset, data))
            self._offset += len(data)
            size -= len(data)
            if self._offset >= reader.size:
                self._leave()
        return found

    def _room(self, size: int) -> memoryview:
        if len(self._buffer) < size:
            self._buffer = bytearray(size)
        return memoryview(self._buffer)[:size]

    def _opened(self) -> BlobReader | None:
        while self._reader is None and self._next < len(self._entries):
            self._reader = self._store.open_blob(self._entries[self._next].digest)
            self._next += 1
            if self._offset >= self._reader.size:  # Whoever broke off had all of it.
                self._leave()
        return self._reader

    def _leave(self) -> None:
        if self._reader is not None:
            self._offset = 0
            self._reader.close()
            self._reader = None


def small_ones(entries: Sequence[Entry], begin: int, *, size: int = MOST_TOGETHER) -> list[Entry]:
    """Return the small tensors from the ``begin``-th on, of about ``size`` bytes together."""
    found: list[Entry] = []
    for entry in islice(entries, begin, None):
        if entry.size > SMALL or size <= 0:
            break
        found.append(entry)
        size -= entry.size + MAX_BLOB_HEADER
    return found


async def flowing(source: Source, *, threads: Threads) -> AsyncGenerator[bytes, None]:
    """Yield messages; the next few are read while these are on their way.

    Raises:
        NotFoundError: A blob was removed meanwhile.
        DataLossError: The file of a blob is shorter than it was.
    """
    size = FIRST_PIECE
    ahead: asyncio.Future[list[bytes]] | None = threads.begin(source.pieces, size)
    try:
        while ahead is not None and (pieces := await ahead):
            ahead = threads.begin(source.pieces, size)
            begun = time.monotonic()
            while pieces:
                yield pieces.pop(0)
            size = next_size(size, taken_s=time.monotonic() - begun)
        ahead = None
    finally:
        if ahead is not None:
            ahead.add_done_callback(lambda done: done.cancelled() or done.exception())
        threads.leave(source.close)


def next_size(size: int, *, taken_s: float) -> int:
    """Return how much to send next to a reader who took so long for ``size`` bytes."""
    if taken_s < _QUICK_S:
        return min(size * 2, LARGEST_PIECE)
    return max(size // 2, FIRST_PIECE) if taken_s > _SLOW_S else size


def chosen_entries(entries: Sequence[Entry], request: weights_pb2.DownloadRequest) -> list[Entry]:
    """Return the tensors that are asked for, of equal ones the first, in the order in which their blobs are sent.

    Raises:
        NotFoundError: There is no tensor of a key, or the one to go on with is not among them.
    """
    keys = set(request.keys)
    _check_keys(keys, entries)
    known = set(request.known_digests)
    by_digest: dict[str, Entry] = {}
    for entry in entries:
        if entry.digest not in known and _is_wanted(entry.key, keys, request.prefix):
            by_digest.setdefault(entry.digest, entry)
    if request.takes_small:
        by_digest = {entry.digest: entry for entry in sorted(by_digest.values(), key=lambda one: one.size > SMALL)}
    if request.resume_digest and request.resume_digest not in by_digest:
        raise NotFoundError(f"resume_digest: {request.resume_digest!r:.80} is none of the blobs asked for.")
    begin = list(by_digest).index(request.resume_digest) if request.resume_digest else 0
    return list(by_digest.values())[begin:]


def _is_wanted(key: str, keys: Collection[str], prefix: str) -> bool:
    if not keys and not prefix:
        return True
    return key in keys or bool(prefix and key.startswith(prefix))


def _check_keys(keys: Collection[str], entries: Sequence[Entry]) -> None:
    if missing := sorted(set(keys) - {entry.key for entry in entries}):
        raise NotFoundError(f"The checkpoint has no tensor {missing[0]!r:.200} ({len(missing)} missing).")
