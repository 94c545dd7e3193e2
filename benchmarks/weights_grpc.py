"""Bytes over a bare stream of gRPC, as contenders of ``weights_peers.py``: the limits of what speaks it from Python.

``grpc`` only moves a message for each tensor, to memory that is there. ``grpc_kept`` promises what the store does, like
``tcp_kept`` in weights_sockets.py. Neither has tokens, checksums of pieces, an index, or anything that is resumed.
Messages are bytes as they are, on both sides, and the server has the same event loop as ours. Run as a program this is
the other end, which prints its port.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import grpc
import numpy
import psutil
from blake3 import blake3
from nascore.eventloop import loop_factory
from nascore.weights.piece_memory import keep_pieces
from weights_contender import Contender, fresh, started
from weights_store import arrays_of

_ACK = b"!"
_DIGEST = 32
_OPTIONS = [("grpc.max_receive_message_length", 4 << 20), ("grpc.max_send_message_length", 4 << 20)]


@contextmanager
def bare(name: str) -> Iterator[Contender]:
    """A stream to another process, which keeps what it was sent in memory that is there already."""
    arrays = arrays_of(name)
    target = memoryview(bytearray(sum(map(len, arrays))))
    with _peer("-") as (process, channel):

        def get() -> None:
            at = 0
            for message in channel.unary_stream("/w/get")(_ACK):
                target[at : at + len(message)] = message
                at += len(message)

        yield Contender(lambda: channel.stream_unary("/w/put")(map(bytes, arrays)), get, [process])


@contextmanager
def kept(name: str) -> Iterator[Contender]:
    """The same with the promises of the store: proven at both ends, kept in files, and given in fresh memory."""
    arrays = arrays_of(name)
    with fresh() as folder, _peer(str(folder)) as (process, channel):

        def put() -> None:
            digests = [blake3(array).digest() for array in arrays]
            messages = (b"".join(pair) for pair in zip(digests, arrays, strict=True))
            assert channel.stream_unary("/w/put")(messages) == _ACK

        def get() -> list[memoryview]:
            whole = memoryview(numpy.empty(sum(map(len, arrays)), numpy.uint8))
            found = []
            for message in channel.unary_stream("/w/get")(_ACK):
                data = memoryview(message)[_DIGEST:]
                assert blake3(data).digest() == message[:_DIGEST]
                tensor, whole = whole[: len(data)], whole[len(data) :]
                tensor[:] = data
                found.append(tensor)
            return found

        yield Contender(put, get, [process])


@contextmanager
def _peer(folder: str) -> Iterator[tuple[psutil.Process, grpc.Channel]]:
    keep_pieces()
    with ExitStack() as stack:
        process, port = stack.enter_context(started(sys.executable, __file__, folder, folder=Path.cwd()))
        channel = stack.enter_context(grpc.insecure_channel(f"127.0.0.1:{port}", _OPTIONS))
        yield psutil.Process(process.pid), channel


class InMemory:
    """Keeps messages in memory that is there already from the second time on."""

    def __init__(self) -> None:
        self._kept: list[bytearray] = []

    def keep(self, index: int, message: bytes) -> None:
        """Keep a message."""
        if index == len(self._kept):
            self._kept.append(bytearray(len(message)))
        self._kept[index][:] = message

    def messages(self) -> Iterator[bytes]:
        """Yield what was kept."""
        return map(bytes, self._kept)


class InFiles:
    """Keeps the tensors in messages in files that take their places when their bytes are proven."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._digests: dict[int, bytes] = {}

    def keep(self, index: int, message: bytes) -> None:
        """Keep the tensor in a message."""
        data, part = memoryview(message)[_DIGEST:], self._folder / f"{index}.part"
        part.write_bytes(data)
        self._digests[index] = blake3(data).digest()
        assert self._digests[index] == message[:_DIGEST]
        part.replace(self._folder / str(index))

    def messages(self) -> Iterator[bytes]:
        """Yield what was kept."""
        for index, digest in self._digests.items():
            yield b"".join((digest, (self._folder / str(index)).read_bytes()))


async def serve(keeper: InMemory | InFiles) -> None:
    """Serve until the process is ended; as ours, with what is slow in a thread."""

    async def put(pieces: Any, context: Any) -> None:
        index, work = 0, None
        while isinstance(message := await context.read(), bytes):
            if work is not None:
                await work
            work = _begun(keeper.keep, index, message)
            index += 1
        if work is not None:
            await work
        await context.write(_ACK)

    async def get(request: bytes, context: Any) -> None:
        for message in keeper.messages():
            await context.write(message)

    keep_pieces()
    server = grpc.aio.server(options=_OPTIONS)
    handlers = {
        "put": grpc.stream_stream_rpc_method_handler(put),
        "get": grpc.unary_stream_rpc_method_handler(get),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("w", handlers),))
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    await server.start()
    await server.wait_for_termination()


def _begun(work: Callable[..., None], *arguments: object) -> asyncio.Future[None]:
    return asyncio.get_running_loop().run_in_executor(None, work, *arguments)


def main() -> None:
    """Be the other end of a stream."""
    keeper = InMemory() if sys.argv[1] == "-" else InFiles(Path(sys.argv[1]))
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(serve(keeper))


if __name__ == "__main__":
    main()
