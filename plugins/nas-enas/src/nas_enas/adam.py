"""Adam, as Kingma and Ba (ICLR 2015) have it, on NumPy arrays; it climbs."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from nas_enas.policy import Parameters


@dataclass(slots=True)
class Adam:
    """The optimiser's settings and its state.

    Attributes:
        rate: Step size.
        beta1: Decay of the first moment.
        beta2: Decay of the second moment.
        epsilon: Added to the root of the second moment.
        steps: Steps so far.
        first: First moments by name of the parameter.
        second: Second moments by name of the parameter.
    """

    rate: float
    beta1: float = 0.0
    beta2: float = 0.999
    epsilon: float = 1e-3
    steps: int = 0
    first: Parameters = field(default_factory=dict)
    second: Parameters = field(default_factory=dict)

    def climb(self, parameters: Parameters, gradient: Parameters) -> None:
        """Move the parameters, in place, the way the gradient points; those without one stay."""
        self.steps += 1
        for name, slope in gradient.items():
            first = self.beta1 * self.first.get(name, 0.0) + (1 - self.beta1) * slope
            second = self.beta2 * self.second.get(name, 0.0) + (1 - self.beta2) * slope**2
            self.first[name], self.second[name] = np.asarray(first), np.asarray(second)
            rooted = np.sqrt(second / (1 - self.beta2**self.steps)) + self.epsilon
            parameters[name] += self.rate * first / (1 - self.beta1**self.steps) / rooted
