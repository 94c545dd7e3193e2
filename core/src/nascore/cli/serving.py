"""Serving: how workers anywhere find a server, and what is remembered of it."""

from __future__ import annotations

import ipaddress
import shlex
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click

from nascore.cli.dataport import data_port_of
from nascore.cli.hosting import Host, Listening
from nascore.cli.runfile import RunFile
from nascore.cli.screen import say
from nascore.cli.shares import worker_variables
from nascore.client import TcpAddress, parse_address
from nascore.experiment import Engine
from nascore.service import ServerTls


def listening_of(run: RunFile) -> Listening:
    """Return how an experiment is served that is run like this."""
    roots = Path(run.tls_client_roots) if run.tls_client_roots else None
    tls = ServerTls(Path(run.tls_cert), Path(run.tls_key), client_roots=roots) if run.tls_cert else None
    return Listening(run.address or "unix:", tls, run.is_tuner_insecure, run.tuner_limits, data_port_of(run.data_port))


def show_connection(run: RunFile) -> Callable[[Host, Engine], None]:
    """Return what prints how workers connect; nothing for a run that starts its own."""

    def show(host: Host, engine: Engine) -> None:
        if run.command:
            return
        say(f"Serving at {host.address}; the token that allows everything is in {host.token_file}.")
        say("Workers connect with these variables in their environment (on another machine, copy the token file):")
        click.echo("\n".join(exports(host, engine.id, certificate=run.tls_cert)))
        if run.tls_cert:
            say("Call the server by a name in its certificate; if another one signed it, trust that one instead.")
        say("and then `python trial.py`, with another NASCORE_WORKER for each.")
        say("Their token ends with this server; `nascore token new` makes lasting ones, and some that only read.")
        say("Ctrl-C or SIGTERM ends the server; `nascore resume` takes it up again.")

    return show


def exports(host: Host, experiment: str, *, certificate: str = "") -> list[str]:
    """Return lines for the shell of a worker; the folder, for logs and weights, only where it can be reached."""
    variables = worker_variables(host, experiment)
    address = parse_address(host.address)
    if address.is_loopback():
        variables["NASCORE_FOLDER"] = str(host.folder)
    elif isinstance(address, TcpAddress) and _is_every_interface(address):
        variables["NASCORE_SERVER"] = str(replace(address, host=socket.gethostname()))
    if certificate:
        variables["NASCORE_TLS_ROOTS"] = certificate
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    # A process with more than one thread cannot fork its trials.
    threads = ["export OMP_NUM_THREADS=1", "export MKL_NUM_THREADS=1"]
    return [*lines, "export NASCORE_WORKER=worker-$HOSTNAME-$$", *threads]


def _is_every_interface(address: TcpAddress) -> bool:
    """Whether it is where a server listens at all addresses of its machine, which is none to connect to."""
    try:
        return ipaddress.ip_address(address.host).is_unspecified
    except ValueError:
        return False
