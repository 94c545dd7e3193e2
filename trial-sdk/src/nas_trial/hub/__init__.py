"""The hub: published search spaces as models with choices in them, with their known members.

``nascore run trial.py --space hub:darts`` searches one on a trial's data; here they are for use in Python.
"""

from nas_trial.hub.catalogue import UnknownSpaceError, get, names
from nas_trial.hub.entry import HubSpace, Known, Maker, Option
from nas_trial.hub.fitting import use, with_space
from nas_trial.hub.members import architecture, load, model
from nas_trial.hub.reference import Reference, parse

__all__ = [
    "HubSpace",
    "Known",
    "Maker",
    "Option",
    "Reference",
    "UnknownSpaceError",
    "architecture",
    "get",
    "load",
    "model",
    "names",
    "parse",
    "use",
    "with_space",
]
