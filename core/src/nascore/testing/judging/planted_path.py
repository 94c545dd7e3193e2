"""The task *planted path*: which of K fixed maps stands in each of L layers?

State x goes through layers, x <- x + tanh(A x) / 2, where A is one of K fixed random matrices; the target is what the
planted choice makes of x. There is nothing to train, and the loss of the planted path is 0. In a mixture the maps'
outputs are added up by weight: x <- x + sum_k w_k tanh(A_k x) / 2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from nascore.record import Objective, Task
from nascore.space import Architecture, Candidate, OneOf, SearchSpace
from nascore.testing.judging.task import Answer, JudgedTask, TaskWorker, Weights

Array = NDArray[np.float64]

_WIDTH = 8
_BATCH = 32
_EVALUATED = 256


class PlantedPath(JudgedTask):
    """Six layers with five maps each: 15,625 paths, one of which is right.

    Args:
        seed: Makes the maps and the planted path.
        layers: How many layers.
        maps: How many maps in each.
        unmixable: Indices of layers of which the outputs are said not to add up, so that mixtures must fix them.
    """

    name: ClassVar[str] = "planted path"

    def __init__(self, seed: int = 0, *, layers: int = 6, maps: int = 5, unmixable: Iterable[int] = ()) -> None:
        generator = np.random.default_rng([0x9A7A, seed])
        self.maps = generator.standard_normal((layers, maps, _WIDTH, _WIDTH)) / np.sqrt(_WIDTH)
        self.planted = tuple(int(index) for index in generator.integers(maps, size=layers))
        self.inputs = generator.standard_normal((_EVALUATED, _WIDTH))
        self.space = SearchSpace(
            tuple(OneOf(_path(layer), tuple(Candidate(f"map{k}") for k in range(maps))) for layer in range(layers))
        )
        self.objective = Objective("accuracy")
        self.unmixable = {_path(layer): "The outputs of its maps differ in shape." for layer in unmixable}
        self.costs = {}
        self.answer = Architecture({_path(layer): f"map{k}" for layer, k in enumerate(self.planted)})

    def worker(self, seed: int) -> TaskWorker:
        """Return a worker; its seed makes no difference, for there is nothing to train."""
        return _Worker(self)

    def rows(self, weights: Weights) -> Array:
        """Return the weights as an array of shape (layers, maps)."""
        return np.stack([weights[_path(layer)] for layer in range(len(self.planted))])

    def loss(self, rows: Array, inputs: Array) -> float:
        """Return the mean squared error on inputs; of an architecture only what it chose is computed.

        Args:
            rows: Weights, shape (layers, maps).
            inputs: Shape (batch, width).
        """
        if np.count_nonzero(rows) == len(rows) and np.all(rows.max(axis=1) == 1.0):
            return self.loss_of(rows.argmax(axis=1), inputs)  # As most that is scored: an architecture.
        return float(np.mean((self._mixed(rows, inputs)[0] - self.target(inputs)) ** 2))

    def loss_and_gradient(self, rows: Array, inputs: Array) -> tuple[float, Array]:
        """Return the mean squared error on inputs, and its gradient with respect to the weights.

        Args:
            rows: Weights, shape (layers, maps).
            inputs: Shape (batch, width).
        """
        state, kept = self._mixed(rows, inputs)
        error = state - self.target(inputs)
        upstream = 2.0 * error / error.size
        gradient = np.zeros_like(rows)
        for layer in reversed(range(len(rows))):
            outputs = kept[layer]
            gradient[layer] = 0.5 * np.einsum("kbw,bw->k", outputs, upstream)
            inner = 0.5 * rows[layer][:, None, None] * (1.0 - outputs**2) * upstream  # (maps, batch, width)
            upstream = upstream + np.matmul(inner, self.maps[layer]).sum(axis=0)
        return float(np.mean(error**2)), gradient

    def loss_of(self, path: NDArray[np.intp], inputs: Array) -> float:
        """Return the mean squared error of a path, shape (layers,), which goes together with the planted one.

        Args:
            path: The map of each layer.
            inputs: Shape (batch, width).
        """
        if tuple(path.tolist()) == self.planted:
            return 0.0
        found, target = self._along(np.stack([path, self.planted]), inputs)
        return float(np.mean((found - target) ** 2))

    def target(self, inputs: Array) -> Array:
        """Return what the planted path makes of inputs, shape (batch, width)."""
        return np.asarray(self._along(np.array([self.planted]), inputs)[0])

    def _mixed(self, rows: Array, inputs: Array) -> tuple[Array, list[Array]]:
        """What mixtures make of inputs, and the outputs of all maps, each of shape (maps, batch, width)."""
        state = inputs
        kept: list[Array] = []
        for row, maps in zip(rows, self.maps, strict=True):
            kept.append(np.tanh(state @ maps.transpose(0, 2, 1)))
            state = state + 0.5 * np.tensordot(row, kept[-1], axes=1)
        return state, kept

    def _along(self, paths: NDArray[np.intp], inputs: Array) -> Array:
        """What paths, shape (paths, layers), make of inputs; shape (paths, batch, width)."""
        states = np.broadcast_to(inputs, (len(paths), *inputs.shape))
        for chosen, maps in zip(paths.T, self.maps, strict=True):
            states = states + 0.5 * np.tanh(states @ maps[chosen].transpose(0, 2, 1))
        return states


class _Worker(TaskWorker):
    def __init__(self, task: PlantedPath) -> None:
        self._task = task
        self._places = tuple(_path(layer) for layer in range(len(task.planted)))
        self._known: dict[tuple[int, ...], float] = {}

    def perform(self, task: Task, weights: Weights, seed: int) -> Answer:
        inputs = np.random.default_rng(seed).standard_normal((_BATCH, _WIDTH))
        rows = self._task.rows(weights)
        if task is Task.SCORE:
            return Answer(_metrics(self._task.loss(rows, inputs)))
        loss, gradient = self._task.loss_and_gradient(rows, inputs)
        by_path = {_path(layer): row for layer, row in enumerate(gradient)}
        return Answer(_metrics(loss), by_path)

    def evaluate(self, architecture: Architecture) -> Mapping[str, float]:
        path = tuple(int(str(architecture[place]).removeprefix("map")) for place in self._places)
        if path not in self._known:  # There is nothing to train, so a path is always worth the same.
            self._known[path] = self._task.loss_of(np.array(path), self._task.inputs)
        return _metrics(self._known[path])


def _metrics(loss: float) -> dict[str, float]:
    # A score in (0, 1] with the order of the losses, as samplers expect it.
    return {"loss": loss, "accuracy": 1.0 / (1.0 + loss)}


def _path(layer: int) -> str:
    return f"layer{layer}"
