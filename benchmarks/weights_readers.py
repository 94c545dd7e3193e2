"""What readers at a kilobyte a second cost the others: get of a checkpoint with and without 64 of them, in turn.

Run as ``python benchmarks/weights_readers.py [--readers 64] [--large 1000] [--rounds 7]``. The slow ones download a
large checkpoint through a proxy that passes a kilobyte a second to each, half of them over gRPC and half over direct
connections; meanwhile somebody else gets one of 100 MB
straight from the server, with every byte proven. The goal is at most twice the time, and a server whose memory does not
grow with the number of bytes that wait.
"""

from __future__ import annotations

import argparse
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import grpc
import psutil
from nascore.client import Client
from nascore.client.weights import Weights
from nascore.testing.proxy import Direction, ProxyThread
from nascore.v1 import weights_pb2
from nascore.weights import DirectoryStore
from weights_wire import SHAPES, TOKEN, fresh, served

_BYTES_A_SECOND = 1000
_MEGABYTE = 250_000
"""Elements of F32."""


_METADATA = [("authorization", f"Bearer {TOKEN}")]


@contextmanager
def slow_readers(address: str, checkpoint: str, count: int) -> Iterator[None]:
    """Let so many readers download a checkpoint, each through a connection of its own that hardly moves."""
    download = weights_pb2.DownloadRequest(checkpoint=checkpoint)
    with ExitStack() as opened:
        _over_grpc(address, download, count - count // 2, opened)
        _directly(address, download, count // 2, opened)
        time.sleep(1.0)  # What the server sends ahead is on its way.
        yield


def _over_grpc(address: str, download: weights_pb2.DownloadRequest, count: int, opened: ExitStack) -> None:
    proxy = opened.enter_context(ProxyThread(address))
    proxy.throttle(_BYTES_A_SECOND, directions=[Direction.TO_CLIENT])
    for _ in range(count):
        channel = opened.enter_context(grpc.insecure_channel(proxy.address, [("grpc.use_local_subchannel_pool", 1)]))
        call = channel.unary_stream("/nascore.v1.WeightService/Download")
        call(download.SerializeToString(), metadata=_METADATA)
    deadline = time.monotonic() + 60
    while proxy.accepted < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{proxy.accepted} of {count} readers have come.")
        time.sleep(0.01)


def _directly(address: str, download: weights_pb2.DownloadRequest, count: int, opened: ExitStack) -> None:
    channel = opened.enter_context(grpc.insecure_channel(address))
    call = channel.unary_stream("/nascore.v1.WeightService/DownloadDirect")
    request = weights_pb2.DownloadDirectRequest(download=download).SerializeToString()
    proxy: ProxyThread | None = None
    for _ in range(count):
        answers = call(request, metadata=_METADATA)
        opened.callback(answers.cancel)
        told = weights_pb2.DownloadDirectResponse.FromString(next(answers))
        if proxy is None:
            proxy = opened.enter_context(ProxyThread(f"127.0.0.1:{told.port}"))
            proxy.throttle(_BYTES_A_SECOND, directions=[Direction.TO_CLIENT])
        port = int(proxy.address.rpartition(":")[2])
        reader = opened.enter_context(socket.create_connection(("127.0.0.1", port)))
        reader.sendall(told.ticket)


class Memory:
    """The largest resident memory of a process while this is open, in bytes."""

    def __init__(self, process: psutil.Process) -> None:
        self.peak = 0
        self._process = process
        self._is_over = threading.Event()
        self._watcher = threading.Thread(target=self._watch)

    def __enter__(self) -> Memory:
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._watcher.join()

    def _watch(self) -> None:
        while not self._is_over.wait(0.02):
            self.peak = max(self.peak, self._process.memory_info().rss)


def seconds(weights: Weights, checkpoint: str) -> float:
    """Return how long a get takes, right after another one: the first after a pause takes up to thrice as long."""
    weights.get(checkpoint)
    begun = time.perf_counter()
    weights.get(checkpoint)
    return time.perf_counter() - begun


def compared(folder: Path, *, readers: int, large: int, rounds: int) -> tuple[list[tuple[float, float]], int, int]:
    """Return seconds of gets alone and beside slow readers, by round, and the server's memory before and at most."""
    store = DirectoryStore(folder / "weights")
    slow = store.put(fresh(large, _MEGABYTE), trial=0)
    quick = store.put(fresh(*SHAPES["100 MB in 160 tensors"]), trial=1)
    store.close()
    with served(folder / "weights") as address, Client(address, token=TOKEN, timeout_s=120) as client:
        weights = Weights.of(client, is_folder_shared=False)
        seconds(weights, quick)
        (process,) = psutil.Process().children()
        before, pairs = process.memory_info().rss, []
        with Memory(process) as memory:
            for _ in range(rounds):
                alone = seconds(weights, quick)
                with slow_readers(address, slow, readers):
                    pairs.append((alone, seconds(weights, quick)))
    return pairs, before, memory.peak


def main() -> None:
    """Print one line for the time, and one for the memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readers", type=int, default=64)
    parser.add_argument("--large", type=int, default=1000, help="Megabytes of what the slow readers read.")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--folder", type=Path, default=Path("/dev/shm"), help="Where the store is made.")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder, prefix=".bench-") as folder:
        pairs, before, peak = compared(Path(folder), readers=chosen.readers, large=chosen.large, rounds=chosen.rounds)
    ratios = sorted(beside / alone for alone, beside in pairs)
    print(
        f"get of 100 MB beside {chosen.readers} readers at {_BYTES_A_SECOND} bytes a second: "
        f"{statistics.median(ratios):.2f}x of alone [{ratios[0]:.2f}, {ratios[-1]:.2f}], {len(ratios)} rounds (goal 2)"
    )
    print(f"memory of the server: {before / 1e6:.0f} MB before, {peak / 1e6:.0f} MB at most")


if __name__ == "__main__":
    main()
