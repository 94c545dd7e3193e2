"""The tuner ``enas``: an LSTM controller with attention to earlier layers, learnt by REINFORCE.

Source: Pham et al.: Efficient Neural Architecture Search via Parameter Sharing, ICML 2018, and the settings of the
reference code (scripts/cifar10_macro_search.sh, cifar10_micro_search.sh). A space with choices of single inputs (cells)
is micro, any other macro. Two defects of the reference code are not repeated: the entropy is that of the distribution
and not of the drawn action alone, and the penalty on skip connections is on the probabilities that are drawn from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field

from nas_enas.adam import Adam
from nas_enas.anchors import families
from nas_enas.controller import Controller
from nas_enas.laws import One
from nas_enas.learning import Aims
from nas_enas.lstm import Shape
from nas_enas.pace import Pace
from nas_enas.policy import Policy
from nas_enas.tuner import PolicySettings, PolicyTuner


@dataclass(frozen=True, slots=True)
class Published:
    """Settings of one of the two searches.

    Attributes:
        learning_rate: Step size of Adam.
        tanh_constant: Bound of the scores.
        tanh_reduction: By this the bound is divided for operations.
        skip_weight: Weight of the penalty on skip connections.
        updates: Updates after each epoch.
        epoch: Batches of such an epoch.
        samples: Samples of an update.
    """

    learning_rate: float
    tanh_constant: float
    tanh_reduction: float
    skip_weight: float
    updates: int
    epoch: int
    samples: int


MACRO = Published(0.001, 1.5, 1.0, 0.8, updates=50, epoch=352, samples=20)
MICRO = Published(0.0035, 1.10, 2.5, 0.0, updates=30, epoch=282, samples=10)
_PACE = Pace(reach=15.6, fastest=0.02)
"""Both searches: 310 epochs of 50 updates with a rate of 0.001, 150 of 30 with 0.0035."""


class EnasSettings(PolicySettings):
    """Settings of ENAS; what is not given is as published for the space at hand."""

    space: Literal["auto", "macro", "micro"] = Field(
        "auto", description="Which published settings are taken; auto: micro for cells, macro otherwise."
    )
    samples: int | None = Field(  # type: ignore[assignment]
        None, ge=1, description="Outcomes from which one update is made; published 20 (macro), 10 (micro)."
    )
    updates: int | None = Field(  # type: ignore[assignment]
        None,
        ge=0,
        description="One-shot: updates after each cycle; published 50 after 352 batches (macro), 30 after 282 (micro), "
        "and after fewer batches as many fewer.",
    )
    hidden: int = Field(64, ge=1, le=4096, description="Size of the controller's LSTM.")
    learning_rate: float | None = Field(
        None,
        gt=0,
        description="Step size of Adam; published 0.001 (macro), 0.0035 (micro), and more for short one-shot searches.",
    )
    tanh_constant: float | None = Field(
        None, ge=0, description="Bound of the scores, 0 for none; published 1.5 (macro), 1.1 (micro)."
    )
    temperature: float = Field(1.0, gt=0, description="Scores are divided by it before they are bounded.")
    baseline_decay: float = Field(0.99, ge=0, lt=1, description="Decay of the moving average of rewards.")
    entropy: float = Field(1e-4, ge=0, description="Weight of the entropy in the reward.")
    entropy_bonus: float = Field(
        0.0, ge=0, description="Weight of the entropy in the objective, with its gradient; 0.03 suits short searches."
    )
    skip_weight: float | None = Field(
        None, ge=0, description="Weight of the penalty on skip connections; published 0.8 (macro)."
    )
    skip_target: float = Field(0.4, gt=0, lt=1, description="Share of skip connections that is wanted.")


class Enas(PolicyTuner[EnasSettings]):
    """Efficient neural architecture search."""

    name = "enas"
    summary = "Learns an LSTM controller with attention to earlier layers by REINFORCE."
    settings_type = EnasSettings

    def policy(self, generator: np.random.Generator) -> Policy:
        """See `PolicyTuner.policy`."""
        settings, published = self.settings, self._published()
        constant = published.tanh_constant if settings.tanh_constant is None else settings.tanh_constant
        shape = Shape(settings.hidden, constant, published.tanh_reduction, settings.temperature)
        return Controller(self.inquiry, shape, generator)

    def adam(self) -> Adam:
        """See `PolicyTuner.adam`."""
        published = self._published().learning_rate
        rate = self.settings.learning_rate or _PACE.rate(published, steps=self.planned_updates)
        return Adam(rate, beta1=0.0, epsilon=1e-3)

    def aims(self) -> Aims:
        """See `PolicyTuner.aims`."""
        weight = self.settings.skip_weight
        return Aims(
            baseline_decay=self.settings.baseline_decay,
            entropy_in_reward=self.settings.entropy,
            entropy_bonus=self.settings.entropy_bonus,
            skip_weight=self._published().skip_weight if weight is None else weight,
            skip_target=self.settings.skip_target,
        )

    def samples_per_update(self) -> int:
        """See `PolicyTuner.samples_per_update`."""
        return self.settings.samples or self._published().samples

    def updates_per_cycle(self, batches: int) -> int:
        """See `PolicyTuner.updates_per_cycle`."""
        if self.settings.updates is not None:
            return self.settings.updates
        published = self._published()
        return max(1, round(published.updates * min(1.0, batches / published.epoch)))

    def _published(self) -> Published:
        if self.settings.space == "auto":
            known = families(self.inquiry.questions)
            is_cell = any(isinstance(each.law, One) for each in self.inquiry.questions if each.slot in known)
            return MICRO if is_cell else MACRO
        return MICRO if self.settings.space == "micro" else MACRO
