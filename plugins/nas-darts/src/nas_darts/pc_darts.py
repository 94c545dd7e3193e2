"""PC-DARTS: Xu et al. 2020, arXiv:1907.05737, after the released code.

One of ``partial_channels`` channels goes through the candidates, the others pass by; that is the trial's part. The
edges of a node have weights of their own, softmax(beta), which multiply the operations' in the final choice. Parameters
rest for the first 15 of 50 epochs.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from nas_darts.chance import Chance
from nas_darts.draw import Draw
from nas_darts.mixture_tuner import MixtureTuner
from nas_darts.segments import Array
from nas_darts.settings import MixtureSettings


class PcDartsSettings(MixtureSettings):
    """Settings of PC-DARTS; the defaults are the published ones."""

    published_rate: ClassVar[float] = 6e-4

    partial_channels: int = Field(4, ge=1, description="One of so many channels takes part in the mixture.")
    frozen_share: float = Field(
        0.3, ge=0, lt=1, description="Share of the search epochs without architecture steps (15 of 50)."
    )


class PcDarts(MixtureTuner[PcDartsSettings]):
    """DARTS on a part of the channels, with weights on edges."""

    name = "pc-darts"
    summary = "DARTS on a quarter of the channels, with normalised edges (Xu et al. 2020)."
    settings_type = PcDartsSettings
    has_edge_weights = True

    def _drawn(self, chance: Chance, batch: int) -> Draw:
        return Draw(self._probabilities())

    def _backward(self, draw: Draw, gradient: Array) -> Array:
        return self._probabilities_backward(gradient)

    def _partial_channels(self, batch: int) -> int:
        return self.settings.partial_channels
