"""From scores to choices: how a vector of scores becomes one candidate, a set or a sequence of candidates.

A law makes dice of scores, which draw choices. It gives the exact log-probabilities of choices with their gradients,
and the entropies with their gradients along the ways that the choices took, for many at a time. Scores of 0 are uniform
over what is allowed. Not here: where scores come from (``policy``), what choices stand for (``questions``).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable
from collections.abc import Sequence as Row
from dataclasses import dataclass
from functools import lru_cache
from math import log, tanh
from random import Random

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float64]
Choice = tuple[int, ...]
"""Indices of the candidates that were chosen."""

Dice = Callable[[Random], tuple[Choice, float]]
"""Draws a choice; returns it with the natural logarithm of its probability."""

_NOWHERE = -np.inf


@dataclass(frozen=True, slots=True)
class Judged:
    """Choices under a law, each with scores of its own.

    Attributes:
        log_prob: Natural logarithm of the probability of each, shape (choices,).
        entropy: Sum of the entropies of the steps that each took, shape (choices,); its expectation is the entropy of
            the law.
        log_prob_slope: Gradient of ``log_prob`` with respect to the scores, shape (choices, size).
        entropy_slope: Gradient of ``entropy`` with respect to the scores, the steps held fixed, shape (choices, size).
    """

    log_prob: Scores
    entropy: Scores
    log_prob_slope: Scores
    entropy_slope: Scores


class Law(ABC):
    """How scores become a choice.

    Attributes:
        size: How many scores there are.
    """

    size: int

    @abstractmethod
    def dice(self, scores: Scores) -> Dice:
        """Return what draws by these scores, shape (size,); it may be thrown any number of times."""

    @abstractmethod
    def best(self, scores: Scores) -> Choice:
        """Return the choice that takes the most probable step at every step; scores have the shape (size,)."""

    @abstractmethod
    def judge(self, scores: Scores, choices: Row[Choice]) -> Judged:
        """Return how probable choices are, and which way their scores, shape (choices, size), move that."""


@dataclass(frozen=True, slots=True)
class One(Law):
    """Exactly one of ``size`` candidates, by softmax."""

    size: int

    def dice(self, scores: Scores) -> Dice:
        """See `Law.dice`."""
        shares = softmax(scores)
        ends, logs = np.cumsum(shares).tolist(), _logs(shares).tolist()
        # The sum may fall short of 1 by rounding; the last possible candidate takes what is left.
        last = int(np.flatnonzero(shares)[-1])

        def throw(random: Random) -> tuple[Choice, float]:
            index = min(bisect_right(ends, random.random()), last)
            return (index,), logs[index]

        return throw

    def best(self, scores: Scores) -> Choice:
        """See `Law.best`."""
        return (int(np.argmax(scores)),)

    def judge(self, scores: Scores, choices: Row[Choice]) -> Judged:
        """See `Law.judge`."""
        return _step(scores, np.array(choices)[:, 0])


@dataclass(frozen=True, slots=True)
class Subset(Law):
    """A set of ``low`` to ``high`` of ``size`` candidates: one after the other is taken or left.

    The score of a candidate is added to the logit that makes all allowed sets equally probable; where any set is
    allowed this is a sigmoid for each candidate, as for the skip connections of ENAS.
    """

    size: int
    low: int
    high: int

    def dice(self, scores: Scores) -> Dice:
        """See `Law.dice`."""
        values = scores.tolist()

        def throw(random: Random) -> tuple[Choice, float]:
            log_prob = 0.0

            def takes(share: float) -> bool:
                nonlocal log_prob
                is_taken = random.random() < share
                log_prob += log(share if is_taken else 1.0 - share)
                return is_taken

            return self._walked(values, takes), log_prob

        return throw

    def best(self, scores: Scores) -> Choice:
        """See `Law.best`."""
        return self._walked(scores.tolist(), lambda share: share > 0.5)

    def judge(self, scores: Scores, choices: Row[Choice]) -> Judged:
        """See `Law.judge`."""
        is_taken = np.zeros(scores.shape, bool)
        for row, choice in enumerate(choices):
            is_taken[row, list(choice)] = True
        taken = np.cumsum(is_taken, axis=1) - is_taken
        shares = sigmoid(scores + _lean(self.size, self.low, self.high)[np.arange(self.size), taken])
        is_free = (shares > 0.0) & (shares < 1.0)
        # What is not free is certain: it adds nothing, whatever share stands in for it.
        shares = np.where(is_free, shares, 0.5)
        logs, others = np.log(shares), np.log1p(-shares)
        entropy = -shares * logs - (1 - shares) * others
        return Judged(
            np.where(is_free, np.where(is_taken, logs, np.log(1.0 - shares)), 0.0).sum(axis=1),
            np.where(is_free, entropy, 0.0).sum(axis=1),
            np.where(is_free, is_taken - shares, 0.0),
            np.where(is_free, -shares * (1 - shares) * (logs - others), 0.0),
        )

    def _walked(self, scores: list[float], takes: Callable[[float], bool]) -> Choice:
        lean = _lean(self.size, self.low, self.high)
        chosen: list[int] = []
        for index, score in enumerate(scores):
            share = 0.5 * (1.0 + tanh(0.5 * (score + lean[index, len(chosen)])))
            if share == 1.0 or (share > 0.0 and takes(share)):
                chosen.append(index)
        return tuple(chosen)


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

    def dice(self, scores: Scores) -> Dice:
        """See `Law.dice`."""
        first = self._next(scores, ())

        def throw(random: Random) -> tuple[Choice, float]:
            chosen, log_prob = first(random)
            while len(chosen) < self.length:
                index, log_share = self._next(scores, chosen)(random)
                chosen, log_prob = chosen + index, log_prob + log_share
            return chosen, log_prob

        return throw

    def best(self, scores: Scores) -> Choice:
        """See `Law.best`."""
        chosen: Choice = ()
        while len(chosen) < self.length:
            chosen = (*chosen, int(np.argmax(self._masked(scores[None], [chosen]))))
        return chosen

    def judge(self, scores: Scores, choices: Row[Choice]) -> Judged:
        """See `Law.judge`."""
        steps = [
            _step(self._masked(scores, [choice[:place] for choice in choices]), np.array(choices)[:, place])
            for place in range(self.length)
        ]
        rows, none = np.zeros(len(choices)), np.zeros(scores.shape)
        return Judged(
            sum((step.log_prob for step in steps), rows),
            sum((step.entropy for step in steps), rows),
            sum((step.log_prob_slope for step in steps), none),
            sum((step.entropy_slope for step in steps), none),
        )

    def _next(self, scores: Scores, before: Choice) -> Dice:
        return One(self.size).dice(self._masked(scores[None], [before])[0])

    def _masked(self, scores: Scores, before: Row[Choice]) -> Scores:
        masked = scores.copy()
        for row, chosen in zip(masked, before, strict=True):
            if self.is_sorted and chosen:
                row[: chosen[-1]] = _NOWHERE
            if not self.with_replacement:
                row[list(chosen)] = _NOWHERE
        return masked


def softmax(scores: Scores) -> Scores:
    """Return probabilities along the last axis; a score of minus infinity is impossible."""
    exponents = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(exponents / exponents.sum(axis=-1, keepdims=True))


def sigmoid(scores: Scores) -> Scores:
    """Return 1 / (1 + exp(-scores)) without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * scores)))


