"""``NoiseTrap``: a chain of layers each of which is a convolution or noise; a single noise is fatal.

After space S4 of Zela et al.: Understanding and Robustifying Differentiable Architecture Search, ICLR 2020
(arXiv:1909.09656), where DARTS chooses noise. How hard it is depends on the depth. The data are scikit-learn's digits.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from nascore.errors import UnsupportedError
from nascore.space import Architecture
from torch import Tensor, nn

from nas_trial.judging.known import KnownTrial
from nas_trial.layer_choice import LayerChoice

_BATCH = 64
_VALIDATION = 397
_SIDE = 8


class NoiseTrap(KnownTrial):
    """Layers of ``sep3`` or ``noise``, of which every one must be ``sep3``.

    Args:
        depth: How many layers.
        width: Channels.

    Raises:
        UnsupportedError: scikit-learn, which has the digits, is not installed.
    """

    name = "noise trap"

    def __init__(self, *, depth: int = 5, width: int = 16) -> None:
        self._depth = depth
        self._width = width
        images, labels = _digits()
        self._training = images[_VALIDATION:], labels[_VALIDATION:]
        self._validation = images[:_VALIDATION], labels[:_VALIDATION]
        self.answer = Architecture({_label(layer): "sep3" for layer in range(depth)})

    def build(self) -> nn.Module:
        """Return the chain between a stem and a linear reader."""
        return _Chain(self._depth, self._width)

    def train_batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield shuffled batches of images, shape (batch, 1, 8, 8), and labels."""
        images, labels = self._training
        for batch in torch.split(torch.randperm(len(labels)), _BATCH):
            yield images[batch], labels[batch]

    def validation_batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield all images that are kept back."""
        yield self._validation

    def optimizer(self, parameters: Iterator[nn.Parameter]) -> torch.optim.Optimizer:
        """Return SGD with momentum, with which the look-ahead of second order can be computed."""
        return torch.optim.SGD(parameters, lr=0.05, momentum=0.9, weight_decay=3e-4)


class _Noise(nn.Module):
    """Noise of the input's shape and of nothing else."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.randn_like(x)


class _Chain(nn.Module):
    def __init__(self, depth: int, width: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))
        self.layers = nn.ModuleList(
            LayerChoice({"sep3": partial(_separable, width), "noise": _Noise}, label=_label(layer))
            for layer in range(depth)
        )
        self.head = nn.Sequential(nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(width * (_SIDE // 2) ** 2, 10))

    def forward(self, images: Tensor) -> Tensor:
        x = self.stem(images)  # (batch, width, 8, 8)
        for layer in self.layers:
            x = layer(x)
        logits: Tensor = self.head(x)
        return logits


def _separable(width: int) -> nn.Module:
    return nn.Sequential(
        nn.ReLU(),
        nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False),
        nn.Conv2d(width, width, 1, bias=False),
        nn.BatchNorm2d(width),
    )


def _digits() -> tuple[Tensor, Tensor]:
    """The images, shape (images, 1, 8, 8), from 0 to 1, and their labels, shuffled once and for all."""
    try:
        # Optional: nothing else of the SDK needs it.
        from sklearn.datasets import load_digits  # noqa: PLC0415
    except ImportError as error:
        raise UnsupportedError(
            "NoiseTrap takes its images from scikit-learn, which is not installed.",
            hint="Run pip install scikit-learn.",
        ) from error
    images, labels = load_digits(return_X_y=True)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    pixels = torch.tensor(images, dtype=torch.float32).reshape(-1, 1, _SIDE, _SIDE) / 16  # grey values 0 to 16
    return pixels[order], torch.tensor(labels)[order]


def _label(layer: int) -> str:
    return f"layer{layer}"
