"""What this package offers to nascore: differentiable tuners."""

from __future__ import annotations

from typing import Any

from nascore.tuner import Tuner, hookimpl

from nas_darts.darts import Darts
from nas_darts.directgrad import DirectGrad
from nas_darts.drnas import DrNas
from nas_darts.gdas import Gdas
from nas_darts.pc_darts import PcDarts
from nas_darts.proxyless import Proxyless
from nas_darts.snas import Snas

NASCORE_PLUGIN_API = 1


@hookimpl
def nascore_tuners() -> dict[str, type[Tuner[Any]]]:
    """Return the tuners by name."""
    tuners: tuple[type[Tuner[Any]], ...] = (Darts, DirectGrad, DrNas, Gdas, PcDarts, Proxyless, Snas)
    return {tuner.name: tuner for tuner in tuners}
