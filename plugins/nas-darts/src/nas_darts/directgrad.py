"""DirectGrad, as in ModularNAS (Lin et al. 2020): a sampled path forwards, the softmax backwards (straight-through).

The gradient comes from the training batch itself; the bi-level form takes it from the search split. The trial computes
one candidate for the step, and the gates of all for the gradient.
"""

from __future__ import annotations

from pydantic import Field

from nas_darts.chance import Chance
from nas_darts.draw import Draw
from nas_darts.mixture_tuner import MixtureTuner
from nas_darts.segments import Array, gumbel
from nas_darts.settings import MixtureSettings


class DirectGradSettings(MixtureSettings):
    """Settings of DirectGrad."""

    is_bilevel: bool = Field(
        False, description="Take the gradient from the search split instead of the training batch."
    )


class DirectGrad(MixtureTuner[DirectGradSettings]):
    """Runs a sampled path, and passes its gates' gradient straight through to the softmax."""

    name = "directgrad"
    summary = "A sampled path forwards, the softmax backwards, from the training loss or bi-level (ModularNAS)."
    settings_type = DirectGradSettings

    def _is_single_level(self) -> bool:
        return not self.settings.is_bilevel

    def _drawn(self, chance: Chance, batch: int) -> Draw:
        segments = self._layout.mixed
        perturbed = segments.log_softmax(self._alpha) + gumbel(chance.generator, segments.total)
        hard = segments.one_hot(segments.first_largest(perturbed))
        return Draw(self._layout.with_gates_open(hard, perturbed))

    def _backward(self, draw: Draw, gradient: Array) -> Array:
        return self._probabilities_backward(gradient)
