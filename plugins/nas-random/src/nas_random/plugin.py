"""What this package offers to nascore: the tuner ``random``."""

from __future__ import annotations

from nascore.tuner import hookimpl

from nas_random.random_search import RandomSearch

NASCORE_PLUGIN_API = 1


@hookimpl
def nascore_tuners() -> dict[str, type[RandomSearch]]:
    """Return the tuner by name."""
    return {"random": RandomSearch}
