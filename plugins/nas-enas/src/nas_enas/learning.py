"""Policy gradients: REINFORCE with a baseline, and proximal policy optimisation.

Sources: Williams 1992 (Machine Learning 8) for REINFORCE; Pham et al., ICML 2018, for the moving baseline, the entropy
in the reward and the penalty on skip connections; Schulman et al. 2017 (arXiv:1707.06347) for the clipped objective.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from nascore.space import Architecture

from nas_enas.adam import Adam
from nas_enas.laws import Scores, Subset, sigmoid
from nas_enas.policy import Parameters, Policy, Walk, walk
from nas_enas.questions import Inquiry


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
        passed = self._walk(samples)
        rewards = self._rewards(samples, passed)
        advantages = self._advantages(rewards)
        for number in range(self.aims.passes):
            gradient = self.gradient(samples, advantages, passed=passed if number == 0 else None)
            self.adam.climb(self.policy.parameters, gradient)
        self._remember(rewards)
        self.version += 1

    def gradient(
        self, samples: Sequence[Sample], advantages: Sequence[float], *, passed: Walk | None = None
    ) -> Parameters:
        """Return the mean gradient of the objective over the samples, upwards.

        Args:
            samples: What was tried.
            advantages: How much better than the baseline each was.
            passed: The walk of the samples' `distinct` architectures through the policy as it is, if it is known.
        """
        passed = self._walk(samples) if passed is None else passed
        rows = distinct(samples)
        log_probs = passed.log_prob.tolist()
        weights, counts = np.zeros(len(rows)), np.zeros(len(rows))
        for sample, advantage in zip(samples, advantages, strict=True):
            row = rows[sample.architecture]
            weights[row] += self._weight(log_probs[row] - sample.log_prob, advantage) * advantage
            counts[row] += 1
        return passed.passed.backward(self._slopes(passed, weights / len(samples), counts / len(samples)))

    def _weight(self, log_ratio: float, advantage: float) -> float:
        """Return the weight of a sample's gradient: its ratio, or 0 where the clipped side gives none."""
        ratio = math.exp(min(log_ratio, 50.0))
        if not self.aims.clip:
            return min(ratio, self.aims.max_ratio)
        is_clipped = ratio > 1 + self.aims.clip if advantage > 0 else ratio < 1 - self.aims.clip
        return 0.0 if is_clipped else ratio

    def _slopes(self, passed: Walk, weights: Scores, counts: Scores) -> list[Scores]:
        """The slope of the objective by the scores at each stop, shape (answers, size)."""
        bonus = self.aims.entropy_bonus * counts
        slopes = [
            weights[stop.rows, None] * judged.log_prob_slope + bonus[stop.rows, None] * judged.entropy_slope
            for stop, judged in zip(passed.stops, passed.judged, strict=True)
        ]
        if self.aims.skip_weight:
            self._add_skip_penalty(passed, slopes, counts)
        return slopes

    def _add_skip_penalty(self, passed: Walk, slopes: list[Scores], counts: Scores) -> None:
        stops = [(place, stop) for place, stop in enumerate(passed.stops) if isinstance(stop.question.law, Subset)]
        met = np.zeros(len(counts))
        for _, stop in stops:
            met[stop.rows] += 1
        target = self.aims.skip_target
        for place, stop in stops:
            # The shares are those that are drawn from; the reference code penalises others (sigmoid of half the logit).
            shares = sigmoid(passed.passed.scores[place])
            slope = shares * (1 - shares) * (np.log(shares / target) - np.log((1 - shares) / (1 - target)))
            slopes[place] -= (counts / np.maximum(met, 1))[stop.rows, None] * self.aims.skip_weight * slope

    def _walk(self, samples: Sequence[Sample]) -> Walk:
        """Send each architecture through the policy once: one that has nearly settled draws the same few again."""
        return walk(self.policy, self.inquiry, list(distinct(samples)))

    def _rewards(self, samples: Sequence[Sample], passed: Walk) -> list[float]:
        weight = self.aims.entropy_in_reward
        if not weight:
            return [sample.reward for sample in samples]
        rows, entropies = distinct(samples), passed.entropy.tolist()
        return [sample.reward + weight * entropies[rows[sample.architecture]] for sample in samples]

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


def distinct(samples: Iterable[Sample]) -> dict[Architecture, int]:
    """Number the architectures of some samples, each once, in their order."""
    rows: dict[Architecture, int] = {}
    for sample in samples:
        rows.setdefault(sample.architecture, len(rows))
    return rows
