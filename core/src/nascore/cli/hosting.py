"""Hosting: an experiment's database, its server and its token, opened together and closed in the right order."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from nascore.experiment import DATABASE_NAME, Experiments
from nascore.journal import Holder
from nascore.record import Asked, Told
from nascore.service import Server, ServerTls, generate_token, write_token
from nascore.tuner import TunerSession, connect

_TOKEN_NAME = "token"  # noqa: S105 - the name of a file
_GRACE_S = 3.0


@dataclass(frozen=True, slots=True)
class Listening:
    """How an experiment is served.

    Attributes:
        address: ``unix:`` for a socket of its own, ``unix:/path`` or ``host:port``.
        tls: Certificate and key; ``None`` for none.
        is_tuner_insecure: Whether a tuner on another machine may be spoken to without TLS.
    """

    address: str = "unix:"
    tls: ServerTls | None = None
    is_tuner_insecure: bool = False


@dataclass(frozen=True, slots=True)
class Host:
    """Experiments that are open and served.

    Attributes:
        experiments: The experiments of the database.
        address: Where they are served.
        token_file: File with the token that callers send.
        folder: The experiment's folder.
    """

    experiments: Experiments
    address: str
    token_file: Path
    folder: Path


@asynccontextmanager
async def hosted(folder: Path, *, listening: Listening, notice: Callable[[str], None]) -> AsyncIterator[Host]:
    """Open the database in a folder and serve it; on leaving, answers at work are finished and everything is stored.

    Raises:
        HeldError: If another process has it open; it is named.
        InvalidInputError: If the address cannot be served safely.
    """
    token_file = folder / _TOKEN_NAME
    async with opened(folder, notice=notice, listening=listening) as experiments:
        token = generate_token()
        write_token(token_file, token)
        server = Server(experiments, address=listening.address, token=token, tls=listening.tls)
        address = await server.start()
        try:
            experiments.hold.update(address=address, token_file=str(token_file))
            yield Host(experiments, address, token_file, folder)
        finally:
            await server.stop(_GRACE_S)
            token_file.unlink(missing_ok=True)


@asynccontextmanager
async def opened(folder: Path, *, notice: Callable[[str], None], listening: Listening) -> AsyncIterator[Experiments]:
    """Open the database in a folder without serving it.

    Raises:
        HeldError: If another process has it open; it is named.
    """
    holder = Holder(pid=os.getpid(), host=socket.gethostname(), address="", token_file="", started_at=time.time())

    async def connect_tuner(
        name: str, history: Callable[[], Iterable[Asked | Told]], on_trouble: Callable[[str], None]
    ) -> TunerSession:
        def tell(trouble: str) -> None:
            on_trouble(trouble)
            notice(trouble)

        return await connect(name, history=history, on_trouble=tell, insecure=listening.is_tuner_insecure)

    experiments = await Experiments.open(folder / DATABASE_NAME, holder=holder, connect=connect_tuner)
    try:
        yield experiments
    finally:
        await experiments.close()


def new_request_id() -> str:
    """Return a fresh id for a request."""
    return secrets.token_hex(16)
