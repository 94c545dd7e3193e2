"""DARTS: Liu, Simonyan and Yang 2019, arXiv:1806.09055, after the released code.

Weights of the mixture are softmax(alpha). The gradient of the search split's loss moves alpha; with ``order`` 2 it is
taken through one step of the weights, which the trial does (``Unrolled``), so nothing changes here.

Two robust options: an auxiliary skip that fades out (DARTS-: Chu et al. 2021, arXiv:2009.01027), and the final choice
by what hurts most when it is taken away (DARTS-PT: Wang et al. 2021, arXiv:2108.04392).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from nascore.record import Budget, Outcome, Unrolled
from nascore.tuner import Setup
from pydantic import Field

from nas_darts.chance import Chance
from nas_darts.draw import Draw
from nas_darts.mixture_tuner import SCORE, TRAIN, MixtureTuner
from nas_darts.perturbation import Perturbation
from nas_darts.segments import Array
from nas_darts.settings import MixtureSettings


class DartsSettings(MixtureSettings):
    """Settings of DARTS; the defaults are the published ones."""

    order: Literal[1, 2] = Field(1, description="1: the gradient as it is; 2: through one step of the weights.")
    radius: float = Field(0.01, gt=0, description="Radius of the finite difference of order 2.")
    auxiliary_skip: float = Field(
        0.0, ge=0, description="Weight that is added to every skip at first and fades to 0 (DARTS-: 1); 0: none."
    )
    selection: Literal["probability", "perturbation"] = Field(
        "probability", description="Take the most probable candidates, or those whose loss hurts most (DARTS-PT)."
    )
    perturbation_tuning_epochs: int = Field(
        5, ge=0, description="Epochs of weight training after each choice by perturbation, beyond the schedule."
    )


class Darts(MixtureTuner[DartsSettings]):
    """Moves softmax weights of all candidates along the gradient of the search split's loss."""

    name = "darts"
    summary = "Softmax mixture of all candidates, moved along its gradient, first or second order (Liu et al. 2019)."
    settings_type = DartsSettings

    def __init__(self, setup: Setup, settings: DartsSettings) -> None:
        super().__init__(setup, settings)
        self._is_skip = np.zeros(self._layout.mixed.total)
        for row in self._layout.mixed_rows:
            for entry, name in zip(row.entries, row.names, strict=False):
                self._is_skip[entry] = float(name in settings.skip_keys)
        tuning = settings.perturbation_tuning_epochs * self._timetable.batches_per_epoch
        self._perturbation = Perturbation(self._layout, seed=setup.seed, tuning_batches=tuning)

    def _probabilities(self) -> Array:
        probabilities = super()._probabilities()
        if self.settings.selection == "probability":
            return probabilities
        open_mass = np.where(self._perturbation.is_open(), probabilities, 0.0)
        return open_mass / self._layout.mixed.sums(open_mass)[self._layout.mixed.owner]

    def _final_probabilities(self) -> Array:
        # Not normalised, so that edges are still ranked by the probability of the operation that stays.
        return np.where(self._perturbation.is_open(), super()._probabilities(), 0.0)

    def _drawn(self, chance: Chance, batch: int) -> Draw:
        weights = self._probabilities()
        auxiliary = self.settings.auxiliary_skip * (1.0 - self._timetable.progress(batch))
        # The auxiliary skip has no parameter: it adds to the output, and the softmax does not see it.
        return Draw(weights + auxiliary * self._is_skip) if auxiliary else Draw(weights)

    def _backward(self, draw: Draw, gradient: Array) -> Array:
        return self._probabilities_backward(gradient)

    def _unrolled(self) -> Unrolled | None:
        return Unrolled(self.settings.radius) if self.settings.order == 2 else None

    # The final choice by perturbation.

    def _planned(self) -> list[str]:
        planned = super()._planned()
        if planned or self.settings.selection == "probability":
            return planned
        trained = self._perturbation.train_batches(self.setup.workers)
        return [TRAIN] * trained or [f"{SCORE}{entry}" for entry in self._perturbation.entries()]

    def _scored(self, kind: str) -> Draw:
        return Draw(self._perturbation.without(self._probabilities(), _entry(kind)))

    def _budget(self, kind: str) -> Budget | None:
        # The whole search split: candidates are compared on the same examples.
        return Budget("epochs", 1) if kind.startswith(SCORE) else None

    def _take_score(self, kind: str, outcome: Outcome) -> None:
        self._perturbation.add(_entry(kind), self._score(outcome))
        if not self._queue and not self._held:
            self._perturbation.choose(super()._probabilities())

    def _score(self, outcome: Outcome) -> float | None:
        objective = self.objectives[0]
        if objective.metric in outcome.metrics:
            return objective.score(outcome.metrics)
        return -outcome.metrics["loss"] if "loss" in outcome.metrics else None

    def _own_state(self) -> dict[str, list[float]]:
        return self._perturbation.to_state()

    def _take_own_state(self, own: Mapping[str, list[float]]) -> None:
        self._perturbation.from_state(dict(own))


def _entry(kind: str) -> int:
    return int(kind.removeprefix(SCORE))
