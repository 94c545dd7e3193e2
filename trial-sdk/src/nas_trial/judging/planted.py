"""``PlantedTrial``: the task *planted path* of ``nascore.testing.judging`` as a network of torch.

The maps are fixed, so what a tuner finds here and not there is the executor's doing, and the other way round.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np
import torch
from nascore.testing.judging import PlantedPath
from torch import Tensor, nn

from nas_trial.judging.known import KnownTrial
from nas_trial.layer_choice import LayerChoice
from nas_trial.metrics import MetricValue

_BATCH = 32
_TRAINING = 40 * _BATCH  # half of it is the search split, so an epoch has 20 batches
_VALIDATION = 256


class PlantedTrial(KnownTrial):
    """Layers of fixed maps, of which one path gives the targets.

    Args:
        seed: Makes the maps, the planted path and the examples.
        layers: How many layers.
        maps: How many maps in each.
    """

    name = "planted path in torch"

    def __init__(self, seed: int = 0, *, layers: int = 6, maps: int = 5) -> None:
        self._task = PlantedPath(seed, layers=layers, maps=maps)
        self.answer = self._task.answer
        generator = np.random.default_rng([0x707A, seed])
        inputs = generator.standard_normal((_TRAINING + _VALIDATION, self._task.maps.shape[-1]))
        self._inputs = torch.tensor(inputs, dtype=torch.float32)
        self._targets = torch.tensor(self._task.target(inputs), dtype=torch.float32)

    def build(self) -> nn.Module:
        """Return the layers, and a shift of the output, for something must be trained."""
        return _Path(torch.tensor(self._task.maps, dtype=torch.float32))

    def train_batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield shuffled batches of inputs and targets, each of shape (batch, width)."""
        for batch in torch.split(torch.randperm(_TRAINING), _BATCH):
            yield self._inputs[batch], self._targets[batch]

    def validation_batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield what is kept back."""
        yield self._inputs[_TRAINING:], self._targets[_TRAINING:]

    def training_step(self, model: nn.Module, batch: object) -> Tensor:
        """Return the mean squared error."""
        return _error(model, batch)

    def validation_step(self, model: nn.Module, batch: object) -> Mapping[str, MetricValue]:
        """Return the mean squared error as ``loss``, and a score in (0, 1] with its order as ``accuracy``."""
        loss = _error(model, batch)
        return {"loss": loss, "accuracy": 1.0 / (1.0 + loss)}

    def optimizer(self, parameters: Iterator[nn.Parameter]) -> torch.optim.Optimizer:
        """Return SGD with momentum, with which the look-ahead of second order can be computed."""
        return torch.optim.SGD(parameters, lr=0.01, momentum=0.9)


class _Map(nn.Module):
    def __init__(self, matrix: Tensor) -> None:
        super().__init__()
        self.matrix: Tensor
        self.register_buffer("matrix", matrix)

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x @ self.matrix.T)


class _Path(nn.Module):
    def __init__(self, maps: Tensor) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            LayerChoice({f"map{k}": partial(_Map, matrix) for k, matrix in enumerate(row)}, label=f"layer{layer}")
            for layer, row in enumerate(maps)
        )
        self.shift = nn.Parameter(torch.zeros(maps.shape[-1]))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = x + 0.5 * layer(x)
        return x + self.shift


def _error(model: nn.Module, batch: object) -> Tensor:
    assert isinstance(batch, tuple)
    inputs, targets = batch
    return nn.functional.mse_loss(model(inputs), targets)
