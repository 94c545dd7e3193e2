"""A server of searches in a process of its own, and one worker that talks to it over its socket.

Run as a program: ``DATABASE SOCKET TOKEN``; it serves until SIGTERM. What tests do to the process (fill its disk, turn
its clock, stop it) they do from outside. Not here: tuner hosts and the command line, which add nothing to durability.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from nascore.client import Client
from nascore.experiment import DATABASE_NAME, Experiments
from nascore.journal import Holder
from nascore.record import Lease, Outcome, OutcomeStatus
from nascore.service import Server
from nascore.testing.durability.search import accuracy, connect_climber

TOKEN = "only-for-tests-of-durability"  # noqa: S105 - guards a socket that lives for seconds
WORKER = "w"
_START_S = 20.0
_STOP_S = 15.0
_TIMEOUT_S = 10.0


@contextmanager
def served(folder: Path, *, sockets: Path, environ: Mapping[str, str] | None = None) -> Iterator[Served]:
    """Serve the database in a folder; the server is ended on leaving.

    Args:
        folder: Folder of the database.
        sockets: Folder for the socket, which needs no room beside the database then.
        environ: Its environment; ``None`` for this process's.
    """
    server = Served(folder, sockets=sockets, environ=environ)
    try:
        yield server
    finally:
        server.end(signal.SIGKILL)


class Served:
    """A running server and a client of it.

    Attributes:
        process: The server.
        client: A client that tries once.
        reader: A client with the usual patience, for reading while the server reads its log again.
    """

    def __init__(self, folder: Path, *, sockets: Path, environ: Mapping[str, str] | None) -> None:
        address = f"unix:{sockets / 'socket'}"
        module = [sys.executable, "-m", "nascore.testing.durability.served"]
        self.process = subprocess.Popen([*module, str(folder / DATABASE_NAME), address, TOKEN], env=environ)
        self.client = Client(address, token=TOKEN, patience_s=0.0, timeout_s=_TIMEOUT_S)
        self.reader = Client(address, token=TOKEN, patience_s=_TIMEOUT_S, timeout_s=_TIMEOUT_S)
        try:
            self.client.wait_until_serving(_START_S)
        except BaseException:
            self.end(signal.SIGKILL)
            raise

    def take(self, done: int) -> Lease:
        """Lease the next trial."""
        answer = self.client.lease("last", WORKER, max_wait_s=5.0, request_id=f"lease-{done}")
        assert answer.lease is not None, answer
        return answer.lease

    def finish(self, lease: Lease, done: int) -> None:
        """Report once, and finish the trial with what it measures."""
        metrics = {"accuracy": accuracy(lease.proposal.architecture)}
        self.client.report(
            "last", WORKER, lease.trial, lease.epoch, step=1, metrics=metrics, request_id=f"report-{done}"
        )
        outcome = Outcome(OutcomeStatus.COMPLETED, metrics)
        self.client.finish("last", WORKER, lease.trial, lease.epoch, outcome=outcome, request_id=f"finish-{done}")

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End the server, and return its exit status."""
        self.client.close()
        self.reader.close()
        if self.process.poll() is None:
            self.process.send_signal(number)
            self.process.send_signal(signal.SIGCONT)
        return self.process.wait(_STOP_S)


async def serve(database: Path, address: str, token: str) -> None:
    """Serve until SIGTERM."""
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    holder = Holder(os.getpid(), socket.gethostname(), address)
    experiments = await Experiments.open(database, holder=holder, connect=connect_climber)
    server = Server(experiments, address=address, token=token)
    try:
        await server.start()
        await over.wait()
    finally:
        await server.stop(1.0)
        await experiments.close()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
