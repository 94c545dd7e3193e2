"""What goes over a direct connection to a store and from it; the work of one thread, or two where bytes are hashed.

Not here: who may connect (``direct_port``), and the wire form (``nascore.weights.direct_wire``).
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import cycle

from nascore.errors import DataLossError
from nascore.service.weights.sink import Sink
from nascore.service.weights.source import SmallSource, small_ones
from nascore.v1 import weights_pb2
from nascore.weights import BlobReader, Entry
from nascore.weights.chunk_wire import Chunk, read_chunk
from nascore.weights.direct_wire import (
    PIECE,
    Follower,
    break_off,
    receive_into,
    receive_message,
    send,
    send_file,
    send_message,
)
from nascore.weights.indexed import IndexedStore
from nascore.weights.reading import LocalBlobReader

_BUFFER = 256 << 10
_WAITING = 3
"""Pieces that wait to be written; beside them an upload holds the one that is written and the one that comes."""


class DirectReceiver:
    """Takes blobs from a connection; the bytes are written by a second thread while the next ones come.

    Args:
        sink: Where they go.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        # One is filled while one is written and so many wait.
        self._buffers = cycle([bytearray() for _ in range(_WAITING + 2)])

    def receive(self, connection: socket.socket) -> None:
        """Take all that comes.

        Raises:
            NascoreError: Something cannot be taken; what came before is.
            ConnectionError: The connection broke; what came is kept for who goes on.
        """
        try:
            with Follower(
                "nascore-direct-sink", waiting=_WAITING, on_failure=partial(break_off, connection)
            ) as follower:
                while raw := receive_message(connection):
                    chunk = read_chunk(raw)
                    if chunk.small or chunk.offer or chunk.size <= chunk.offset:
                        follower.give(partial(self._sink.put, chunk))
                    else:
                        self._receive_blob(connection, chunk, follower)
        finally:
            self._sink.close()

    def _receive_blob(self, connection: socket.socket, chunk: Chunk, follower: Follower) -> None:
        for begin in range(chunk.offset, chunk.size, PIECE):
            data = self._room(min(PIECE, chunk.size - begin))
            receive_into(connection, data)
            follower.give(partial(self._sink.put, replace(chunk, offset=begin, data=data)))

    def _room(self, size: int) -> memoryview:
        buffer = next(self._buffers)
        if len(buffer) < size:
            buffer.extend(bytes(PIECE - len(buffer)))
        return memoryview(buffer)[:size]


class DirectSender:
    """Sends blobs over a connection, those in files without copying them.

    Args:
        store: Whose blobs.
        entries: Which, in order, each once; small ones first.
        small: Reads these.
        offset: How many bytes of the first one are not wanted, if it is not small.

    Attributes:
        bytes: How many were sent.
    """

    def __init__(self, store: IndexedStore, entries: Sequence[Entry], *, small: SmallSource, offset: int = 0) -> None:
        self._store = store
        self._entries = entries
        self._small = small
        self._offset = offset
        self.bytes = 0

    def send(self, connection: socket.socket) -> None:
        """Send all.

        Raises:
            NotFoundError: A blob was removed meanwhile.
            DataLossError: The file of a blob is shorter than it was.
            ConnectionError: The connection broke.
        """
        done = 0
        while together := small_ones(self._entries, done):
            message = self._small.message(together)
            send_message(connection, message, has_more=True)
            self.bytes += len(message)
            done, self._offset = done + len(together), 0
        for reader in self._store.open_blobs([entry.digest for entry in self._entries[done:]]):
            with reader:
                self._send_blob(connection, reader)
            self._offset = 0
        send_message(connection, b"")

    def _send_blob(self, connection: socket.socket, reader: BlobReader) -> None:
        size, offset = reader.size, self._offset
        if offset >= size:  # Whoever broke off had all of it.
            return
        head = weights_pb2.DownloadResponse(digest=reader.digest, size=size, offset=offset)
        if not isinstance(reader, LocalBlobReader) or isinstance(connection, ssl.SSLSocket):
            send_message(connection, head.SerializeToString(), has_more=True)
            self._send_copied(connection, reader, offset)
            return
        begin = size - reader.place.length
        start = memoryview(bytearray(max(0, begin - offset)))
        reader.read_into(offset, start)
        send_message(connection, head.SerializeToString(), then=bytes(start), has_more=True)
        offset += len(start)
        self.bytes += len(start)
        sent = send_file(connection, reader.fileno(), reader.place.offset + offset - begin, size - offset)
        self.bytes += sent
        if sent < size - offset:
            raise DataLossError(f"{reader.place.file}: shorter than it was; blob {reader.digest} is lost.")

    def _send_copied(self, connection: socket.socket, reader: BlobReader, offset: int) -> None:
        buffer = memoryview(bytearray(min(_BUFFER, reader.size - offset)))
        while offset < reader.size:
            count = reader.read_into(offset, buffer[: reader.size - offset])
            send(connection, buffer[:count])
            offset += count
            self.bytes += count
