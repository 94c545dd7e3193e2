"""The tuner ``reinforce``: each decision has logits of its own, learnt by REINFORCE.

Source: Cai, Zhu and Han: ProxylessNAS, ICLR 2019, section 3.3.2 and appendix (ProxylessNAS-R): ten samples an update,
Adam with a step of 1e-3, updates every five steps of the weights.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from nas_enas.adam import Adam
from nas_enas.learning import Aims
from nas_enas.logits import Logits
from nas_enas.pace import Pace
from nas_enas.policy import Policy
from nas_enas.tuner import PolicySettings, PolicyTuner

_RATE = 1e-3
_PACE = Pace(reach=6.0, fastest=0.1)
"""As far as the parameters of DARTS go, which are logits as well."""


class ReinforceSettings(PolicySettings):
    """Settings of REINFORCE on independent logits."""

    learning_rate: float | None = Field(
        None,
        gt=0,
        description="Step size of Adam; published 1e-3, and more for short one-shot searches; 0.05 suits searches of "
        "some hundred trials.",
    )
    train_batches: int | None = Field(
        5, ge=1, description="One-shot: batches on which weights are trained between updates."
    )
    baseline_decay: float = Field(0.95, ge=0, lt=1, description="Decay of the moving average of rewards.")
    entropy: float = Field(0.0, ge=0, description="Weight of the policy's entropy in the objective.")


class Reinforce(PolicyTuner[ReinforceSettings]):
    """REINFORCE on independent logits."""

    name = "reinforce"
    summary = "Learns the probability of each candidate by REINFORCE (ProxylessNAS-R)."
    settings_type = ReinforceSettings

    def policy(self, generator: np.random.Generator) -> Policy:
        """See `PolicyTuner.policy`."""
        return Logits(self.inquiry)

    def adam(self) -> Adam:
        """See `PolicyTuner.adam`."""
        rate = self.settings.learning_rate or _PACE.rate(_RATE, steps=self.planned_updates)
        return Adam(rate, epsilon=1e-8)

    def aims(self) -> Aims:
        """See `PolicyTuner.aims`."""
        return Aims(baseline_decay=self.settings.baseline_decay, entropy_bonus=self.settings.entropy)
