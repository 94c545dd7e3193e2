"""The source of what reading verbs show: the records on this machine, or a server.

Records are read from the database itself, beside a live server or without one; with ``--server`` (NASCORE_SERVER) the
same comes from a server over gRPC. Not here: control (``nascore.cli.control``).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import click

from nascore.cli.screen import say
from nascore.cli.verb import HOME_KEY
from nascore.errors import NascoreError, NotFoundError, UnavailableError, UnsupportedError
from nascore.experiment import archive, home_folder, overviews
from nascore.journal import Location, parse_location, read_holder
from nascore.record import ExperimentRecord, TrialRecord

if TYPE_CHECKING:
    from nascore.client import Client

DATABASE_VARIABLE = "NASCORE_DATABASE"
SERVER_VARIABLE = "NASCORE_SERVER"
_PATIENCE_S = 5.0
_FILE = click.Path(dir_okay=False, path_type=Path)
_TLS_KEY = "nascore.tls"
_TLS = {
    "tls_roots": "Certificates that are trusted for it (PEM).",
    "tls_cert": "Your own certificate (PEM), where it asks for one.",
    "tls_key": "The key of your certificate (PEM).",
}
_Function = TypeVar("_Function", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Found:
    """An experiment with its trials.

    Attributes:
        record: The experiment.
        trials: Its trials, by number.
        folder: Its folder on this machine; ``None`` for one on a server.
        is_held: Whether a process has it open, so that it goes on.
        database: Where its log is; ``None`` for one on a server.
    """

    record: ExperimentRecord
    trials: tuple[TrialRecord, ...]
    folder: Path | None
    is_held: bool
    database: Location | None = None

    def local_folder(self) -> Path:
        """Return the folder.

        Raises:
            UnsupportedError: If the experiment is on a server.
        """
        if self.folder is None:
            raise UnsupportedError(
                "Files of an experiment on a server are not reached from here.",
                hint="Run the command on the machine of the server, without --server.",
            )
        return self.folder


@dataclass(frozen=True, slots=True)
class Listed:
    """An experiment in a list.

    Attributes:
        record: The experiment.
        is_held: Whether a process has it open.
        best: Its best trial, or its Pareto front; empty where none succeeded, or where it would have to be asked for.
    """

    record: ExperimentRecord
    is_held: bool
    best: tuple[TrialRecord, ...] = ()


class Records(Protocol):
    """Where experiments are read."""

    def list(self) -> tuple[Listed, ...]:
        """Return all experiments, newest first."""
        ...

    def find(self, identifier: str) -> Found:
        """Return one experiment by id, unique prefix, name or ``last``."""
        ...

    def best(self, found: Found, count: int) -> tuple[TrialRecord, ...]:
        """Return the best trials; with several objectives the Pareto front."""
        ...


class LocalRecords:
    """The records below a home folder.

    Args:
        home: The home folder.
        known: A database with its password, for folders that name the same one without.
    """

    def __init__(self, home: Path, *, known: Location | None = None) -> None:
        self._home = home
        self._known = known
        self._loaded: dict[str, archive.Archived] = {}

    def list(self) -> tuple[Listed, ...]:
        """Return all experiments, newest first; a log that cannot be read is left out with a message."""
        found = overviews(self._home, known=self._known, complain=_leave_out)
        holders = {database: read_holder(database) for database in {one.database for one in found}}
        return tuple(Listed(one.record, holders[one.database] is not None, one.best) for one in found)

    def find(self, identifier: str) -> Found:
        """Return one experiment.

        Raises:
            NotFoundError: If there is none, or several; similar ones are named.
            DataLossError: If its log is damaged.
        """
        found = archive.load(self._home, identifier, known=self._known)
        self._loaded[found.record.id] = found
        is_held = read_holder(found.database) is not None
        return Found(found.record, found.trials, found.folder, is_held, found.database)

    def best(self, found: Found, count: int) -> tuple[TrialRecord, ...]:
        """Return the best trials."""
        return archive.best(self._loaded[found.record.id], count)


class ServerRecords:
    """The records of a server.

    Args:
        client: A client of it.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    def list(self) -> tuple[Listed, ...]:
        """Return all experiments of the server, newest first."""
        return tuple(Listed(record, True, self._client.best(record.id, 1)) for record in self._client.list())

    def find(self, identifier: str) -> Found:
        """Return one experiment.

        Raises:
            NotFoundError: If there is none; similar ones are named.
        """
        record = self._client.get(identifier)
        return Found(record, tuple(self._client.list_trials(record.id, page_size=1000)), None, True)

    def best(self, found: Found, count: int) -> tuple[TrialRecord, ...]:
        """Return the best trials."""
        return self._client.best(found.record.id, count)


