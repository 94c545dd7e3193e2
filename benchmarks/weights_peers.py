"""Weights of a network put and got, through a server and on the same machine, beside what else moves bytes.

Ours is a server of weights in a process of its own (``nascore weights serve``), on tmpfs: ``network`` is told not to
look for its folder, ``same host`` finds it. Every put is proven and durable: the store has no mode without flushing,
which costs next to nothing on tmpfs. What comes over the network is proven; a get on the same host maps the files and
proves nothing, like the maps of safetensors. Beside it: bytes over a TCP socket into a buffer that is there already;
memcpy; safetensors on tmpfs; Arrow Flight; Redis, a key for each tensor; and ``torch.save`` to a shared folder, in a
process of its own. None of them proves or flushes anything. Every peer is measured in every round, shuffled (see
pairs.py). Printed are medians, CPU seconds of client and server for a GB, the most memory that both have taken beside
what they had, and ratios of the same round: above 1, ours is faster.

Run: ``python benchmarks/weights_peers.py`` (``--quick`` for one round).
"""

from __future__ import annotations

import math
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy
import psutil
from nascore.client import Client
from nascore.client.weights import Weights
from nascore.weights import TensorData
from pairs import Values, collect, column, median, number, options, ratio, table
from safetensors.numpy import load_file, save_file
from weights_store import STATES, data_of, state

MEMORY = Path("/dev/shm")
_ACK = b"!"
_TORCH = """
import json, sys, time, torch
from safetensors.torch import load_file
tensors = load_file(sys.argv[1])
file = sys.argv[2]
def timed(work):
    wall, cpu = time.perf_counter(), time.process_time()
    kept = work()
    return time.perf_counter() - wall, time.process_time() - cpu
put = timed(lambda: torch.save(tensors, file))
got = timed(lambda: torch.load(file, weights_only=True))
print(json.dumps([*put, *got]))
"""


@dataclass(slots=True)
class Contender:
    """Something that puts and gets: two calls, and the processes that work for it."""

    put: Callable[[], object]
    get: Callable[[], object]
    processes: list[psutil.Process] = field(default_factory=list)


def measured(work: Callable[[], object], processes: list[psutil.Process]) -> tuple[float, float, float]:
    """Return seconds, CPU seconds and extra bytes of memory of one call, here and in the processes."""
    everyone = [psutil.Process(), *processes]
    before = {one.pid: sum(one.cpu_times()[:2]) for one in everyone}
    for one in everyone:
        Path(f"/proc/{one.pid}/clear_refs").write_text("5")
    resident = sum(one.memory_info().rss for one in everyone)
    begun = time.perf_counter()
    kept = work()
    took = time.perf_counter() - begun
    cpu = sum(sum(one.cpu_times()[:2]) - before[one.pid] for one in everyone)
    extra = sum(_high_water(one.pid) for one in everyone) - resident
    del kept
    return took, cpu, float(max(0, extra))


