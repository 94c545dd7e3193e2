"""Reading a whole log without holding it: beside a live server, or long after it is gone.

Nothing is written and no lock is taken. To find an experiment only the beginnings of logs are read. Not here: changing
anything (``experiments``), and what a list of all experiments needs (``overview``).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nascore.errors import NotFoundError
from nascore.experiment.overview import overviews
from nascore.experiment.places import Place, chosen, locate, places_in, reading_existing
from nascore.experiment.transitions import rebuilt
from nascore.journal.location import Location
from nascore.record import ExperimentRecord, TrialRecord


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


def find(home: Path) -> tuple[ExperimentRecord, ...]:
    """Return all experiments below a home, newest first; logs that cannot be read are left out with a warning."""
    return tuple(seen.record for seen in overviews(home))


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
    return _loaded(locate(home, identifier, known=known))


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
    return _loaded(chosen(places_in(database, folder=run), identifier))


def best(archived: Archived, count: int = 1) -> tuple[TrialRecord, ...]:
    """Return the best trials, best first: ``count`` with one objective, the whole Pareto front with several."""
    limit = count if len(archived.record.spec.objectives) == 1 else None
    return tuple(archived.trials[number] for number in archived._best[:limit])


def _loaded(place: Place) -> Archived:
    with reading_existing(place.database) as reader:
        state = rebuilt(place.record.id, reader.entries(place.record.id))
    if state.spec is None:
        raise NotFoundError(f"Experiment {place.record.id} was deleted just now.")
    return Archived(state.record(), state.select(), place.folder, place.database, state.ranking.best())
