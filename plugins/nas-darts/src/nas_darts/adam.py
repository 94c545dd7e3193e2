"""Adam with L2 decay added to the gradient, as ``torch.optim.Adam`` does it (Kingma and Ba 2015, arXiv:1412.6980)."""

from __future__ import annotations

import numpy as np

from nas_darts.segments import Array
from nas_darts.state import AdamState

_EPSILON = 1e-8


class Adam:
    """One optimiser of one array.

    Args:
        size: Entries of the array.
        learning_rate: Length of a step.
        betas: Decay of the mean and of the mean square.
        weight_decay: Factor of the values that is added to the gradient.
    """

    def __init__(self, size: int, *, learning_rate: float, betas: tuple[float, float], weight_decay: float) -> None:
        self._rate = learning_rate
        self._betas = betas
        self._decay = weight_decay
        self._steps = 0
        self._mean = np.zeros(size)
        self._square = np.zeros(size)

    def step(self, values: Array, gradient: Array) -> Array:
        """Return the values after a step against the gradient."""
        first, second = self._betas
        gradient = gradient + self._decay * values
        self._steps += 1
        self._mean = first * self._mean + (1.0 - first) * gradient
        self._square = second * self._square + (1.0 - second) * gradient**2
        size = self._rate / (1.0 - first**self._steps)
        scale = np.sqrt(self._square / (1.0 - second**self._steps)) + _EPSILON
        return values - size * self._mean / scale

    def to_state(self) -> AdamState:
        """Return its state."""
        return AdamState(steps=self._steps, mean=self._mean.tolist(), square=self._square.tolist())

    def from_state(self, state: AdamState) -> None:
        """Take a state back."""
        self._steps = state.steps
        self._mean = np.array(state.mean)
        self._square = np.array(state.square)
