"""The log of one experiment as a checker reads it: from its database, or from lines of JSON kept with a history."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nascore.errors import DataLossError, NotFoundError
from nascore.experiment.events import Event, event_of
from nascore.journal import Entry, Location, reading


@dataclass(frozen=True, slots=True)
class Logged:
    """An event with its place in the log and its Unix time."""

    seq: int
    time: float
    event: Event


def entries_of_database(database: Location, experiment: str = "") -> tuple[Entry, ...]:
    """Return the log of an experiment in a database; of the newest one if none is named.

    Raises:
        NotFoundError: There is no such experiment.
        DataLossError: An entry is missing or damaged.
    """
    with reading(database) as reader:
        names = reader.experiments()
        if not names or (experiment and experiment not in names):
            raise NotFoundError(f"{database} has no experiment {experiment!r}; it has {list(names)}.")
        return tuple(reader.entries(experiment or names[-1]))


def log_of(entries: Iterable[Entry]) -> tuple[Logged, ...]:
    """Return the events of a log.

    Raises:
        DataLossError: One cannot be read.
    """
    return tuple(Logged(entry.seq, entry.time, event_of(entry, experiment="checked")) for entry in entries)


def write_entries(entries: Iterable[Entry], path: Path) -> None:
    """Keep a log as lines of JSON, to be checked without its database."""
    rows = ([entry.seq, entry.kind, entry.payload, entry.time, entry.elapsed_s] for entry in entries)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


def read_entries(path: Path) -> tuple[Entry, ...]:
    """Return a log that `write_entries` kept.

    Raises:
        DataLossError: A line is none of a log.
    """
    try:
        return tuple(Entry(*json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines())
    except (ValueError, TypeError, OSError) as error:
        raise DataLossError(f"{path}: not a log that was kept ({error}).") from None
