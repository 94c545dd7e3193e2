"""``nascore weights serve``: a store alone, on a machine of its own."""

from __future__ import annotations

import asyncio
from contextlib import closing
from importlib import import_module
from pathlib import Path

import click

from nascore.cli.dataport import data_port_of, data_port_option
from nascore.cli.failure import DONE
from nascore.cli.interruption import Interruption
from nascore.cli.screen import printable, say
from nascore.cli.verb import Verb
from nascore.cli.weightstoken import kept_token
from nascore.errors import ConflictError, InvalidInputError, SettingsError
from nascore.eventloop import loop_factory
from nascore.weights import IndexedStore, open_store

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_TOKEN = "weights-token"  # noqa: S105 - the name of a file
_SIGNS = frozenset({"log.jsonl", "manifests"})
_NO_OBSTACLES = frozenset(
    {"lock", "index.db", "index.db-wal", "index.db-shm", "staging", "blobs", "packs", "lost+found"}
)
"""What a store has before its first checkpoint, and what a new file system has."""


@click.command("serve", cls=Verb)
@click.argument("store", metavar="WHERE")
@click.option("--address", default="unix:", help="unix:PATH or HOST:PORT (port 0: a free one).  [default: unix:]")
@click.option(
    "--token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path(_TOKEN),
    help=f"Where to write the token that allows everything (0600).  [default: {_TOKEN}]",
)
@click.option("--tls-cert", type=_FILE, help="Certificate (PEM); needed where other machines can connect.")
@click.option("--tls-key", type=_FILE, help="Its private key (PEM).")
@click.option("--tls-client-roots", type=_FILE, help="Callers need a certificate of these roots (PEM) too (mTLS).")
@data_port_option
@click.pass_context
def serve(
    context: click.Context,
    *,
    store: str,
    address: str,
    token_file: Path,
    tls_cert: Path | None,
    tls_key: Path | None,
    tls_client_roots: Path | None,
    data_port: str,
) -> None:
    """Serve a store of weights: a folder, made if need be, or a URL.

    A folder that holds other things than a store is refused.
    Prints the address and the file with the token. Ctrl-C or SIGTERM finishes what is at work and ends with exit
    code 0.
    """
    if "://" not in store:
        check_place(Path(store), token_file=token_file)
    tls = _tls(tls_cert, tls_key, client_roots=tls_client_roots)
    with closing(open_store(store)) as opened, asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_served(opened, address=address, data_port=data_port, token_file=token_file, tls=tls))
    context.exit(DONE)


def check_place(folder: Path, *, token_file: Path) -> None:
    """Refuse a place that is neither a store nor can become one without mixing with what is there.

    Raises:
        InvalidInputError: It is a file.
        ConflictError: It is a folder of other things.
    """
    if not folder.is_dir():
        if folder.exists():
            raise InvalidInputError(f"{folder} is a file, not a folder for a store.", hint="Name a folder.")
        return
    found = {entry.name for entry in folder.iterdir()}
    if found & _SIGNS:
        return
    others = sorted(found - _NO_OBSTACLES - {token_file.name})
    if others:
        shown = ", ".join(map(printable, others[:3])) + (", …" if len(others) > 3 else "")
        raise ConflictError(
            f"{folder} is no store of weights, and is not empty: it holds {shown}.",
            hint="Name a new or an empty folder; a store has log.jsonl and manifests/.",
        )


async def _served(store: IndexedStore, *, address: str, data_port: str, token_file: Path, tls: object) -> None:
    # By name, because it brings gRPC, which the other verbs of this group do not need.
    serve_weights = import_module("nascore.service.weight_server").serve_weights
    interruption = Interruption()
    with kept_token(token_file) as token, interruption.listening():
        port = data_port_of(data_port)
        async with serve_weights(store, address=address, token=token, tls=tls, data_port=port) as server:
            say(f"The token that allows everything is in {token_file}. Ctrl-C or SIGTERM ends the server.")
            click.echo(f"Serving weights at {server.address}")
            await interruption.wait()
            say("Ending: what is at work is finished.")


def _tls(certificate: Path | None, key: Path | None, *, client_roots: Path | None) -> object:
    if certificate is None and key is None and client_roots is None:
        return None
    if certificate is None or key is None:
        raise SettingsError("--tls-cert and --tls-key belong together; one is missing.", hint="Give both.")
    return import_module("nascore.service").ServerTls(certificate, key, client_roots=client_roots)
