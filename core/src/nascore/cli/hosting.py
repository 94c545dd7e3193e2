"""Hosting: an experiment's database, its server and its token, opened together and closed in the right order."""

from __future__ import annotations

import gc
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from nascore.client.address import UnixAddress
from nascore.client.tls import read_pem
from nascore.errors import InvalidInputError
from nascore.experiment import Experiments
from nascore.journal import Holder, Location
from nascore.record import Asked, Told, TunerLimits
from nascore.service import TOKENS_NAME, Scope, Server, ServerTls, TokenFile, generate_token, make_grant, write_token
from nascore.tuner import HostLimits, TunerSession, connect
from nascore.weights import DirectoryStore

WEIGHTS_NAME = "weights"
"""Folder of an experiment's checkpoints, in the experiment's own; made when the first one is put."""
_TOKEN_NAME = "token"  # noqa: S105 - the name of a file
_WORKER_TOKEN_NAME = "worker-token"  # noqa: S105 - the same
_SOCKET_NAME = "server.sock"
_ANY_SOCKET = "unix:"
_COLLECTOR_PACE = (50_000, 20, 50)
_GRACE_S = 3.0


@dataclass(frozen=True, slots=True)
class Listening:
    """How an experiment is served.

    Attributes:
        address: ``unix:`` for a socket of its own, ``unix:/path`` or ``host:port``.
        tls: Certificate and key; ``None`` for none.
        is_tuner_insecure: Whether a tuner on another machine may be spoken to without TLS.
        tuner_limits: What each tuner may take.
        data_port: Where weights come in beside gRPC; 0 for a free port, ``None`` for nowhere.
    """

    address: str = "unix:"
    tls: ServerTls | None = None
    is_tuner_insecure: bool = False
    tuner_limits: TunerLimits = field(default_factory=TunerLimits)
    data_port: int | None = 0


@dataclass(frozen=True, slots=True)
class Host:
    """Experiments that are open and served.

    Attributes:
        experiments: The experiments of the database.
        address: Where they are served.
        token_file: File with the token that allows everything.
        folder: The experiment's folder.
        server: The server.
    """

    experiments: Experiments
    address: str
    token_file: Path
    folder: Path
    server: Server

    def announce(self) -> None:
        """Let others find the server; not before it has what they look for."""
        address = self.server.local_address or self.address
        self.experiments.hold.update(address=address, token_file=str(self.token_file))

    def worker_token(self, experiment: str) -> Path:
        """Return a file with a fresh token for the workers of an experiment, good until the server ends.

        It allows what workers do and nothing else; one that leaks from a trial cannot stop or delete a search.
        """
        token, path = generate_token(), self.folder / _WORKER_TOKEN_NAME
        self.server.admit(make_grant(Scope.WORKER, token=token, now=time.time(), experiments=(experiment,)))
        write_token(path, token)
        return path


@asynccontextmanager
async def hosted(
    folder: Path, *, database: Location, listening: Listening, notice: Callable[[str], None]
) -> AsyncIterator[Host]:
    """Open a database and serve it; on leaving, answers at work are finished and everything is stored.

    Args:
        folder: The experiment's folder, where the token is kept.
        database: Where its log is.
        listening: How it is served.
        notice: Tells a person something.

    Raises:
        HeldError: If another process has it open; it is named.
        InvalidInputError: If the address cannot be served safely.
    """
    token_file = folder / _TOKEN_NAME
    async with opened(database, notice=notice, listening=listening) as experiments:
        token = generate_token()
        write_token(token_file, token)
        made = TokenFile(folder / TOKENS_NAME)
        address = _lasting(listening.address, folder)
        store = DirectoryStore(folder / WEIGHTS_NAME)
        server = Server(
            experiments,
            address=address,
            token=token,
            token_file=made,
            tls=listening.tls,
            weights=store,
            data_port=listening.data_port,
        )
        address = await server.start()
        try:
            yield Host(experiments, address, token_file, folder, server)
        finally:
            await server.stop(_GRACE_S)
            store.close()
            for file in (token_file, folder / _WORKER_TOKEN_NAME):
                file.unlink(missing_ok=True)


@asynccontextmanager
async def opened(
    database: Location, *, notice: Callable[[str], None], listening: Listening
) -> AsyncIterator[Experiments]:
    """Open a database without serving it.

    Raises:
        HeldError: If another process has it open; it is named.
    """
    holder = Holder(pid=os.getpid(), host=socket.gethostname(), address="", token_file="", started_at=time.time())
    limits = HostLimits.allowing(listening.tuner_limits)

    async def connect_tuner(
        name: str, history: Callable[[], Iterable[Asked | Told]], on_trouble: Callable[[str], None]
    ) -> TunerSession:
        said = ""

        def tell(trouble: str) -> None:
            nonlocal said
            on_trouble(trouble)
            if trouble != said:  # What dies of the same thing again and again is told of once.
                notice(trouble)
            said = trouble

        if listening.is_tuner_insecure and name.startswith("grpc:"):
            notice(f"Warning: {name} is spoken to in plain text; whoever is on the way can read and change it.")
        roots = os.environ.get("NASCORE_TUNER_TLS_ROOTS")
        return await connect(
            name,
            history=history,
            limits=limits,
            on_trouble=tell,
            insecure=listening.is_tuner_insecure,
            tls_roots=read_pem(Path(roots), "CERTIFICATE") if roots else None,
        )

    experiments = await Experiments.open(database, holder=holder, connect=connect_tuner)
    # What a search is made of stays: the collector need not look through it again and again. At its own pace it takes
    # a fifth of a long search's time.
    gc.freeze()
    gc.set_threshold(*_COLLECTOR_PACE)
    try:
        yield experiments
    finally:
        await experiments.close()


def _lasting(address: str, folder: Path) -> str:
    """Return where to listen: a socket in the experiment's folder, where workers find the server that comes after this.

    A path that no socket can have, for its length or a comma in it, leaves the choice to the server; workers from
    elsewhere then learn the new address from whoever started it.
    """
    if address != _ANY_SOCKET:
        return address
    try:
        return str(UnixAddress(str(folder.absolute() / _SOCKET_NAME)))
    except InvalidInputError:
        return address


def new_request_id() -> str:
    """Return a fresh id for a request."""
    return secrets.token_hex(16)
