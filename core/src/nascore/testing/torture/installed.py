"""Which installed tuners can be tortured: each once, whatever other names it has."""

from __future__ import annotations

from nascore.record import Objective
from nascore.testing.torture.plan import Plan
from nascore.tuner import Plugins, Setup
from nascore.tuner.plugins import load_tuner
from nascore.tuner.suitability import why_unsuitable


def installed_tuners() -> tuple[str, ...]:
    """Return one name of each installed tuner that takes a tortured search at its defaults, in alphabetical order.

    Raises:
        PluginError: One cannot be loaded.
    """
    names = {load_tuner(name)[0]: name for name in Plugins("nascore.tuners").names()}
    setup = Setup(Plan(1, 1).space, (Objective("accuracy"),), 0)
    return tuple(sorted(name for each, name in names.items() if not why_unsuitable(each, setup, each.settings_type())))
