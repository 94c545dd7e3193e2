"""The task *nested PCA*: how wide must a linear autoencoder be, if width has a price?

The data have known variances along 16 directions. An autoencoder of width k leaves at best the sum of the smaller
variances beyond the k-th (Eckart and Young 1936), so the loss of every width, and the width that loss and price
together favour, are known. All widths share weights: width k uses the first k units. In a mixture the outputs of all
widths are added up by weight, so unit j counts as much as all widths above j together.
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

WIDTHS = 8
_DIRECTIONS = 16
_FALL = 0.7
_RATE = 0.05
_MOMENTUM = 0.9
_PATH = "width"


class NestedPca(JudgedTask):
    """Widths 1 to 8 at a price; the score is 1 minus the loss as a share of all variance, minus the price.

    Args:
        seed: Makes the directions.
        width: The width that shall be right, 1 to 8: the price of a unit lies between what the last unit that pays
            explains and what the first that does not would.
    """

    name: ClassVar[str] = "nested PCA"
    epochs = 30
    trials = 60

    def __init__(self, seed: int = 0, *, width: int = 4) -> None:
        generator = np.random.default_rng([0x9CA, seed])
        variances = _FALL ** np.arange(_DIRECTIONS)
        basis = np.linalg.qr(generator.standard_normal((_DIRECTIONS, _DIRECTIONS)))[0]
        self.variances = variances / variances.sum()
        self.covariance = basis @ np.diag(self.variances) @ basis.T
        self.price = float(np.sqrt(self.variances[width - 1] * self.variances[width]))
        self.space = SearchSpace((OneOf(_PATH, tuple(Candidate(f"w{k}", k) for k in range(1, WIDTHS + 1))),))
        self.objective = Objective("score")
        self.unmixable = {}
        self.costs = {(_PATH, f"w{k}", "units"): float(k) for k in range(1, WIDTHS + 1)}
        self.answer = Architecture({_PATH: f"w{width}"})

    def best_loss(self, width: int) -> float:
        """Return the smallest loss that a width can have, as a share of all variance."""
        return float(self.variances[width:].sum())

    def worker(self, seed: int) -> NestedPcaWorker:
        """Return a worker with an autoencoder made from a seed."""
        return NestedPcaWorker(self, seed)


class NestedPcaWorker(TaskWorker):
    """An autoencoder of the largest width, trained on whatever mixture of widths it is given."""

    def __init__(self, task: NestedPca, seed: int) -> None:
        generator = np.random.default_rng(seed)
        self._task = task
        self._encoder = 0.3 * generator.standard_normal((WIDTHS, _DIRECTIONS))
        self._decoder = 0.3 * generator.standard_normal((_DIRECTIONS, WIDTHS))
        self._speed = np.zeros_like(self._encoder), np.zeros_like(self._decoder)

    def perform(self, task: Task, weights: Weights, seed: int) -> Answer:
        """Train, score or grade on the whole distribution; the seed makes no difference."""
        shares = weights[_PATH]
        # Unit j is part of width j + 1 and of all above.
        units = np.cumsum(shares[::-1])[::-1]
        code = units[:, None] * self._encoder
        rest = self._decoder @ code - np.eye(_DIRECTIONS)
        pull = 2.0 * rest @ self._task.covariance
        by_code = self._decoder.T @ pull
        by_units = np.sum(by_code * self._encoder, axis=1)
        loss = float(np.sum(rest * (rest @ self._task.covariance)))
        if task is Task.TRAIN:
            self._step(units[:, None] * by_code, pull @ code.T)
        width = float(shares @ np.arange(1, WIDTHS + 1))
        return Answer({"loss": loss, "score": self._score(loss, width)}, {_PATH: np.cumsum(by_units)})

    def evaluate(self, architecture: Architecture) -> Mapping[str, float]:
        """Return what a width reaches by itself, which is known."""
        width = int(str(architecture[_PATH]).removeprefix("w"))
        loss = self._task.best_loss(width)
        return {"loss": loss, "score": self._score(loss, width)}

    def loss(self, width: int) -> float:
        """Return the loss of a width with the weights as they are, as a share of all variance."""
        rest = self._decoder[:, :width] @ self._encoder[:width] - np.eye(_DIRECTIONS)
        return float(np.sum(rest * (rest @ self._task.covariance)))

    def _score(self, loss: float, width: float) -> float:
        return 1.0 - loss - self._task.price * width

    def _step(self, by_encoder: Array, by_decoder: Array) -> None:
        first, second = (
            _MOMENTUM * speed + each for speed, each in zip(self._speed, (by_encoder, by_decoder), strict=True)
        )
        self._speed = first, second
        # The variances add up to 1, so their largest is about 0.3: the rate is for variances of the order of 1.
        self._encoder = self._encoder - _RATE / self._task.variances[0] * first
        self._decoder = self._decoder - _RATE / self._task.variances[0] * second
