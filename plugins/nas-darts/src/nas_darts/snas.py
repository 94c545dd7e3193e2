"""SNAS: Xie, Zheng, Liu and Lin 2019, arXiv:1812.09926.

Weights are a draw from the concrete distribution: softmax((log softmax(alpha) + Gumbel noise) / temperature). One
level: weights and parameters learn from the same training batch.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from nas_darts.chance import Chance
from nas_darts.draw import Draw
from nas_darts.mixture_tuner import MixtureTuner
from nas_darts.segments import Array, gumbel
from nas_darts.settings import MixtureSettings


class SnasSettings(MixtureSettings):
    """Settings of SNAS; the defaults are the published ones."""

    first_temperature: float = Field(1.0, gt=0, description="Temperature in the first epoch.")
    last_temperature: float = Field(0.03, gt=0, description="Temperature in the last epoch; it falls exponentially.")


class Snas(MixtureTuner[SnasSettings]):
    """Learns weights and architecture together, through noisy softmax weights."""

    name = "snas"
    summary = "Gumbel softmax mixture learnt together with the weights, on one level (Xie et al. 2019)."
    settings_type = SnasSettings

    def _drawn(self, chance: Chance, batch: int) -> Draw:
        segments = self._layout.mixed
        temperature = self._temperature(batch)
        noisy = segments.log_softmax(self._alpha) + gumbel(chance.generator, segments.total)
        return Draw(segments.softmax(noisy / temperature), memory=(np.array(temperature),))

    def _backward(self, draw: Draw, gradient: Array) -> Array:
        (temperature,) = draw.memory
        return self._layout.mixed.softmax_backward(draw.weights, gradient) / temperature

    def _is_single_level(self) -> bool:
        return True

    def _temperature(self, batch: int) -> float:
        first, last = self.settings.first_temperature, self.settings.last_temperature
        return float(first * (last / first) ** self._timetable.progress(batch))
