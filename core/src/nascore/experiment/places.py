"""Where experiments are: below a home, in databases of their own or shared ones.

Only the beginnings of logs are read here. Not here: what is read of those that are wanted (``archive``, ``overview``).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nascore.errors import NascoreError, NotFoundError
from nascore.experiment.home import database_of, has_log
from nascore.experiment.naming import found, newest_first
from nascore.experiment.transitions import rebuilt
from nascore.journal.location import Location
from nascore.journal.log_reader import LogReader
from nascore.journal.opening import reading
from nascore.record import ExperimentRecord

_LOG = logging.getLogger(__name__)

Complain = Callable[[Path, NascoreError], None]
"""Told of a folder whose log cannot be read, and why."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an experiment is.

    Attributes:
        record: The experiment as it was when it began.
        folder: The folder of its run.
        database: Where its log is.
    """

    record: ExperimentRecord
    folder: Path
    database: Location


def locate(home: Path, identifier: str, *, known: Location | None = None) -> Place:
    """Return where an experiment below a home is, at a cost that does not grow with its log.

    Args:
        home: The home folder.
        identifier: Its id, the beginning of it, its name, or "last".
        known: A database with its password; used where a folder names the same one.

    Raises:
        NotFoundError: There is none, or several.
        DataLossError: The first entry of its log is damaged.
        NascoreError: No log can be read at all.
    """
    folder = home / "experiments" / identifier
    if folder.parent == home / "experiments" and has_log(folder):  # By its full id nothing else is read.
        return chosen(_places(_database(folder, known), folders=[folder]), identifier)
    return chosen(_readable(home, known=known), identifier)


def places_in(database: Location, *, folder: Path) -> list[Place]:
    """Return all experiments of one database, with one folder for all of them.

    Raises:
        NotFoundError: There is no such database.
        NascoreError: It cannot be read.
    """
    with reading_existing(database) as reader:
        return [Place(_head(reader, name), folder, database) for name in reader.experiments()]


def chosen(places: Sequence[Place], identifier: str) -> Place:
    """Return the one that is meant.

    Raises:
        NotFoundError: There is none, or several.
    """
    record = found(newest_first([place.record for place in places]), identifier)
    return next(place for place in places if place.record.id == record.id)


def folders_by_database(home: Path, *, known: Location | None, complain: Complain) -> Mapping[Location, Sequence[Path]]:
    """Return the folders below a home that share a database: one that is away shall be waited for once."""
    folders: dict[Location, list[Path]] = {}
    for folder in sorted((home / "experiments").glob("*")):
        if has_log(folder):
            with complaining(folder, complain):
                folders.setdefault(_database(folder, known), []).append(folder)
    return folders


def members(reader: LogReader, database: Location, *, folders: Sequence[Path]) -> list[tuple[str, Path]]:
    """Return the ids of folders that share a database: each its own; a log inside its folder has no others."""
    names = reader.experiments()
    if isinstance(database, Path) and database.parent in folders:
        return [(name, database.parent) for name in names]
    known = set(names)
    return [(folder.name, folder) for folder in folders if folder.name in known]


@contextmanager
def reading_existing(database: Location) -> Iterator[LogReader]:
    """Read a log as of one moment.

    Raises:
        NotFoundError: There is no such database.
        NascoreError: It cannot be read.
    """
    if isinstance(database, Path) and not database.exists():
        raise NotFoundError(f"There is no database {database}.")
    with reading(database) as reader:
        yield reader


@contextmanager
def complaining(folder: Path, complain: Complain) -> Iterator[None]:
    """Tell of what goes wrong with a folder, and go on without it."""
    try:
        yield
    except NascoreError as error:
        complain(folder, error)


def warn(folder: Path, error: NascoreError) -> None:
    """Write into the program's own log what cannot be read."""
    _LOG.warning("Left out: %s: %s", folder.name, error)


def _readable(home: Path, *, known: Location | None) -> list[Place]:
    """Return the experiments whose logs can be read, and warn of the others; raise why if there is none."""
    failures: list[tuple[Path, NascoreError]] = []

    def note(folder: Path, error: NascoreError) -> None:
        failures.append((folder, error))

    places: list[Place] = []
    for database, folders in folders_by_database(home, known=known, complain=note).items():
        with complaining(folders[0], note):
            places += _places(database, folders=folders)
    if failures and not places:
        raise failures[0][1]
    for failure in failures:
        warn(*failure)
    return places


def _places(database: Location, *, folders: Sequence[Path]) -> list[Place]:
    with reading_existing(database) as reader:
        found_here = members(reader, database, folders=folders)
        return [Place(_head(reader, name), folder, database) for name, folder in found_here]


def _head(reader: LogReader, identifier: str) -> ExperimentRecord:
    """Return an experiment as it was when it began."""
    first = reader.first(identifier)
    if first is None:
        raise NotFoundError(f"Experiment {identifier} has no entries yet.")
    return rebuilt(identifier, [first]).record()


def _database(folder: Path, known: Location | None) -> Location:
    database = database_of(folder)
    return known if known is not None and known == database else database
