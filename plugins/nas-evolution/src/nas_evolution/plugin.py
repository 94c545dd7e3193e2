"""What this package offers to nascore: ``regularized-evolution``, and ``evolution`` as a short name for it."""

from __future__ import annotations

from nascore.tuner import hookimpl

from nas_evolution.regularized_evolution import RegularizedEvolution

NASCORE_PLUGIN_API = 1


@hookimpl
def nascore_tuners() -> dict[str, type[RegularizedEvolution]]:
    """Return the tuner by its names."""
    return {"regularized-evolution": RegularizedEvolution, "evolution": RegularizedEvolution}
