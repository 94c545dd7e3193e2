"""What this package offers to nascore: ``regularized-evolution`` (or ``evolution`` for short) and ``morphism``."""

from __future__ import annotations

from nascore.tuner import hookimpl

from nas_evolution.morphism import Morphism
from nas_evolution.regularized_evolution import RegularizedEvolution

NASCORE_PLUGIN_API = 1


@hookimpl
def nascore_tuners() -> dict[str, type[RegularizedEvolution] | type[Morphism]]:
    """Return the tuners by their names."""
    return {"regularized-evolution": RegularizedEvolution, "evolution": RegularizedEvolution, "morphism": Morphism}
