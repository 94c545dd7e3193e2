"""Uploads: pieces of blobs as they come, written one blob after the other while the next pieces arrive.

Not here: how a store keeps them, and the wire form of a piece (``nascore.weights.chunk_wire``).
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path

from nascore.errors import InvalidInputError, NascoreError, StateError
from nascore.service.weights.callers_store import CallersStore
from nascore.service.weights.small_blobs import SmallBlobs
from nascore.service.weights.threads import Threads
from nascore.weights import BlobWriter
from nascore.weights.chunk_wire import Chunk, read_chunk

OFFERS = "offers"
"""Folder, in that of a store, in which callers on the same machine lay down blobs, each in a folder of its own."""

_BATCH = 2 << 20
"""Bytes of pieces that are handed over together: each alone would cost more than to write it."""
_OFFER = 1 << 10
"""Shorter messages are offers, which stand for a whole file and wait for no others."""
_is_offer = re.compile(r"[0-9a-f]{32}").fullmatch


class Sink:
    """One stream of pieces. Its methods are called from threads, one at a time.

    Attributes:
        blobs: How many are complete and proven.
        bytes: How many were taken.
    """

    def __init__(self, store: CallersStore, small: SmallBlobs) -> None:
        self._store = store
        self._small = small
        self._writer: BlobWriter | None = None
        self._is_closed = False
        self._guard = threading.Lock()  # Held while something is done: who leaves must not close a file at work.
        self.blobs = 0
        self.bytes = 0

    def take(self, batch: list[bytes]) -> None:
        """Write pieces.

        Raises:
            NascoreError: One of them cannot be written; those before it are.
        """
        for raw in batch:
            self.put(read_chunk(raw))

    def put(self, chunk: Chunk) -> None:
        """Write a piece.

        Raises:
            NascoreError: It cannot be written.
        """
        with self._guard:
            if self._is_closed:
                return
            if chunk.small:
                self._keep(chunk)
            elif chunk.offer or chunk.offered:
                self._adopt(chunk.offer, chunk.offered or ((chunk.digest, chunk.size),))
            else:
                self._write(chunk)

    def close(self) -> None:
        """Leave an incomplete blob for who goes on with it."""
        with self._guard:
            self._is_closed = True
            self._leave()

    def _keep(self, chunk: Chunk) -> None:
        for digest, content in chunk.small:
            self._small.take(digest, content)
            self._store.prove(digest)
            self.blobs += 1
            self.bytes += len(content)

    def _write(self, chunk: Chunk) -> None:
        writer = self._writer_of(chunk)
        if chunk.size not in {0, writer.size}:
            raise InvalidInputError(f"Blob {chunk.digest}: its size was {writer.size}, and is {chunk.size} now.")
        if chunk.data and writer.offset < writer.size:
            writer.write(chunk.offset, chunk.data)
        self.bytes += len(chunk.data)
        if writer.offset == writer.size:
            self._writer = None
            with writer:
                writer.finish()
            self.blobs += 1

    def _writer_of(self, chunk: Chunk) -> BlobWriter:
        if self._writer is not None and self._writer.digest == chunk.digest:
            return self._writer
        self._leave()
        if not chunk.size:
            raise InvalidInputError(f"Blob {chunk.digest}: its first piece in a stream must tell the blob's size.")
        self._writer = self._store.upload(chunk.digest, chunk.size)
        return self._writer

    def _adopt(self, offer: str, blobs: Iterable[tuple[str, int]]) -> None:
        self._leave()
        if self._store.folder is None:
            raise StateError("This store is in no folder, so nothing can be offered to it in one.", hint="Send bytes.")
        if not _is_offer(offer):
            raise InvalidInputError(f"offer: {offer!r:.80} is no folder; those have 32 hexadecimal digits.")
        for digest, size in blobs:
            self._store.adopt(Path(self._store.folder, OFFERS, offer, digest), digest)
            self.blobs += 1
            self.bytes += size

    def _leave(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


async def poured(pieces: AsyncIterator[bytes], sink: Sink, *, threads: Threads) -> None:
    """Write pieces as they come: some are written while the next ones arrive, so two batches are held at most.

    Raises:
        NascoreError: One of them cannot be written.
    """
    work: asyncio.Future[None] | None = None
    batch: list[bytes] = []
    try:
        async for raw in pieces:
            batch.append(raw)
            is_full = sum(map(len, batch)) >= _BATCH
            is_idle = work is None or work.done()
            if is_full or (is_idle and len(raw) < _OFFER):
                if work is not None:
                    await work
                work, batch = threads.begin(sink.take, batch), []
        if work is not None:
            await work
        work, batch = threads.begin(sink.take, batch), []
        await work
        await threads.begin(sink.close)
    except NascoreError:
        await threads.begin(sink.close)  # Whoever is answered finds the upload free to go on with.
        raise
    finally:
        if work is not None and not work.done():
            work.add_done_callback(_heard)
        threads.leave(partial(_left, sink, batch))


def _left(sink: Sink, batch: list[bytes]) -> None:
    """Keep what had come before the caller left; of an upload that has ended there is nothing to keep."""
    with suppress(NascoreError):
        sink.take(batch)
    sink.close()


def _heard(work: asyncio.Future[None]) -> None:
    """The caller has left, so nobody else hears of an error."""
    if not work.cancelled():
        work.exception()
