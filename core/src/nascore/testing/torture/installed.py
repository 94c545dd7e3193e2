"""Which installed tuners can be tortured: each once, whatever other names it has."""

from __future__ import annotations

from nascore.tuner import Mode, Plugins
from nascore.tuner.plugins import load_tuner


def installed_tuners() -> tuple[str, ...]:
    """Return one name of each installed tuner that proposes architectures, in alphabetical order.

    Raises:
        PluginError: One cannot be loaded.
    """
    names = {load_tuner(name)[0]: name for name in Plugins("nascore.tuners").names()}
    return tuple(sorted(name for tuner_type, name in names.items() if Mode.MULTI_TRIAL in tuner_type.modes))
