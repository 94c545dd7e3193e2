"""The task *lags with cost*: which taps must a filter have to hear an echo, and no more than these?

Four channels of plus and minus ones; each is noise with an echo at a lag of its own (1, 3, 4, 5), and its label is the
echo's sign. A filter's output is squared and averaged, so it hears a lag if two of its taps are that far apart. Of the
candidates only k3 hears lag 1 for three taps, k3d3 lag 3, k3d2 lag 4, and only k7 hears lag 5 at all. Here weights are
trained, and taps have a price: the cheapest network that hears everything is the only answer.

All filters are seven taps wide with zeros between, so a mixture of filters is one filter, and its averaged square a
quadratic form of the sequence's autocorrelation: a batch costs microseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from nascore.record import Objective, Task
from nascore.space import Architecture, Candidate, OneOf, SearchSpace
from nascore.testing.judging.task import Answer, JudgedTask, TaskWorker, Weights

Array = NDArray[np.float64]

TAPS: dict[str, tuple[int, ...]] = {
    "skip": (),
    "k3": (-1, 0, 1),
    "k3d2": (-2, 0, 2),
    "k3d3": (-3, 0, 3),
    "k5": (-2, -1, 0, 1, 2),
    "k7": (-3, -2, -1, 0, 1, 2, 3),
}
_LAGS = (1, 3, 4, 5)
_ANSWERS = ("k3", "k3d3", "k3d2", "k7")
_REACH = 3
_SPAN = 2 * _REACH + 1
_LENGTH = 128
_BATCH = 32
_RATE = 0.02
_STEPS = 250
_TRAIN, _SEARCH, _TEST = 1, 2, 3


class Lags(JudgedTask):
    """Four channels, six candidates each: 1,296 networks.

    Args:
        price: What a tap costs in the score, which is the accuracy minus the price of all taps.
    """

    name: ClassVar[str] = "lags with cost"
    epochs = 40
    trials = 300

    def __init__(self, *, price: float = 0.005) -> None:
        self.price = price
        self.space = SearchSpace(
            tuple(OneOf(_path(channel), tuple(map(Candidate, TAPS))) for channel in range(len(_LAGS)))
        )
        self.objective = Objective("score")
        self.unmixable = {}
        self.costs = {
            (_path(channel), key, "taps"): float(len(taps))
            for channel in range(len(_LAGS))
            for key, taps in TAPS.items()
        }
        self.answer = Architecture({_path(channel): key for channel, key in enumerate(_ANSWERS)})

    def worker(self, seed: int) -> LagsWorker:
        """Return a worker with filters made from a seed."""
        return LagsWorker(self, seed)


class LagsWorker(TaskWorker):
    """Filters of all candidates, and for each channel a slope and an offset that make a logit of what they hear."""

    def __init__(self, task: Lags, seed: int) -> None:
        generator = np.random.default_rng(seed)
        self._task = task
        self._seed = seed
        mask = np.array([[offset in taps for offset in range(-_REACH, _REACH + 1)] for taps in TAPS.values()])
        self._mask = np.broadcast_to(mask, (len(_LAGS), *mask.shape)).astype(float)
        # Filters (channels, candidates, span), slopes and offsets (channels).
        self._values = [
            self._mask * generator.normal(0.0, 0.5, self._mask.shape),
            np.ones(len(_LAGS)),
            np.zeros(len(_LAGS)),
        ]
        self._moments = [(np.zeros_like(each), np.zeros_like(each)) for each in self._values]
        self._steps = 0

    def perform(self, task: Task, weights: Weights, seed: int) -> Answer:
        """Train on a fresh training batch, or score and grade on a fresh batch of the search split."""
        rows = np.stack([weights[_path(channel)] for channel in range(len(_LAGS))])
        split = _TRAIN if task is Task.TRAIN else _SEARCH
        correlations, labels = _batch(np.random.default_rng([split, seed]))
        metrics, by_rows, by_values = self._pass(rows, correlations, labels)
        if task is Task.TRAIN:
            self._step(by_values)
        return Answer(metrics, {_path(channel): row for channel, row in enumerate(by_rows)})

    def evaluate(self, architecture: Architecture) -> Mapping[str, float]:
        """Train an architecture by itself, and test it."""
        alone = LagsWorker(self._task, self._seed)
        keys = list(TAPS)
        rows = np.eye(len(TAPS))[[keys.index(str(architecture[_path(channel)])) for channel in range(len(_LAGS))]]
        for step in range(_STEPS):
            correlations, labels = _batch(np.random.default_rng([_TRAIN, self._seed, step]))
            alone._step(alone._pass(rows, correlations, labels)[2])
        tests = [_batch(np.random.default_rng([_TEST, step])) for step in range(4)]
        found = [alone._pass(rows, *each)[0] for each in tests]
        return {name: float(np.mean([each[name] for each in found])) for name in found[0]}

    def _pass(self, rows: Array, correlations: Array, labels: Array) -> tuple[dict[str, float], Array, list[Array]]:
        """Metrics, and the gradients of the loss by the weights (channels, candidates) and by the values."""
        filters, slopes, offsets = self._values
        identity = np.zeros(_SPAN)
        identity[_REACH] = 1.0
        # A skip has no taps and passes its input on.
        passed = filters + (self._mask.sum(axis=2, keepdims=True) == 0) * identity
        mixed = np.einsum("ck,cks->cs", rows, passed)
        heard = np.einsum("bcst,cs,ct->bc", correlations, mixed, mixed)
        logits = slopes * heard + offsets
        margin = labels * logits
        loss = float(np.mean(np.logaddexp(0.0, -margin)))
        by_logits = -labels * np.exp(-np.logaddexp(0.0, margin)) / labels.size
        by_mixed = 2.0 * np.einsum("bc,bcst,ct->cs", by_logits * slopes, correlations, mixed)
        by_rows = np.einsum("cs,cks->ck", by_mixed, passed)
        by_filters = self._mask * rows[:, :, None] * by_mixed[:, None, :]
        taps = float(np.sum(rows * self._mask.sum(axis=2)))
        accuracy = float(np.mean(margin > 0))
        metrics = {"loss": loss, "accuracy": accuracy, "score": accuracy - self._task.price * taps}
        return metrics, by_rows, [by_filters, np.sum(by_logits * heard, axis=0), np.sum(by_logits, axis=0)]

    def _step(self, gradients: list[Array]) -> None:
        """One step of Adam; what has no gradient stays as it is, as an unused candidate in a trial does."""
        self._steps += 1
        for place, gradient in enumerate(gradients):
            is_used = gradient != 0
            mean, square = self._moments[place]
            mean = np.where(is_used, 0.9 * mean + 0.1 * gradient, mean)
            square = np.where(is_used, 0.99 * square + 0.01 * gradient**2, square)
            scale = np.sqrt(square / (1.0 - 0.99**self._steps)) + 1e-8
            step = _RATE * mean / (1.0 - 0.9**self._steps) / scale
            self._moments[place] = mean, square
            self._values[place] = self._values[place] - np.where(is_used, step, 0.0)


def _batch(generator: np.random.Generator) -> tuple[Array, Array]:
    """Autocorrelation matrices, shape (batch, channels, span, span), and labels -1 or 1, shape (batch, channels)."""
    labels = generator.choice((-1.0, 1.0), size=(_BATCH, len(_LAGS)))
    noise = generator.standard_normal((_BATCH, len(_LAGS), _LENGTH + max(_LAGS)))
    sequences = np.empty((_BATCH, len(_LAGS), _LENGTH))
    for channel, lag in enumerate(_LAGS):
        echo = labels[:, channel, None] * noise[:, channel, :_LENGTH]
        sequences[:, channel] = np.sign(noise[:, channel, lag : lag + _LENGTH] + echo)
    by_lag = [
        np.mean(sequences[:, :, distance:] * sequences[:, :, : _LENGTH - distance], axis=2) for distance in range(_SPAN)
    ]
    distances = np.abs(np.subtract.outer(np.arange(_SPAN), np.arange(_SPAN)))
    return np.stack(by_lag, axis=2)[:, :, distances], labels


def _path(channel: int) -> str:
    return f"channel{channel}"