def _high_water(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024


def sample(contender: Callable[[], object]) -> Values:
    """Return all numbers of one contender in one round; it is opened before and closed after."""
    values: dict[str, float] = {}
    with contender() as opened:  # type: ignore[attr-defined]
        for operation in ("put", "get"):
            found = measured(getattr(opened, operation), opened.processes)
            values |= dict(zip((operation, f"{operation} cpu", f"{operation} memory"), found, strict=True))
    return values


@contextmanager
def started(*command: str, folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Give a server and the first line that it prints."""
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


@contextmanager
def fresh() -> Iterator[Path]:
    """Give a folder in memory that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(dir=MEMORY, prefix=".bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextmanager
def ours(name: str, *, is_near: bool) -> Iterator[Contender]:
    """Our server; a small put has warmed it."""
    tensors, warm = data_of(state(name, seed=1)), {"w": TensorData("U8", (4,), b"warm")}
    words = (sys.executable, "-m", "nascore", "weights", "serve", "store", "--address", "127.0.0.1:0")
    with ExitStack() as stack:
        folder = stack.enter_context(fresh())
        process, line = stack.enter_context(started(*words, "--token-file", "token", folder=folder))
        client = Client(line.rpartition(" ")[2], token_file=folder / "token")
        stack.callback(client.close)
        weights = stack.enter_context(closing(Weights.of(client, is_folder_shared=is_near)))
        weights.get(weights.put(warm, trial=0))
        made: list[str] = []
        get = (lambda: weights.map(made[0])) if is_near else (lambda: weights.get(made[0]))
        yield Contender(lambda: made.append(weights.put(tensors, trial=1)), get, [psutil.Process(process.pid)])


@contextmanager
def memcpy(name: str) -> Iterator[Contender]:
    """One copy of all tensors."""
    arrays = list(state(name, seed=1).values())
    targets = [numpy.zeros_like(array) for array in arrays]

    def copy() -> None:
        for array, target in zip(arrays, targets, strict=True):
            numpy.copyto(target, array)

    yield Contender(copy, copy)


@contextmanager
def tcp(name: str) -> Iterator[Contender]:
    """A socket to another process, which keeps what it was sent in a buffer that is there already."""
    arrays = [array.data.cast("B") for array in state(name, seed=1).values()]
    size = sum(map(len, arrays))
    target = memoryview(bytearray(size))
    with ExitStack() as stack:
        process, port = stack.enter_context(started(sys.executable, __file__, "--tcp", str(size), folder=Path.cwd()))
        peer = stack.enter_context(socket.create_connection(("127.0.0.1", int(port))))

        def put() -> None:
            peer.sendall(b"P")
            for array in arrays:
                peer.sendall(array)
            assert peer.recv(1) == _ACK

        def get() -> None:
            peer.sendall(b"G")
            _receive(peer, target)

        yield Contender(put, get, [psutil.Process(process.pid)])


def serve_tcp(size: int) -> None:
    """Answer one caller of `tcp`."""
    kept = memoryview(bytearray(size))
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        peer, _ = server.accept()
        while word := peer.recv(1):
            if word == b"P":
                _receive(peer, kept)
                peer.sendall(_ACK)
            else:
                peer.sendall(kept)


def _receive(peer: socket.socket, target: memoryview) -> None:
    while target:
        target = target[peer.recv_into(target) :]


@contextmanager
def safetensors(name: str) -> Iterator[Contender]:
    """A file in memory, neither flushed nor proven."""
    arrays = state(name, seed=1)
    with fresh() as folder:
        file = folder / "a.safetensors"
        yield Contender(lambda: save_file(arrays, file), lambda: load_file(file))


@contextmanager
def flight(name: str) -> Iterator[Contender]:
    """Arrow Flight: a row for each tensor."""
    import pyarrow  # noqa: PLC0415 - only where it is installed
    from pyarrow import flight as arrow  # noqa: PLC0415 - the same

    rows = [pyarrow.array([values.tobytes()], pyarrow.binary()) for values in state(name, seed=1).values()]
    batches = [pyarrow.record_batch([row], ["data"]) for row in rows]
    with started(sys.executable, __file__, "--flight", folder=Path.cwd()) as (process, port):
        client = arrow.connect(f"grpc://127.0.0.1:{port}")

        def put() -> None:
            writer, reader = client.do_put(arrow.FlightDescriptor.for_path("w"), batches[0].schema)
            for batch in batches:
                writer.write_batch(batch)
            writer.done_writing()
            reader.read()
            writer.close()

        with closing(client):
            yield Contender(put, lambda: client.do_get(arrow.Ticket(b"w")).read_all(), [psutil.Process(process.pid)])


def serve_flight() -> None:
    """Keep what was put last, and give it back."""
    from pyarrow import flight as arrow  # noqa: PLC0415 - only where it is installed

    class Server(arrow.FlightServerBase):  # type: ignore[misc]  # untyped
        def do_put(self, context: object, descriptor: object, reader: object, writer: object) -> None:
            self.kept = reader.read_all()  # type: ignore[attr-defined]  # untyped

        def do_get(self, context: object, ticket: object) -> object:
            return arrow.RecordBatchStream(self.kept)

    server = Server("grpc://127.0.0.1:0")
    print(server.port, flush=True)
    server.serve()


@contextmanager
def redis(name: str) -> Iterator[Contender]:
    """Redis without persistence: a key for each tensor, all in one pipeline."""
    import redis as client_of  # noqa: PLC0415 - only where it is installed

    arrays = state(name, seed=1)
    if shutil.which("redis-server") is None:
        raise SystemExit("redis-server is not installed")
    with fresh() as folder:
        place = str(folder / "s")
        command = ["redis-server", "--port", "0", "--unixsocket", place, "--save", "", "--appendonly", "no"]
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
        peer = client_of.Redis(unix_socket_path=place)
        try:
            _await(peer.ping)

            def put() -> None:
                pipe = peer.pipeline(transaction=False)
                for key, values in arrays.items():
                    pipe.set(key, values.tobytes())
                pipe.execute()

            yield Contender(put, lambda: peer.mget(list(arrays)), [psutil.Process(process.pid)])
        finally:
            peer.close()
            process.terminate()
            process.wait(30)


def _await(ask: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with suppress(Exception):
            ask()
            return
        time.sleep(0.05)
    raise SystemExit("the peer does not answer")


def torch_shared(name: str) -> Values:
    """Time ``torch.save`` and ``torch.load`` in a folder in memory, in a process of their own."""
    with fresh() as folder:
        save_file(state(name, seed=1), folder / "a.safetensors")
        command = [sys.executable, "-c", _TORCH, "a.safetensors", "a.pt"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
        before = [float(word) for word in done.stdout.strip("[] \n").split(",")]
    return {"put": before[0], "put cpu": before[1], "get": before[2], "get cpu": before[3]}


def contenders(name: str) -> dict[str, Callable[[], Values]]:
    """Return all by name."""
    opened: dict[str, Callable[[], object]] = {
        "network": lambda: ours(name, is_near=False),
        "same host": lambda: ours(name, is_near=True),
        "memcpy": lambda: memcpy(name),
        "tcp": lambda: tcp(name),
        "safetensors": lambda: safetensors(name),
        "flight": lambda: flight(name),
        "redis": lambda: redis(name),
    }
    found: dict[str, Callable[[], Values]] = {
        who: (lambda opener=opener: sample(opener))
        for who, opener in opened.items()  # type: ignore[misc]
    }
    return found | {"torch": lambda: torch_shared(name)}


def rows_of(name: str, samples: dict[str, list[Values]], *, size: int) -> list[list[str]]:
    """Return the rows of a table: one for each contender and operation."""
    rows = []
    for operation in ("put", "get"):
        own = {who: column(samples[who], operation) for who in ("network", "same host")}
        for who, found in samples.items():
            times = column(found, operation)
            cpu, memory = (median(column(found, f"{operation} {what}")) for what in ("cpu", "memory"))
            peak = memory / size if not math.isnan(memory) else memory
            ratios = [str(ratio(times, mine)) for mine in own.values()]
            rows.append(
                [
                    name,
                    operation,
                    who,
                    number(size / 1e9 / median(times)),
                    number(cpu / size * 1e9),
                    number(peak),
                    *ratios,
                ]
            )
    return rows


def main() -> None:
    """Measure and print."""
    parser = options(__doc__ or "", rounds=7, seconds=0)
    parser.add_argument("--tcp", type=int, help="what the other end of the socket does")
    parser.add_argument("--flight", action="store_true", help="what the server of Arrow Flight does")
    chosen = parser.parse_args()
    if chosen.tcp:
        serve_tcp(chosen.tcp)
        return
    if chosen.flight:
        serve_flight()
        return
    rows = []
    for name, (count, elements) in STATES.items():
        rounds = 1 if chosen.quick else chosen.rounds
        samples = collect(f"peers {name}", contenders(name), rounds=rounds, record=chosen.record)
        rows += rows_of(name, samples, size=4 * count * elements)
    header = ["state", "operation", "who", "GB/s", "CPU s/GB", "peak, payloads", "time / network", "time / same host"]
    print(table(header, rows))
    print("\nOur puts are durable (flushed); no peer flushes. A get on the same host is a map, which is not proven.")


if __name__ == "__main__":
    main()
