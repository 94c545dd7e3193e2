"""Reading logs without holding them: beside a live server, or long after it is gone.

Nothing is written and no lock is taken. To find an experiment only the beginnings of logs are read; the whole log is
read of those that are wanted. Not here: changing anything (``experiments``).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
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
from nascore.record import ExperimentRecord, TrialRecord

_LOG = logging.getLogger(__name__)

Complain = Callable[[Path, NascoreError], None]
"""Told of a folder whose log cannot be read, and why."""


@dataclass(frozen=True, slots=True)
class Archived:
    """An experiment as its log tells it.

    Attributes:
        record: The experiment and its numbers.
        trials: All its trials by number.
        folder: The folder of its run.
        database: Where its log is.
    """

    record: ExperimentRecord
    trials: tuple[TrialRecord, ...]
    folder: Path
    database: Location
    _best: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Place:
    """An experiment as it was when it began, its folder, and where its log is."""

    record: ExperimentRecord
    folder: Path
    database: Location


def find(home: Path) -> tuple[ExperimentRecord, ...]:
    """Return all experiments below a home, newest first; logs that cannot be read are left out with a warning."""
    return tuple(archived.record for archived in load_all(home))


def load_all(home: Path, *, known: Location | None = None, complain: Complain | None = None) -> tuple[Archived, ...]:
    """Return all experiments below a home, newest first.

    Args:
        home: The home folder.
        known: A database with its password; used where a folder names the same one.
        complain: Told of logs that cannot be read; they are left out. By default a warning is logged.
    """
    loaded = []
    for place in _places(home, known=known, complain=complain or _warn):
        with _complaining(place.folder, complain or _warn):
            loaded.append(_loaded(place))
    return tuple(sorted(loaded, key=lambda one: (one.record.created_at, one.record.id), reverse=True))


def load(home: Path, identifier: str, *, known: Location | None = None) -> Archived:
    """Return an experiment below a home, by its id, the beginning of it, its name, or "last".

    Args:
        home: The home folder.
        identifier: Which one.
        known: A database with its password; used where a folder names the same one.

    Raises:
        NotFoundError: There is none, or several.
        DataLossError: Its log is damaged.
        NascoreError: No log can be read at all.
    """
    folder = home / "experiments" / identifier
    if folder.parent == home / "experiments" and has_log(folder):  # By its full id nothing else is read.
        places = _heads(_database(folder, known), folders=[folder])
    else:
        places = _readable(home, known=known)
    record = found(newest_first([place.record for place in places]), identifier)
    return _loaded(next(place for place in places if place.record.id == record.id))


def load_database(database: Location, identifier: str = "last", *, folder: Path | None = None) -> Archived:
    """Return an experiment in one database.

    Args:
        database: Where the log is.
        identifier: Which one.
        folder: The folder of its run; by default that of the file.

    Raises:
        NotFoundError: There is no such database, or no such experiment in it.
        DataLossError: It is damaged.
    """
    run = folder or (database.parent if isinstance(database, Path) else Path())
    with _reading(database) as reader:
        places = [_Place(_head(reader, name), run, database) for name in reader.experiments()]
    record = found(newest_first([place.record for place in places]), identifier)
    return _loaded(next(place for place in places if place.record.id == record.id))


def best(archived: Archived, count: int = 1) -> tuple[TrialRecord, ...]:
    """Return the best trials, best first: ``count`` with one objective, the whole Pareto front with several."""
    limit = count if len(archived.record.spec.objectives) == 1 else None
    return tuple(archived.trials[number] for number in archived._best[:limit])


def _readable(home: Path, *, known: Location | None) -> list[_Place]:
    """Return the experiments whose logs can be read, and warn of the others; raise why if there is none."""
    failures: list[tuple[Path, NascoreError]] = []
    places = list(_places(home, known=known, complain=lambda folder, error: failures.append((folder, error))))
    if failures and not places:
        raise failures[0][1]
    for failure in failures:
        _warn(*failure)
    return places


def _loaded(place: _Place) -> Archived:
    with _reading(place.database) as reader:
        state = rebuilt(place.record.id, reader.entries(place.record.id))
    if state.spec is None:
        raise NotFoundError(f"Experiment {place.record.id} was deleted just now.")
    return Archived(state.record(), state.select(), place.folder, place.database, state.ranking.best())


def _places(home: Path, *, known: Location | None, complain: Complain) -> Iterator[_Place]:
    folders: dict[Location, list[Path]] = {}
    for folder in sorted((home / "experiments").glob("*")):
        if has_log(folder):
            with _complaining(folder, complain):
                folders.setdefault(_database(folder, known), []).append(folder)
    for database, sharing in folders.items():  # Each is asked once: one that is away is waited for once.
        with _complaining(sharing[0], complain):
            yield from _heads(database, folders=sharing)


def _heads(database: Location, *, folders: Sequence[Path]) -> list[_Place]:
    """Return the experiments of folders that share a database: each its own; a log inside its folder has no others."""
    with _reading(database) as reader:
        if isinstance(database, Path) and database.parent in folders:
            return [_Place(_head(reader, name), database.parent, database) for name in reader.experiments()]
        known = set(reader.experiments())
        return [_Place(_head(reader, one.name), one, database) for one in folders if one.name in known]


def _head(reader: LogReader, identifier: str) -> ExperimentRecord:
    """Return an experiment as it was when it began."""
    first = reader.first(identifier)
    if first is None:
        raise NotFoundError(f"Experiment {identifier} has no entries yet.")
    return rebuilt(identifier, [first]).record()


@contextmanager
def _reading(database: Location) -> Iterator[LogReader]:
    if isinstance(database, Path) and not database.exists():
        raise NotFoundError(f"There is no database {database}.")
    with reading(database) as reader:
        yield reader


def _database(folder: Path, known: Location | None) -> Location:
    database = database_of(folder)
    return known if known is not None and known == database else database


@contextmanager
def _complaining(folder: Path, complain: Complain) -> Iterator[None]:
    try:
        yield
    except NascoreError as error:
        complain(folder, error)


def _warn(folder: Path, error: NascoreError) -> None:
    _LOG.warning("Left out: %s: %s", folder.name, error)
