"""GDAS: Dong and Yang 2019, arXiv:1910.04465, after the released code.

A sample takes one candidate a decision: the largest of log softmax(alpha) + Gumbel noise. Backwards it counts as the
softmax of that at a temperature, so the parameters learn from the gate of the one candidate that ran; the others count
as 0, for they were not computed. Every TRAIN draws anew.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from nas_darts.draw import Draw
from nas_darts.mixture_tuner import MixtureTuner
from nas_darts.segments import Array, gumbel
from nas_darts.settings import MixtureSettings


class GdasSettings(MixtureSettings):
    """Settings of GDAS; the defaults are the published ones."""

    first_temperature: float = Field(10.0, gt=0, description="Temperature of the softmax in the first epoch.")
    last_temperature: float = Field(
        0.1, gt=0, description="Temperature in the last epoch; between them it falls evenly."
    )


class Gdas(MixtureTuner[GdasSettings]):
    """Runs one sampled candidate a decision, and learns through the Gumbel softmax."""

    name = "gdas"
    summary = "One candidate a decision by Gumbel noise, gradient through the softmax (Dong and Yang 2019)."
    settings_type = GdasSettings

    def _drawn(self, generator: np.random.Generator, batch: int) -> Draw:
        segments = self._layout.mixed
        perturbed = segments.log_softmax(self._alpha) + gumbel(generator, segments.total)
        hard = segments.one_hot(segments.first_largest(perturbed))
        hard = self._layout.with_gates_open(hard, perturbed)
        temperature = self._temperature(batch)
        soft = segments.softmax(perturbed / temperature)
        return Draw(hard, hard > 0, (soft, np.array(temperature)))

    def _backward(self, draw: Draw, gradient: Array) -> Array:
        soft, temperature = draw.memory
        # d log_softmax / d alpha only shifts a segment as a whole, to which the softmax is blind.
        return self._layout.mixed.softmax_backward(soft, gradient) / temperature

    def _temperature(self, batch: int) -> float:
        first, last = self.settings.first_temperature, self.settings.last_temperature
        return first + (last - first) * self._timetable.progress(batch)
