"""What stands below every figure: a call over gRPC that does nothing, and a durable commit.

The echo serves the very calls of a worker with messages of the same size, on `grpc.aio` and uvloop as our server does,
and answers each at once from memory: no service of that make can be faster.

    python benchmarks/limits.py FOLDER      # be the echo, until killed; its socket is FOLDER/echo.sock
"""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import uvloop
from nascore.v1 import architecture_pb2, trial_pb2, tuner_pb2

sys.path.insert(0, str(Path(__file__).parent))
import crowd
import scene

_SOCKET = "echo.sock"
_EVENT_BYTES = 1_200


@contextmanager
def echo(folder: Path) -> Iterator[scene.Place]:
    """Run the echo; yield it as if it were a server of ours."""
    token = folder / "token"
    token.write_text("echo\n")
    server = subprocess.Popen([sys.executable, __file__, str(folder)])
    try:
        while not (folder / _SOCKET).exists():
            if server.poll() is not None:
                raise SystemExit("The echo did not start.")
            time.sleep(0.01)
        yield scene.Place(folder / "none.db", f"unix:{folder}/{_SOCKET}", str(token), server.pid)
    finally:
        server.kill()
        server.wait()


def commit_s(folder: Path, seconds: float) -> float:
    """Return the seconds of one insert and durable commit with SQLite."""
    database = sqlite3.connect(folder / "commit.db", isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        database.execute(f"PRAGMA {pragma}")
    database.execute("CREATE TABLE log (seq INTEGER PRIMARY KEY, payload TEXT)")
    done, begun = 0, time.perf_counter()
    while time.perf_counter() < begun + seconds:
        database.execute("INSERT INTO log (payload) VALUES (?)", ("x" * _EVENT_BYTES,))
        done += 1
    took = (time.perf_counter() - begun) / done
    database.close()
    return took


def _lease() -> trial_pb2.LeaseTrialResponse:
    decisions = [architecture_pb2.Decision(path=label, candidate="a") for label in scene.LABELS]
    architecture = architecture_pb2.Architecture(decisions=decisions)
    proposal = tuner_pb2.Proposal(number=1, architecture=architecture)
    lease = trial_pb2.Lease(trial=1, epoch=1, duration_s=30.0, proposal=proposal, seed=1, attempt=1)
    return trial_pb2.LeaseTrialResponse(status=trial_pb2.LEASE_STATUS_GRANTED, lease=lease)


def _handler(answer: bytes) -> grpc.RpcMethodHandler:
    async def answered(request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        return answer

    handler: grpc.RpcMethodHandler = grpc.unary_unary_rpc_method_handler(answered)  # type: ignore[no-untyped-call]  # grpc is not annotated
    return handler


async def _serve(folder: Path) -> None:
    server = grpc.aio.server(options=(("grpc.max_concurrent_streams", 1024),))
    answers = {crowd.LEASE: _lease(), crowd.FINISH: trial_pb2.FinishTrialResponse(next=_lease())}
    for method, answer in answers.items():
        _, service, name = method.split("/")
        handlers = {name: _handler(answer.SerializeToString())}
        handler = grpc.method_handlers_generic_handler(service, handlers)  # type: ignore[no-untyped-call]  # as above
        server.add_generic_rpc_handlers((handler,))
    server.add_insecure_port(f"unix:{folder}/{_SOCKET}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(Path(sys.argv[1])))
