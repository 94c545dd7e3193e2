"""``python -m nascore.tuner.host NAME``: serves one installed tuner, in a process of its own.

Environment: ``NASCORE_TUNER_SOCKET`` is the Unix socket to serve on, with one for frames beside it; without it, a free
port of the loopback interface is taken. Every call must carry ``NASCORE_TUNER_TOKEN``. Once it serves, the host prints
the line ``nascore-tuner v1 ADDRESS`` on standard output. From its first moment everything else that is printed goes to
standard error, so that no plugin can break that line. SIGTERM ends it with status 0; it also ends when its parent does.

A tuner that cannot be loaded is still served: every call then says why. A crash in native code prints where it was
before the process dies. Failpoints are armed as in the server, whose environment this process has; its own places are
named ``tuner.*``.
"""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import NoReturn, TextIO

import grpc
from grpc_health.v1 import health, health_pb2_grpc

from nascore import failpoints
from nascore.errors import NascoreError, PluginError
from nascore.eventloop import FrameDoor, has_frames, loop_factory
from nascore.tuner.plugins import load_tuner
from nascore.tuner.servicer import SOCKET_VARIABLE, TOKEN_VARIABLE, Hosted, ServedTuner, TokenInterceptor

HANDSHAKE = "nascore-tuner v1"
FRAMES_NAME = "asks.sock"
"""The socket for frames, in the folder of the other."""
_GRACE_S = 5.0
_PARENT_CHECK_S = 0.5
_THREADS_S = 1.0


def main(arguments: list[str]) -> int:
    """Serve until told to end; returns the exit status."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m nascore.tuner.host NAME\n")
        return 2
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    handshake = _take_stdout()
    faulthandler.enable()
    failpoints.arm(os.environ.get(failpoints.VARIABLE, ""))
    parent = os.getppid()
    hosted = _load(arguments[0])
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_serve(hosted, handshake, parent=parent))
    return 0


def _take_stdout() -> TextIO:
    """Return standard output as a stream of its own, and let file descriptor 1 mean standard error from now on."""
    sys.stdout.flush()
    taken = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return taken


def _load(name: str) -> Hosted:
    try:
        tuner_type, version = load_tuner(name)
    except NascoreError as error:
        return Hosted(None, error=error)
    return Hosted(tuner_type, version)


async def _serve(hosted: Hosted, handshake: TextIO, *, parent: int) -> None:
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    token = os.environ.pop(TOKEN_VARIABLE, "")  # What a strategy tells of its environment must not tell it.
    path = os.environ.get(SOCKET_VARIABLE, "")
    frames = Path(path).with_name(FRAMES_NAME) if path and has_frames() else None
    served = ServedTuner(hosted, frames_path=str(frames or ""))
    server, address = _server(served, path, token=token)
    door = None if frames is None else FrameDoor(frames, token.encode(), answer=served.answer)
    if door is not None:
        await door.open()
    await server.start()
    handshake.write(f"{HANDSHAKE} {address}\n")
    handshake.close()
    watch = asyncio.create_task(_watch_parent(parent, ending))
    await ending.wait()
    watch.cancel()
    if door is not None:
        await door.close()
    await server.stop(_GRACE_S)


def _server(served: ServedTuner, path: str, *, token: str) -> tuple[grpc.aio.Server, str]:
    interceptors = (TokenInterceptor(token),) if token else ()
    server = grpc.aio.server(interceptors=interceptors)
    server.add_generic_rpc_handlers((served.handler(),))
    checks = health.aio.HealthServicer()  # type: ignore[attr-defined]  # exported, but not in so many words
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)  # type: ignore[no-untyped-call]  # generated
    if path:
        server.add_insecure_port(f"unix:{path}")
        return server, f"unix:{path}"
    if not token:
        raise PluginError(f"Neither {SOCKET_VARIABLE} nor {TOKEN_VARIABLE} is set.", hint="Set one of them.")
    return server, f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"


async def _watch_parent(parent: int, ending: asyncio.Event) -> None:
    """End with the parent also where the kernel cannot see to it (see ``guard``)."""
    while os.getppid() == parent:
        await asyncio.sleep(_PARENT_CHECK_S)
    ending.set()


def end(status: int) -> NoReturn:
    """End this process, also if a plugin's threads never do."""
    until = time.monotonic() + _THREADS_S
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join(max(0.0, until - time.monotonic()))
            if thread.is_alive():
                logging.getLogger(__name__).warning("Thread %s of the tuner did not end.", thread.name)
                logging.shutdown()
                os._exit(status)
    sys.exit(status)


if __name__ == "__main__":
    end(main(sys.argv[1:]))
