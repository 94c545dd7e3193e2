"""Put and get of checkpoints over the weight service, beside raw TCP and safetensors, in one run.

Run as ``python benchmarks/weights_wire.py [--folder /dev/shm] [--rounds 7]``. A server runs in a process of its own on
a store in a fresh folder. Figures are medians in GB/s; every put is of fresh bytes, and ends when the checkpoint is
durable in that folder; every get is proven but the mapped ones, as those of safetensors are not.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy
from nascore.client import Client
from nascore.client.weights import Weights
from nascore.eventloop import loop_factory
from nascore.service.weight_server import serve_weights
from nascore.weights import DirectoryStore, TensorData

TOKEN = "a-token-of-the-benchmark"
SHAPES = {"100 MB in 160 tensors": (160, 156_250), "5 MB in 300 tensors": (300, 4_167)}
"""How many tensors of how many F32 elements."""
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Row:
    """A way to move tensors, and what it reaches in GB/s; CPU seconds of this process for each GB."""

    way: str
    put: float
    get: float
    cpu_put: float = 0.0
    cpu_get: float = 0.0


def fresh(count: int, elements: int) -> dict[str, TensorData]:
    """Return tensors that nobody has seen."""
    rng = numpy.random.default_rng()
    return {f"layer{number}.weight": TensorData("F32", (elements,), rng.bytes(4 * elements)) for number in range(count)}


def speed(work: Callable[[int], None], size: int, *, rounds: int) -> tuple[float, float]:
    """Return the median GB/s of ``work``, and its CPU seconds for each GB; the first round is not counted."""
    walls, processors = [], []
    for number in range(rounds + 1):
        wall, processor = time.perf_counter(), time.process_time()
        work(number)
        walls.append(time.perf_counter() - wall)
        processors.append(time.process_time() - processor)
    return size / 1e9 / statistics.median(walls[1:]), statistics.median(processors[1:]) / (size / 1e9)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a store in a process of its own; gives the address."""
    words = [sys.executable, __file__, "--serve", str(folder)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.stdin.close()


async def serve(folder: str) -> None:
    """Serve until the standard input ends."""
    store = DirectoryStore(folder)
    async with serve_weights(store, address="127.0.0.1:0", token=TOKEN) as server:
        print(server.address, flush=True)
        await asyncio.to_thread(sys.stdin.read)
    store.close()


def by_service(
    address: str, shape: tuple[int, int], *, is_shared: bool, rounds: int, is_direct: bool = True
) -> list[Row]:
    """Measure the service, over the network or on the same host."""
    size = 4 * shape[0] * shape[1]
    with Client(address, token=TOKEN) as client:
        weights = Weights.of(client, experiment="bench", is_folder_shared=is_shared, is_direct=is_direct)
        tensors = [fresh(*shape) for _ in range(rounds + 1)]
        known: list[str] = []
        put = speed(lambda number: known.append(weights.put(tensors[number], trial=number)), size, rounds=rounds)
        get = speed(lambda number: touched(weights.get(known[number])), size, rounds=rounds)
        if not is_shared:
            way = "service, network" if is_direct else "service, all over gRPC"
            return [Row(way, put[0], get[0], put[1], get[1])]
        mapped = speed(lambda number: touched(weights.map(known[number])), size, rounds=rounds)
        return [
            Row("service, same host", put[0], get[0], put[1], get[1]),
            Row("service, same host, mapped", put[0], mapped[0], put[1], mapped[1]),
        ]


def touched(tensors: dict[str, TensorData]) -> None:
    """Look at one byte of each page, so that a map is as much read as a copy."""
    for tensor in tensors.values():
        numpy.frombuffer(tensor.data, numpy.uint8)[::4096].sum()


def by_store(folder: Path, shape: tuple[int, int], *, rounds: int) -> Row:
    """Measure a store in this process."""
    size = 4 * shape[0] * shape[1]
    store = DirectoryStore(folder)
    tensors = [fresh(*shape) for _ in range(rounds + 1)]
    known: list[str] = []
    put = speed(lambda number: known.append(store.put(tensors[number], trial=number)), size, rounds=rounds)
    get = speed(lambda number: touched(store.get(known[number])), size, rounds=rounds)
    store.close()
    return Row("DirectoryStore in process", put[0], get[0], put[1], get[1])


def by_safetensors(folder: Path, shape: tuple[int, int], *, rounds: int) -> Row:
    """Measure a file of safetensors: written, then mapped and looked at."""
    from safetensors import safe_open  # noqa: PLC0415 - of the tests, not of core
    from safetensors.numpy import save_file  # noqa: PLC0415

    size = 4 * shape[0] * shape[1]
    arrays = [
        {key: numpy.frombuffer(tensor.data, numpy.float32) for key, tensor in fresh(*shape).items()}
        for _ in range(rounds + 1)
    ]

    def get(number: int) -> None:
        with safe_open(folder / f"{number}.safetensors", framework="pt") as file:
            for key in file.keys():  # noqa: SIM118 - it is no mapping
                file.get_tensor(key)[::1024].sum()

    put = speed(lambda number: save_file(arrays[number], folder / f"{number}.safetensors"), size, rounds=rounds)
    got = speed(get, size, rounds=rounds)
    return Row("safetensors, mapped", put[0], got[0], put[1], got[1])


def by_tcp(shape: tuple[int, int], *, rounds: int) -> Row:
    """Measure a loopback socket: sent from memory that is there to memory that is there, in another process."""
    size = 4 * shape[0] * shape[1]
    context = multiprocessing.get_context("spawn")
    with socket.create_server(("127.0.0.1", 0)) as server:
        process = context.Process(target=tcp_peer, args=(server.getsockname()[1], size, rounds + 1))
        process.start()
        connection, _ = server.accept()
        with connection:
            data, buffer = memoryview(os.urandom(size)), memoryview(bytearray(size))
            put = speed(lambda _: tcp_send(connection, data), size, rounds=rounds)
            got = speed(lambda _: tcp_receive(connection, buffer), size, rounds=rounds)
        process.join()
    return Row("raw TCP loopback", put[0], got[0], put[1], got[1])


def tcp_peer(port: int, size: int, times: int) -> None:
    """Take what is sent and acknowledge it, then send as often on request."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        data, buffer = memoryview(os.urandom(size)), memoryview(bytearray(size))
        for _ in range(times):
            fill(connection, buffer)
            connection.sendall(b"k")
        for _ in range(times):
            connection.recv(1)
            connection.sendall(data)


def tcp_send(connection: socket.socket, data: memoryview) -> None:
    """Send all, and wait until it was taken."""
    connection.sendall(data)
    connection.recv(1)


def tcp_receive(connection: socket.socket, buffer: memoryview) -> None:
    """Ask for all, and take it."""
    connection.sendall(b"k")
    fill(connection, buffer)


def fill(connection: socket.socket, buffer: memoryview) -> None:
    """Receive as much as the buffer holds."""
    done = 0
    while done < len(buffer):
        done += connection.recv_into(buffer[done : done + _PIECE])


def measured(folder: Path, shape: tuple[int, int], *, rounds: int) -> list[Row]:
    """Measure all ways with tensors of a shape."""
    rows = [by_tcp(shape, rounds=rounds)]
    for name in ("safetensors", "store", "served"):
        (folder / name).mkdir()
    rows.append(by_safetensors(folder / "safetensors", shape, rounds=rounds))
    shutil.rmtree(folder / "safetensors")
    rows.append(by_store(folder / "store", shape, rounds=rounds))
    shutil.rmtree(folder / "store")
    with served(folder / "served") as address:
        rows += by_service(address, shape, is_shared=False, rounds=rounds)
        rows += by_service(address, shape, is_shared=False, rounds=rounds, is_direct=False)
        rows += by_service(address, shape, is_shared=True, rounds=rounds)
    shutil.rmtree(folder / "served")
    return rows


def main() -> None:
    """Print a table for each shape."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", default="/dev/shm", help="where the stores are made")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(serve(given.serve))
        return
    for title, shape in SHAPES.items():
        with tempfile.TemporaryDirectory(dir=given.folder) as folder:
            rows = measured(Path(folder), shape, rounds=given.rounds)
        print(f"\n{title}: GB/s (CPU s/GB of the caller)\n")
        print(f"| {'':28} | {'put':>14} | {'get':>14} |\n|{'-' * 30}|{'-' * 16}|{'-' * 16}|")
        for row in rows:
            put, get = f"{row.put:.2f} ({row.cpu_put:.2f})", f"{row.get:.2f} ({row.cpu_get:.2f})"
            print(f"| {row.way:28} | {put:>14} | {get:>14} |")


if __name__ == "__main__":
    main()
