"""Policy gradients: REINFORCE with a baseline, and proximal policy optimisation.

Sources: Williams 1992 (Machine Learning 8) for REINFORCE; Pham et al., ICML 2018, for the moving baseline, the entropy
in the reward and the penalty on skip connections; Schulman et al. 2017 (arXiv:1707.06347) for the clipped objective.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from nascore.space import Architecture

from nas_enas.adam import Adam
from nas_enas.laws import Scores, Subset, sigmoid
from nas_enas.policy import Parameters, Policy, Walk, walk
from nas_enas.questions import Inquiry

Walks = Mapping[Architecture, Walk]


@dataclass(frozen=True, slots=True)
class Sample:
    """An architecture that was tried.

    Attributes:
        architecture: The architecture.
        reward: What it was worth, larger being better.
        log_prob: Natural logarithm of its probability under the policy that drew it.
    """

    architecture: Architecture
    reward: float
    log_prob: float


@dataclass(frozen=True, slots=True)
class Aims:
    """What is optimised besides the reward, and how far one update may go.

    Attributes:
        baseline_decay: Decay of the moving average of rewards.
        entropy_in_reward: Times the entropy, added to the reward as a number (ENAS).
        entropy_bonus: Times the entropy, added to the objective with its gradient (PPO).
        skip_weight: Times the divergence of skip connections from ``skip_target``.
        skip_target: Share of skip connections that is wanted.
        clip: Ratio of probabilities, plus and minus 1, from which PPO takes no more; 0 for REINFORCE.
        passes: How often PPO goes over the same samples.
        max_ratio: Most weight of a sample that an earlier policy drew (REINFORCE).
    """

    baseline_decay: float = 0.99
    entropy_in_reward: float = 0.0
    entropy_bonus: float = 0.0
    skip_weight: float = 0.0
    skip_target: float = 0.4
    clip: float = 0.0
    passes: int = 1
    max_ratio: float = 1.0


@dataclass(slots=True)
class Learner:
    """A policy that learns from samples.

    Attributes:
        policy: What is learnt.
        inquiry: The questions of the space.
        adam: How steps are made.
        aims: What is optimised.
        baseline: Moving average of rewards; ``None`` before the first update.
        version: How many updates there were, plus 1.
    """

    policy: Policy
    inquiry: Inquiry
    adam: Adam
    aims: Aims
    baseline: float | None = None
    version: int = 1

    def update(self, samples: Sequence[Sample]) -> None:
        """Make one update (with PPO: several steps) from some samples."""
        walks = self._walks(samples)
        rewards = self._rewards(samples, walks)
        advantages = self._advantages(rewards)
        for number in range(self.aims.passes):
            gradient = self.gradient(samples, advantages, walks=walks if number == 0 else None)
            self.adam.climb(self.policy.parameters, gradient)
        self._remember(rewards)
        self.version += 1

    def gradient(
        self, samples: Sequence[Sample], advantages: Sequence[float], *, walks: Walks | None = None
    ) -> Parameters:
        """Return the mean gradient of the objective over the samples, upwards.

        Args:
            samples: What was tried.
            advantages: How much better than the baseline each was.
            walks: The samples' walks through the policy as it is, if they are known.
        """
        total: Parameters = {}
        walks = self._walks(samples) if walks is None else walks
        drawn: dict[Architecture, list[tuple[Sample, float]]] = {}
        for sample, advantage in zip(samples, advantages, strict=True):
            drawn.setdefault(sample.architecture, []).append((sample, advantage))
        for architecture, tries in drawn.items():
            passed = walks[architecture]
            weight = sum(
                self._weight(passed.log_prob - sample.log_prob, advantage) * advantage for sample, advantage in tries
            )
            part = passed.passed.backward(self._slopes(passed, weight, count=len(tries)))
            for name, slope in part.items():
                total[name] = total.get(name, 0.0) + slope / len(samples)
        return total

    def _weight(self, log_ratio: float, advantage: float) -> float:
        """Return the weight of a sample's gradient: its ratio, or 0 where the clipped side gives none."""
        ratio = math.exp(min(log_ratio, 50.0))
        if not self.aims.clip:
            return min(ratio, self.aims.max_ratio)
        is_clipped = ratio > 1 + self.aims.clip if advantage > 0 else ratio < 1 - self.aims.clip
        return 0.0 if is_clipped else ratio

    def _slopes(self, passed: Walk, weight: float, *, count: int) -> list[Scores]:
        bonus = self.aims.entropy_bonus * count
        slopes = [weight * judged.log_prob_slope + bonus * judged.entropy_slope for judged in passed.judged]
        if self.aims.skip_weight:
            self._add_skip_penalty(passed, slopes, count)
        return slopes

    def _add_skip_penalty(self, passed: Walk, slopes: list[Scores], count: int) -> None:
        places = [place for place, question in enumerate(passed.questions) if isinstance(question.law, Subset)]
        target = self.aims.skip_target
        for place in places:
            # The shares are those that are drawn from; the reference code penalises others (sigmoid of half the logit).
            shares = sigmoid(passed.scores[place])
            slope = shares * (1 - shares) * (np.log(shares / target) - np.log((1 - shares) / (1 - target)))
            slopes[place] = slopes[place] - count * self.aims.skip_weight / len(places) * slope

    def _walks(self, samples: Sequence[Sample]) -> Walks:
        """Send each architecture through the policy once: one that has nearly settled draws the same few again."""
        architectures = dict.fromkeys(sample.architecture for sample in samples)
        return {each: walk(self.policy, self.inquiry, each) for each in architectures}

    def _rewards(self, samples: Sequence[Sample], walks: Walks) -> list[float]:
        weight = self.aims.entropy_in_reward
        if not weight:
            return [sample.reward for sample in samples]
        return [sample.reward + weight * walks[sample.architecture].entropy for sample in samples]

    def _advantages(self, rewards: Sequence[float]) -> list[float]:
        """Return rewards less a baseline that does not depend on the sample itself, so that it adds no bias."""
        if self.baseline is not None:
            return [reward - self.baseline for reward in rewards]
        if len(rewards) == 1:
            return list(rewards)
        total = sum(rewards)
        return [reward - (total - reward) / (len(rewards) - 1) for reward in rewards]

    def _remember(self, rewards: Sequence[float]) -> None:
        mean = sum(rewards) / len(rewards)
        kept = self.aims.baseline_decay ** len(rewards)
        self.baseline = mean if self.baseline is None else kept * self.baseline + (1 - kept) * mean
