"""Reading logs without holding them: beside a live server, or long after it is gone.

Nothing is written and no lock is taken; SQLite's write-ahead log lets readers see the last committed state. Not here:
changing anything (``experiments``).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from nascore.errors import NascoreError, NotFoundError
from nascore.experiment.home import DATABASE_NAME
from nascore.experiment.naming import found, newest_first
from nascore.experiment.state import State
from nascore.experiment.transitions import rebuilt
from nascore.journal.sqlite_schema import connect_for_reading, stored_entries, stored_experiments, understood
from nascore.record import ExperimentRecord, TrialRecord

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Archived:
    """An experiment as its log tells it.

    Attributes:
        record: The experiment and its numbers.
        trials: All its trials by number.
        folder: The folder of its run.
        database: Its log.
    """

    record: ExperimentRecord
    trials: tuple[TrialRecord, ...]
    folder: Path
    database: Path
    _best: tuple[int, ...] = ()


def find(home: Path) -> tuple[ExperimentRecord, ...]:
    """Return all experiments below a home, newest first; logs that cannot be read are left out with a warning."""
    return newest_first([state.record() for state, _ in _states(home)])


def load(home: Path, identifier: str) -> Archived:
    """Return an experiment below a home, by its id, the beginning of it, its name, or "last".

    Raises:
        NotFoundError: There is none, or several.
    """
    states = {state.id: (state, database) for state, database in _states(home)}
    record = found(newest_first([state.record() for state, _ in states.values()]), identifier)
    return _archived(*states[record.id])


def load_database(database: Path, identifier: str = "last") -> Archived:
    """Return an experiment in one database.

    Raises:
        NotFoundError: There is no such database, or no such experiment in it.
        DataLossError: It is damaged.
    """
    if not database.exists():
        raise NotFoundError(f"There is no database {database}.")
    states = {state.id: state for state in _states_in(database)}
    record = found(newest_first([state.record() for state in states.values()]), identifier)
    return _archived(states[record.id], database)


def best(archived: Archived, count: int = 1) -> tuple[TrialRecord, ...]:
    """Return the best trials, best first: ``count`` with one objective, the whole Pareto front with several."""
    limit = count if len(archived.record.spec.objectives) == 1 else None
    return tuple(archived.trials[number] for number in archived._best[:limit])


def _archived(state: State, database: Path) -> Archived:
    return Archived(state.record(), state.select(), database.parent, database, state.ranking.best())


def _states(home: Path) -> Iterator[tuple[State, Path]]:
    for database in sorted((home / "experiments").glob(f"*/{DATABASE_NAME}")):
        try:
            for state in _states_in(database):
                yield state, database
        except NascoreError as error:
            _LOG.warning("Left out: %s", error)


def _states_in(database: Path) -> list[State]:
    with understood(database), closing(connect_for_reading(database)) as connection:
        connection.execute("BEGIN")  # All is read as of one moment.
        identifiers = stored_experiments(connection)
        return [rebuilt(identifier, stored_entries(connection, identifier)) for identifier in identifiers]
