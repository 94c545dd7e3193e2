"""From scores to choices: how a vector of scores becomes one candidate, a set or a sequence of candidates.

A law draws, and gives the exact log-probability of a choice with its gradient, and the entropy with its gradient along
the way that the choice took. Scores of 0 are uniform over what is allowed. Not here: where scores come from
(``policy``), what choices stand for (``questions``).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import comb
from random import Random

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float64]
Choice = tuple[int, ...]
"""Indices of the candidates that were chosen."""

_NOWHERE = -np.inf


@dataclass(frozen=True, slots=True)
class Judged:
    """A choice under a law and its scores.

    Attributes:
        log_prob: Natural logarithm of its probability.
        entropy: Sum of the entropies of the steps that it took; its expectation is the entropy of the law.
        log_prob_slope: Gradient of ``log_prob`` with respect to the scores.
        entropy_slope: Gradient of ``entropy`` with respect to the scores, the steps held fixed.
    """

    log_prob: float
    entropy: float
    log_prob_slope: Scores
    entropy_slope: Scores


class Law(ABC):
    """How scores become a choice.

    Attributes:
        size: How many scores there are.
    """

    size: int

    @abstractmethod
    def draw(self, scores: Scores, random: Random) -> Choice:
        """Draw a choice."""

    @abstractmethod
    def best(self, scores: Scores) -> Choice:
        """Return the choice that takes the most probable step at every step."""

    @abstractmethod
    def judge(self, scores: Scores, choice: Choice) -> Judged:
        """Return how probable a choice is, and which way the scores move that."""


@dataclass(frozen=True, slots=True)
class One(Law):
    """Exactly one of ``size`` candidates, by softmax."""

    size: int

    def draw(self, scores: Scores, random: Random) -> Choice:
        """See `Law.draw`."""
        return (_drawn(softmax(scores), random),)

    def best(self, scores: Scores) -> Choice:
        """See `Law.best`."""
        return (int(np.argmax(scores)),)

    def judge(self, scores: Scores, choice: Choice) -> Judged:
        """See `Law.judge`."""
        return _step(scores, choice[0])


@dataclass(frozen=True, slots=True)
class Subset(Law):
    """A set of ``low`` to ``high`` of ``size`` candidates: one after the other is taken or left.

    The score of a candidate is added to the logit that makes all allowed sets equally probable; where any set is
    allowed this is a sigmoid for each candidate, as for the skip connections of ENAS.
    """

    size: int
    low: int
    high: int

    def draw(self, scores: Scores, random: Random) -> Choice:
        """See `Law.draw`."""
        return self._walked(scores, lambda share: random.random() < share)

    def best(self, scores: Scores) -> Choice:
        """See `Law.best`."""
        return self._walked(scores, lambda share: share > 0.5)

    def judge(self, scores: Scores, choice: Choice) -> Judged:
        """See `Law.judge`."""
        log_prob = entropy = 0.0
        slope, entropy_slope = np.zeros(self.size), np.zeros(self.size)
        taken = 0
        for index in range(self.size):
            share = self._share(scores, index, taken)
            is_taken = index in choice
            if 0.0 < share < 1.0:
                log_prob += float(np.log(share if is_taken else 1.0 - share))
                slope[index] = is_taken - share
                logit = float(np.log(share) - np.log1p(-share))
                entropy -= share * float(np.log(share)) + (1 - share) * float(np.log1p(-share))
                entropy_slope[index] = -share * (1 - share) * logit
            taken += is_taken
        return Judged(log_prob, entropy, slope, entropy_slope)

    def _walked(self, scores: Scores, takes: Callable[[float], bool]) -> Choice:
        chosen: list[int] = []
        for index in range(self.size):
            share = self._share(scores, index, len(chosen))
            if share == 1.0 or (share > 0.0 and takes(share)):
                chosen.append(index)
        return tuple(chosen)

    def _share(self, scores: Scores, index: int, taken: int) -> float:
        left = self.size - index - 1
        with_it = _completions(left, self.low - taken - 1, self.high - taken - 1)
        without = _completions(left, self.low - taken, self.high - taken)
        if not with_it or not without:
            return float(with_it > 0)
        return float(sigmoid(np.asarray(scores[index] + np.log(with_it) - np.log(without))))


@dataclass(frozen=True, slots=True)
class Sequence(Law):
    """``length`` candidates one after the other, by softmax over those still allowed (Plackett and Luce).

    Attributes:
        size: How many candidates there are.
        length: How many are drawn.
        with_replacement: Whether one may come again.
        is_sorted: Whether their order means nothing, so that they come in the order of the candidates.
    """

    size: int
    length: int
    with_replacement: bool
    is_sorted: bool = False

    def draw(self, scores: Scores, random: Random) -> Choice:
        """See `Law.draw`."""
        chosen: Choice = ()
        while len(chosen) < self.length:
            chosen = (*chosen, _drawn(softmax(self._masked(scores, chosen)), random))
        return chosen

    def best(self, scores: Scores) -> Choice:
        """See `Law.best`."""
        chosen: Choice = ()
        while len(chosen) < self.length:
            chosen = (*chosen, int(np.argmax(self._masked(scores, chosen))))
        return chosen

    def judge(self, scores: Scores, choice: Choice) -> Judged:
        """See `Law.judge`."""
        steps = [_step(self._masked(scores, choice[:place]), index) for place, index in enumerate(choice)]
        return Judged(
            sum(step.log_prob for step in steps),
            sum(step.entropy for step in steps),
            sum((step.log_prob_slope for step in steps), np.zeros(self.size)),
            sum((step.entropy_slope for step in steps), np.zeros(self.size)),
        )

    def _masked(self, scores: Scores, before: Choice) -> Scores:
        masked = scores.copy()
        if self.is_sorted and before:
            masked[: before[-1]] = _NOWHERE
        if not self.with_replacement:
            masked[list(before)] = _NOWHERE
        return masked


def softmax(scores: Scores) -> Scores:
    """Return probabilities; a score of minus infinity is impossible."""
    exponents = np.exp(scores - np.max(scores))
    return np.asarray(exponents / exponents.sum())


def sigmoid(scores: Scores) -> Scores:
    """Return 1 / (1 + exp(-scores)) without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * scores)))


def _step(scores: Scores, index: int) -> Judged:
    shares = softmax(scores)
    logs = np.log(np.where(shares > 0, shares, 1.0))
    slope = -shares
    slope[index] += 1.0
    entropy = float(-(shares * logs).sum())
    return Judged(float(logs[index]), entropy, slope, -shares * (logs + entropy))


def _drawn(shares: Scores, random: Random) -> int:
    point = random.random()
    index = int(np.searchsorted(np.cumsum(shares), point, side="right"))
    # The sum may fall short of 1 by rounding; the last possible candidate takes what is left.
    return index if index < len(shares) else int(np.flatnonzero(shares)[-1])


@lru_cache(maxsize=65_536)
def _completions(left: int, low: int, high: int) -> int:
    """Return in how many ways ``low`` to ``high`` of ``left`` candidates can be taken."""
    return sum(comb(left, count) for count in range(max(low, 0), min(high, left) + 1)) if high >= 0 else 0
