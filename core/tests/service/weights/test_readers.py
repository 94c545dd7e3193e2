"""Many readers who hardly read hold little of a server's memory, and others get their bytes all the same."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import grpc
import psutil
import pytest
from nascore.client import Client
from nascore.client.weights import Weights
from nascore.testing.proxy import Direction, ProxyThread
from nascore.v1 import weights_pb2
from nascore.weights import DirectoryStore, TensorData
from nascore.weights.direct_wire import receive

TOKEN = "a-token-of-the-tests"
SERVER = """
import asyncio, sys
from nascore.service.weight_server import serve_weights
from nascore.weights import DirectoryStore

async def main(folder, token):
    async with serve_weights(DirectoryStore(folder), address="127.0.0.1:0", token=token) as server:
        sys.stdout.write(server.address + "\\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main(*sys.argv[1:]))
"""


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    words = [sys.executable, "-c", SERVER, str(folder), TOKEN]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip(), psutil.Process(process.pid)
        finally:
            process.stdin.close()


def slow_readers(proxy: ProxyThread, checkpoint: str, count: int, opened: ExitStack) -> None:
    """Begin downloads through connections that pass 1 kB/s; each has read its first piece, or waits for it."""
    before = proxy.accepted
    for _ in range(count):
        channel = opened.enter_context(grpc.insecure_channel(proxy.address, [("grpc.use_local_subchannel_pool", 1)]))
        call = channel.unary_stream("/nascore.v1.WeightService/Download")
        call(
            weights_pb2.DownloadRequest(checkpoint=checkpoint).SerializeToString(),
            metadata=[("authorization", f"Bearer {TOKEN}")],
        )
    deadline = time.monotonic() + 60
    while proxy.accepted < before + count:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def direct_readers(address: str, checkpoint: str, count: int, opened: ExitStack) -> None:
    """Begin downloads over direct connections of which nobody takes more than the first bytes."""
    channel = opened.enter_context(grpc.insecure_channel(address))
    download = weights_pb2.DownloadRequest(checkpoint=checkpoint)
    call = channel.unary_stream("/nascore.v1.WeightService/DownloadDirect")
    for _ in range(count):
        answers = call(
            weights_pb2.DownloadDirectRequest(download=download).SerializeToString(),
            metadata=[("authorization", f"Bearer {TOKEN}")],
        )
        opened.callback(answers.cancel)
        told = weights_pb2.DownloadDirectResponse.FromString(next(answers))
        reader = opened.enter_context(socket.create_connection(("127.0.0.1", told.port), timeout=60))
        reader.sendall(told.ticket)
        assert receive(reader, 100).startswith(told.proof)


def measured(tmp_path: Path, *, readers: int, size: int, is_direct: bool = False) -> tuple[int, int]:
    """Return by how many bytes the server has grown under slow readers, while somebody else read a checkpoint."""
    folder = tmp_path / "weights"
    tensors = {f"k{number}": TensorData("U8", (1 << 20,), os.urandom(1 << 20)) for number in range(size >> 20)}
    store = DirectoryStore(folder)
    known = store.put(tensors, trial=0)
    store.close()
    peak, is_over = [0], threading.Event()
    with served(folder) as (address, process), ProxyThread(address) as proxy:
        with Client(address, token=TOKEN, timeout_s=60) as client:
            weights = Weights.of(client, is_folder_shared=False)
            weights.get(known)
            before = process.memory_info().rss

            def watch() -> None:
                while not is_over.wait(0.02):
                    peak[0] = max(peak[0], process.memory_info().rss)

            watcher = threading.Thread(target=watch)
            watcher.start()
            with ExitStack() as opened:
                if is_direct:
                    direct_readers(address, known, readers, opened)
                else:
                    proxy.throttle(1000, directions=[Direction.TO_CLIENT])
                    slow_readers(proxy, known, readers, opened)
                for _ in range(3):
                    found = weights.get(known)
                    assert all(bytes(found[key].data) == tensor.data for key, tensor in tensors.items())
                is_over.set()
                watcher.join()
    return peak[0] - before, peak[0]


@pytest.mark.parametrize("is_direct", [False, True])
def test_few_slow_readers_hold_little(tmp_path: Path, is_direct: bool) -> None:
    grown, _ = measured(tmp_path, readers=8, size=32 << 20, is_direct=is_direct)
    assert grown < 64 << 20


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("is_direct", [False, True])
def test_sixty_four_readers_at_a_kilobyte_a_second_hold_little_of_a_gigabyte(tmp_path: Path, is_direct: bool) -> None:
    _, peak = measured(tmp_path, readers=64, size=1 << 30, is_direct=is_direct)
    assert peak < 256 << 20
