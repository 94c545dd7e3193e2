"""The source of what reading verbs show: the records on this machine, or a server.

Records are read from the database itself, beside a live server or without one; with ``--server`` (NASCORE_SERVER) the
same comes from a server over gRPC. Not here: control (``nascore.cli.control``).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import click

from nascore.cli.screen import say
from nascore.cli.verb import HOME_KEY
from nascore.client import Client
from nascore.errors import NascoreError, NotFoundError, UnsupportedError
from nascore.experiment import DATABASE_NAME, archive, home_folder
from nascore.journal import read_holder
from nascore.record import ExperimentRecord, TrialRecord

_PATIENCE_S = 5.0
_Function = TypeVar("_Function", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Found:
    """An experiment with its trials.

    Attributes:
        record: The experiment.
        trials: Its trials, by number.
        folder: Its folder on this machine; ``None`` for one on a server.
        is_held: Whether a process has it open, so that it goes on.
    """

    record: ExperimentRecord
    trials: tuple[TrialRecord, ...]
    folder: Path | None
    is_held: bool

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
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._loaded: dict[str, archive.Archived] = {}

    def list(self) -> tuple[Listed, ...]:
        """Return all experiments, newest first; a log that cannot be read is left out with a message."""
        found = []
        for database in self._databases():
            try:
                found.append(archive.load_database(database))
            except NotFoundError:  # it is just being made
                continue
            except NascoreError as error:
                say(f"{database.parent.name} is left out: {error}")
        found.sort(key=lambda one: (one.record.created_at, one.record.id), reverse=True)
        return tuple(Listed(one.record, read_holder(one.database) is not None, archive.best(one, 1)) for one in found)

    def find(self, identifier: str) -> Found:
        """Return one experiment.

        Raises:
            NotFoundError: If there is none, or several; similar ones are named.
            DataLossError: If its log is damaged.
        """
        own = {database.parent.name: database for database in self._databases()}.get(identifier)
        # By its full id nothing else is read; and a damaged log says so itself.
        found = archive.load(self._home, identifier) if own is None else archive.load_database(own)
        self._loaded[found.record.id] = found
        return Found(found.record, found.trials, found.folder, read_holder(found.database) is not None)

    def _databases(self) -> tuple[Path, ...]:
        return tuple(sorted((self._home / "experiments").glob(f"*/{DATABASE_NAME}")))

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
    """Add ``--server`` and ``--token-file``: read from a server instead of this machine's records."""
    token = click.option(
        "--token-file",
        type=click.Path(dir_okay=False, path_type=Path),
        envvar="NASCORE_TOKEN_FILE",
        help="File with the token of that server.",
    )
    server = click.option(
        "--server", metavar="ADDRESS", envvar="NASCORE_SERVER", help="Ask this server instead of the records here."
    )
    return server(token(function))


def chosen_home(context: click.Context) -> Path:
    """Return the home folder: that of ``--home``, or of the environment."""
    given = context.meta.get(HOME_KEY)
    return home_folder(os.environ if given is None else {"NASCORE_HOME": str(given)})


def choose_records(context: click.Context, *, server: str | None, token_file: Path | None) -> Records:
    """Return where to read: a server if one was named, else the records of this machine."""
    if not server:
        return LocalRecords(chosen_home(context))
    client = Client(server, token_file=token_file, patience_s=_PATIENCE_S)
    context.call_on_close(client.close)
    return ServerRecords(client)
