"""GDAS: Dong and Yang 2019, arXiv:1910.04465, after the released code.

A sample takes one candidate a decision: the largest of log softmax(alpha) + Gumbel noise. Backwards it counts as the
softmax of that at a temperature, so the parameters learn from the gate of the one candidate that ran. The others were
not computed; the paper does not say what they count as, the released code has a constant, here it is the gradient that
is usual for the decision (``usual``). Every TRAIN draws anew.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from nascore.tuner import Setup
from pydantic import Field

from nas_darts.chance import Chance
from nas_darts.draw import Draw
from nas_darts.mixture_tuner import MixtureTuner
from nas_darts.segments import Array, gumbel
from nas_darts.settings import MixtureSettings
from nas_darts.usual import Usual


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

    def __init__(self, setup: Setup, settings: GdasSettings) -> None:
        super().__init__(setup, settings)
        self._usual = Usual(self._layout)

    def _drawn(self, chance: Chance, batch: int) -> Draw:
        segments = self._layout.mixed
        perturbed = segments.log_softmax(self._alpha) + gumbel(chance.generator, segments.total)
        hard = segments.one_hot(segments.first_largest(perturbed))
        hard = self._layout.with_gates_open(hard, perturbed)
        temperature = self._temperature(batch)
        soft = segments.softmax(perturbed / temperature)
        return Draw(hard, hard > 0, (soft, np.array(temperature)))

    def _backward(self, draw: Draw, gradient: Array) -> Array:
        soft, temperature = draw.memory
        # d log_softmax / d alpha only shifts a segment as a whole, to which the softmax is blind.
        completed = self._usual.completed(gradient, hard=draw.weights)
        return self._layout.mixed.softmax_backward(soft, completed) / temperature

    def _own_state(self) -> dict[str, list[float]]:
        return self._usual.to_state()

    def _take_own_state(self, own: Mapping[str, list[float]]) -> None:
        self._usual.from_state(dict(own))

    def _temperature(self, batch: int) -> float:
        first, last = self.settings.first_temperature, self.settings.last_temperature
        return first + (last - first) * self._timetable.progress(batch)
