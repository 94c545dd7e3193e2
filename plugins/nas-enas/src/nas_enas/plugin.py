"""What this package offers to nascore: the tuners ``enas``, ``reinforce`` and ``ppo``."""

from __future__ import annotations

from nascore.tuner import hookimpl

from nas_enas.enas import Enas
from nas_enas.ppo import Ppo
from nas_enas.reinforce import Reinforce
from nas_enas.tuner import PolicyTuner

NASCORE_PLUGIN_API = 1


@hookimpl
def nascore_tuners() -> dict[str, type[PolicyTuner]]:  # type: ignore[type-arg]  # of different settings
    """Return the tuners by name."""
    return {"enas": Enas, "reinforce": Reinforce, "ppo": Ppo}
