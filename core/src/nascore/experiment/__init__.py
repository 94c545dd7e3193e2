"""Experiments at work: the log that is the truth, the state rebuilt from it, and the engine that decides."""

from nascore.experiment import archive
from nascore.experiment.asking import Connect
from nascore.experiment.clock import Clock, SystemClock
from nascore.experiment.engine import Engine
from nascore.experiment.experiments import Experiments
from nascore.experiment.holder import Hold, Holder, acquire, read_holder
from nascore.experiment.home import DATABASE_NAME, experiment_folder, home_folder, new_identifier
from nascore.experiment.journal import Entry, Journal, TunerSnapshot
from nascore.experiment.watching import Change

__all__ = [
    "DATABASE_NAME",
    "Change",
    "Clock",
    "Connect",
    "Engine",
    "Entry",
    "Experiments",
    "Hold",
    "Holder",
    "Journal",
    "SystemClock",
    "TunerSnapshot",
    "acquire",
    "archive",
    "experiment_folder",
    "home_folder",
    "new_identifier",
    "read_holder",
]
