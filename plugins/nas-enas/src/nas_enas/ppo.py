"""The tuner ``ppo``: an LSTM controller, learnt by proximal policy optimisation.

Source: Zoph et al.: Learning Transferable Architectures for Scalable Image Recognition, CVPR 2018, appendix A.1: LSTM
of 100 units, step 3.5e-4, entropy 1e-5, baseline with a decay of 0.95, parameters within 0.1, batches of 20; the
clipped objective of Schulman et al. 2017 (arXiv:1707.06347).
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from nas_enas.adam import Adam
from nas_enas.controller import Controller
from nas_enas.learning import Aims
from nas_enas.lstm import Shape
from nas_enas.pace import Pace
from nas_enas.policy import Policy
from nas_enas.tuner import PolicySettings, PolicyTuner

_RATE = 3.5e-4
_PACE = Pace(reach=1.4, fastest=0.01)
"""20,000 networks in updates of 20, each gone over four times."""


class PpoSettings(PolicySettings):
    """Settings of proximal policy optimisation."""

    samples: int = Field(20, ge=1, description="Outcomes from which one update of the policy is made.")
    hidden: int = Field(100, ge=1, le=4096, description="Size of the controller's LSTM.")
    learning_rate: float | None = Field(
        None, gt=0, description="Step size of Adam; published 3.5e-4, and more for short one-shot searches."
    )
    clip: float = Field(0.2, gt=0, description="How far one update may move a probability, as a share of it.")
    passes: int = Field(4, ge=1, description="How often an update goes over its samples.")
    baseline_decay: float = Field(0.95, ge=0, lt=1, description="Decay of the moving average of rewards.")
    entropy: float = Field(1e-5, ge=0, description="Weight of the controller's entropy in the objective.")


class Ppo(PolicyTuner[PpoSettings]):
    """Proximal policy optimisation of an LSTM controller."""

    name = "ppo"
    summary = "Learns an LSTM controller by proximal policy optimisation (NASNet)."
    settings_type = PpoSettings

    def policy(self, generator: np.random.Generator) -> Policy:
        """See `PolicyTuner.policy`."""
        return Controller(self.inquiry, Shape(self.settings.hidden, tanh_constant=0.0), generator)

    def adam(self) -> Adam:
        """See `PolicyTuner.adam`."""
        updates = self.planned_updates
        steps = None if updates is None else updates * self.settings.passes
        return Adam(self.settings.learning_rate or _PACE.rate(_RATE, steps=steps), beta1=0.9, epsilon=1e-8)

    def aims(self) -> Aims:
        """See `PolicyTuner.aims`."""
        return Aims(
            baseline_decay=self.settings.baseline_decay,
            entropy_bonus=self.settings.entropy,
            clip=self.settings.clip,
            passes=self.settings.passes,
        )
