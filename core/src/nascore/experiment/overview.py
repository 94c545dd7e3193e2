"""All experiments below a home at a glance: the record of each and the best of it, without reading whole logs.

Where nothing was added to a log since its summary was kept, only the log's last entry is read. Not here: reading one
experiment with all its trials (``archive``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nascore.errors import NotFoundError
from nascore.experiment.places import (
    Complain,
    complaining,
    folders_by_database,
    members,
    reading_existing,
    warn,
)
from nascore.experiment.summary import Summary, keep, kept, summary_of
from nascore.experiment.transitions import rebuilt
from nascore.journal.location import Location
from nascore.journal.log_reader import LogReader
from nascore.record import ExperimentRecord, TrialRecord


@dataclass(frozen=True, slots=True)
class Overview:
    """An experiment at a glance.

    Attributes:
        record: The experiment and its numbers.
        best: Its best trial, or its Pareto front; empty where none succeeded.
        folder: The folder of its run.
        database: Where its log is.
    """

    record: ExperimentRecord
    best: tuple[TrialRecord, ...]
    folder: Path
    database: Location


def overviews(home: Path, *, known: Location | None = None, complain: Complain = warn) -> tuple[Overview, ...]:
    """Return all experiments below a home, newest first.

    Args:
        home: The home folder.
        known: A database with its password; used where a folder names the same one.
        complain: Told of logs that cannot be read; they are left out. By default a warning is logged.
    """
    seen = _each(home, known=known, complain=complain)
    return tuple(sorted(seen, key=lambda one: (one.record.created_at, one.record.id), reverse=True))


def _each(home: Path, *, known: Location | None, complain: Complain) -> Iterator[Overview]:
    for database, folders in folders_by_database(home, known=known, complain=complain).items():
        with complaining(folders[0], complain), reading_existing(database) as reader:
            for name, folder in members(reader, database, folders=folders):
                with complaining(folder, complain):
                    summary = _summary(reader, name, folder=folder)
                    yield Overview(summary.record, summary.best, folder, database)


def _summary(reader: LogReader, name: str, *, folder: Path) -> Summary:
    last = reader.last(name)
    if last is None:
        raise NotFoundError(f"Experiment {name} has no entries yet.")
    summary = kept(folder, last) if folder.name == name else None
    if summary is None:
        summary = summary_of(rebuilt(name, reader.entries(name)))
        if folder.name == name:  # The folder of several has no place for the summary of each.
            keep(folder, summary, last)
    return summary
