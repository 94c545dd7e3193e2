"""What this package offers to nascore: four samplers of Optuna as tuners."""

from __future__ import annotations

from typing import Any

from nascore.tuner import Tuner, hookimpl

from nas_optuna.cmaes import CmaEs
from nas_optuna.gp import GaussianProcess
from nas_optuna.nsgaii import NsgaII
from nas_optuna.tpe import Tpe

NASCORE_PLUGIN_API = 1


@hookimpl
def nascore_tuners() -> dict[str, type[Tuner[Any]]]:
    """Return the tuners by name."""
    return {tuner.name: tuner for tuner in (Tpe, CmaEs, GaussianProcess, NsgaII)}
