"""Experiments at work: the log that is the truth, the state rebuilt from it, and the engine that decides."""

from nascore.experiment import archive
from nascore.experiment.asking import Connect
from nascore.experiment.clock import Clock, SystemClock
from nascore.experiment.engine import Engine
from nascore.experiment.experiments import Experiments
from nascore.experiment.home import (
    DATABASE_NAME,
    database_of,
    experiment_folder,
    home_folder,
    new_identifier,
    remember_database,
)
from nascore.experiment.watching import Change

__all__ = [
    "DATABASE_NAME",
    "Change",
    "Clock",
    "Connect",
    "Engine",
    "Experiments",
    "SystemClock",
    "archive",
    "database_of",
    "experiment_folder",
    "home_folder",
    "new_identifier",
    "remember_database",
]