def _step(scores: Scores, indices: npt.NDArray[np.intp]) -> Judged:
    """Judge one index of each row of scores, shape (rows, size)."""
    rows = np.arange(len(indices))
    shares = softmax(scores)
    logs = _logs(shares)
    slope = -shares
    slope[rows, indices] += 1.0
    entropy = -(shares * logs).sum(axis=1)
    return Judged(logs[rows, indices], entropy, slope, -shares * (logs + entropy[:, None]))


def _logs(shares: Scores) -> Scores:
    return np.asarray(np.log(np.where(shares > 0, shares, 1.0)))


@lru_cache(maxsize=256)
def _lean(size: int, low: int, high: int) -> Scores:
    """Return the logits with which scores of 0 make all allowed sets equally probable, shape (size, size).

    The row is the candidate, the column how many were taken before it; infinite where it must be taken or left.
    """
    counts = np.arange(size + 1)
    # Logarithm of in how many ways a set can be completed, by how many were taken so far.
    ways = np.where((counts >= low) & (counts <= high), 0.0, _NOWHERE)
    lean = np.empty((size, size))
    for index in reversed(range(size)):
        with_it, without = ways[1:], ways[:-1]
        must_leave, must_take = with_it == _NOWHERE, without == _NOWHERE
        open_ways = np.where(must_take, 0.0, without)
        lean[index] = np.where(must_leave, _NOWHERE, np.where(must_take, np.inf, with_it - open_ways))
        ways = np.append(np.logaddexp(with_it, without), _NOWHERE)
    lean.setflags(write=False)
    return lean