def server_options(function: _Function) -> _Function:
    """Add ``--server`` and ``--token-file``: read from a server instead of this machine's records.

    TLS comes with them: ``--tls-roots``, ``--tls-cert`` and ``--tls-key``, which `server_client` reads.
    """
    token = click.option(
        "--token-file",
        type=click.Path(dir_okay=False, path_type=Path),
        envvar="NASCORE_TOKEN_FILE",
        help="File with the token of that server.",
    )
    server = click.option(
        "--server", metavar="ADDRESS", envvar=SERVER_VARIABLE, help="Ask this server instead of the records here."
    )
    for name, what in reversed(_TLS.items()):
        variable = f"NASCORE_{name.upper()}"
        tls = click.option(
            f"--{name.replace('_', '-')}",
            type=_FILE,
            envvar=variable,
            expose_value=False,
            callback=_remember,
            help=what,
        )
        function = tls(function)
    return server(token(function))


def _remember(context: click.Context, parameter: click.Parameter, value: Path | None) -> None:
    context.meta.setdefault(_TLS_KEY, {})[parameter.name] = value


def server_client(server: str, token_file: Path | None) -> Client:
    """Return a client of the server that the options or the environment name, with its token and TLS.

    Raises:
        InvalidInputError: If the address, the token or a certificate cannot be used.
        UnavailableError: If nobody typed the address, and it leads nowhere; who named it is said.
    """
    context = click.get_current_context()
    files: dict[str, Path | None] = context.meta.get(_TLS_KEY, {})
    roots, certificate, key = (files.get(name) for name in _TLS)
    # By name, because it brings gRPC, a third of what a command costs that reads the records of this machine.
    clients = import_module("nascore.client")
    client: Client = clients.Client(
        server,
        token=None if token_file else os.environ.get("NASCORE_TOKEN") or None,
        token_file=token_file,
        tls=clients.ClientTls(roots, certificate, key) if roots or certificate or key else None,
        patience_s=_PATIENCE_S,
    )
    if context.get_parameter_source("server") is click.core.ParameterSource.ENVIRONMENT:
        _check_reached(client)
    return client


def _check_reached(client: Client) -> None:
    """See that the server of the environment is there; the variable may be of long ago, and forgotten."""
    try:
        client.wait_until_serving(_PATIENCE_S)
    except UnavailableError as error:
        client.close()
        raise UnavailableError(
            f"{SERVER_VARIABLE} is set in the environment, to {client.address}, and no server answers there: "
            f"{error.message}",
            hint=f"To work with the experiments of this machine, unset {SERVER_VARIABLE}.",
        ) from error


def chosen_home(context: click.Context) -> Path:
    """Return the home folder: that of ``--home``, or of the environment."""
    given = context.meta.get(HOME_KEY)
    return home_folder(os.environ if given is None else {"NASCORE_HOME": str(given)})


def known_database() -> Location | None:
    """Return the database that NASCORE_DATABASE names, which may hold a password; ``None`` if it is not set.

    Raises:
        InvalidInputError: If it names none.
    """
    given = os.environ.get(DATABASE_VARIABLE, "")
    return parse_location(given) if given else None


def _leave_out(folder: Path, error: NascoreError) -> None:
    if not isinstance(error, NotFoundError):  # it is just being made
        say(f"{folder.name} is left out: {error}")


def choose_records(context: click.Context, *, server: str | None, token_file: Path | None) -> Records:
    """Return where to read: a server if one was named, else the records of this machine."""
    if not server:
        return LocalRecords(chosen_home(context), known=known_database())
    client = server_client(server, token_file)
    context.call_on_close(client.close)
    return ServerRecords(client)
