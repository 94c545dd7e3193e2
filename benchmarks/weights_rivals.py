"""Other ways to keep and move weights, as contenders of ``weights_peers.py``. None of them proves or flushes anything.

Run as a program it is a server of Arrow Flight, which prints its port.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import numpy
import psutil
from pairs import Values
from safetensors.numpy import load_file, save_file
from weights_contender import Contender, fresh, started
from weights_store import state

# The one place that loads what torch saved: it is the peer that is measured, on a file that it wrote a moment before.
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
    with started(sys.executable, __file__, folder=Path.cwd()) as (process, port):
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
        put, put_cpu, got, got_cpu = json.loads(done.stdout)
    return {"put": put, "put cpu": put_cpu, "get": got, "get cpu": got_cpu}


if __name__ == "__main__":
    serve_flight()
