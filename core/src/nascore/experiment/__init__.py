"""Experiments at work: the log that is the truth, the state rebuilt from it, and the engine that decides.

What works on experiments is imported when it is first asked for, so that commands that only read start without it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from nascore.experiment import archive
from nascore.experiment.home import (
    DATABASE_NAME,
    database_of,
    experiment_folder,
    home_folder,
    new_identifier,
    remember_database,
)
from nascore.experiment.overview import Overview, overviews
from nascore.experiment.places import Place, locate

if TYPE_CHECKING:
    from nascore.experiment.clock import Clock, SystemClock
    from nascore.experiment.counterpart import Connect
    from nascore.experiment.engine import Engine
    from nascore.experiment.experiments import Experiments
    from nascore.experiment.watching import Change

__all__ = [
    "DATABASE_NAME",
    "Change",
    "Clock",
    "Connect",
    "Engine",
    "Experiments",
    "Overview",
    "Place",
    "SystemClock",
    "archive",
    "database_of",
    "experiment_folder",
    "home_folder",
    "locate",
    "new_identifier",
    "overviews",
    "remember_database",
]

_LATE = {
    "Change": "nascore.experiment.watching",
    "Clock": "nascore.experiment.clock",
    "Connect": "nascore.experiment.counterpart",
    "Engine": "nascore.experiment.engine",
    "Experiments": "nascore.experiment.experiments",
    "SystemClock": "nascore.experiment.clock",
}


def __getattr__(name: str) -> object:
    if name in _LATE:
        return getattr(import_module(_LATE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
