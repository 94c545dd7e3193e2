"""Differentiable architecture search for nascore."""

from nas_darts.darts import Darts, DartsSettings
from nas_darts.directgrad import DirectGrad, DirectGradSettings
from nas_darts.drnas import DrNas, DrNasSettings
from nas_darts.gdas import Gdas, GdasSettings
from nas_darts.pc_darts import PcDarts, PcDartsSettings
from nas_darts.proxyless import Proxyless, ProxylessSettings
from nas_darts.snas import Snas, SnasSettings

__all__ = [
    "Darts",
    "DartsSettings",
    "DirectGrad",
    "DirectGradSettings",
    "DrNas",
    "DrNasSettings",
    "Gdas",
    "GdasSettings",
    "PcDarts",
    "PcDartsSettings",
    "Proxyless",
    "ProxylessSettings",
    "Snas",
    "SnasSettings",
]
