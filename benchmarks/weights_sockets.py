"""Bytes over a loopback socket, as contenders of ``weights_peers.py``: the limits of whatever goes over a network.

``tcp`` only moves them, from memory that is there to memory that is there. ``tcp_kept`` promises what the store does:
both ends hash every byte with BLAKE3, what was put is in a file a tensor on tmpfs before it is acknowledged, and what
was got is in fresh memory. Run as a program this is the other end, which prints its port.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy
import psutil
from blake3 import blake3
from weights_contender import Contender, fresh, started
from weights_store import arrays_of

_ACK = b"!"
_PIECE = 1 << 20
_DIGEST = 32


@contextmanager
def tcp(name: str) -> Iterator[Contender]:
    """A socket to another process, which keeps what it was sent in a buffer that is there already."""
    arrays = arrays_of(name)
    size = sum(map(len, arrays))
    target = memoryview(bytearray(size))
    with _peer("plain", str(size)) as (process, peer):

        def put() -> None:
            peer.sendall(b"P")
            for array in arrays:
                peer.sendall(array)
            assert peer.recv(1) == _ACK

        def get() -> None:
            peer.sendall(b"G")
            _receive(peer, target)

        yield Contender(put, get, [process])


@contextmanager
def tcp_kept(name: str) -> Iterator[Contender]:
    """The same with the promises of the store: proven at both ends, kept in files, and given in fresh memory."""
    arrays = arrays_of(name)
    sizes = [len(array) for array in arrays]
    with fresh() as folder, _peer("kept", str(folder), ",".join(map(str, sizes))) as (process, peer):

        def put() -> None:
            digests = [blake3(array).digest() for array in arrays]
            peer.sendall(b"P")
            for array, digest in zip(arrays, digests, strict=True):
                peer.sendall(digest)
                peer.sendall(array)
            assert peer.recv(1) == _ACK

        def get() -> list[memoryview]:
            peer.sendall(b"G")
            whole = memoryview(numpy.empty(sum(sizes), numpy.uint8))
            found = []
            for size in sizes:
                digest, tensor, whole = _received(peer, _DIGEST), whole[:size], whole[size:]
                _receive(peer, tensor)
                assert blake3(tensor).digest() == digest
                found.append(tensor)
            return found

        yield Contender(put, get, [process])


@contextmanager
def _peer(*words: str) -> Iterator[tuple[psutil.Process, socket.socket]]:
    with ExitStack() as stack:
        process, port = stack.enter_context(started(sys.executable, __file__, *words, folder=Path.cwd()))
        peer = stack.enter_context(socket.create_connection(("127.0.0.1", int(port))))
        yield psutil.Process(process.pid), peer


def _received(peer: socket.socket, size: int) -> bytes:
    content = bytearray(size)
    _receive(peer, memoryview(content))
    return bytes(content)


def _receive(peer: socket.socket, target: memoryview) -> None:
    while target:
        target = target[peer.recv_into(target[:_PIECE]) :]


def serve_plain(peer: socket.socket, size: int) -> None:
    """Answer one caller of `tcp`."""
    kept = memoryview(bytearray(size))
    while word := peer.recv(1):
        if word == b"P":
            _receive(peer, kept)
            peer.sendall(_ACK)
        else:
            peer.sendall(kept)


def serve_kept(peer: socket.socket, folder: Path, sizes: list[int]) -> None:
    """Answer one caller of `tcp_kept`."""
    buffer = memoryview(bytearray(_PIECE))
    digests: list[bytes] = []
    while word := peer.recv(1):
        if word == b"P":
            digests = [_kept(peer, folder / str(index), size, buffer) for index, size in enumerate(sizes)]
            peer.sendall(_ACK)
            continue
        for index, digest in enumerate(digests):
            peer.sendall(digest)
            with (folder / str(index)).open("rb", buffering=0) as file:
                while count := file.readinto(buffer):
                    peer.sendall(buffer[:count])


def _kept(peer: socket.socket, place: Path, size: int, buffer: memoryview) -> bytes:
    """Keep one tensor in a file that takes its place when its bytes are proven."""
    digest, hasher, part = _received(peer, _DIGEST), blake3(), place.with_suffix(".part")
    with part.open("wb", buffering=0) as file:
        while size:
            piece = buffer[: peer.recv_into(buffer[: min(size, _PIECE)])]
            hasher.update(piece)
            file.write(piece)
            size -= len(piece)
    assert hasher.digest() == digest
    part.replace(place)
    return digest


def main() -> None:
    """Be the other end of a socket."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        peer, _ = server.accept()
        match sys.argv[1:]:
            case ["plain", size]:
                serve_plain(peer, int(size))
            case ["kept", folder, sizes]:
                serve_kept(peer, Path(folder), [int(size) for size in sizes.split(",")])


if __name__ == "__main__":
    main()
