"""A path that is added to others, and begins by adding nothing.

So a network computes the same with one branch more, whatever the branch is made of: the morphism "add branch", as type
IV of Elsken, Metzen and Hutter (arXiv:1711.04528), where a learned factor brings a new path in. That the factor begins
at 0 is ReZero (Bachlechner et al., arXiv:2003.04887); it learns first, and what it multiplies after it. Not here: which
branches a search adds (the tuner ``morphism``).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Branch(nn.Module):
    """A path beside others: what its layer makes, times a learned factor that begins at 0.

    It stands where outputs are added up: ``x + branch(x)``.

    Attributes:
        layer: What the path computes: any module that returns a tensor.
        factor: A single number.
    """

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer
        self.factor = nn.Parameter(torch.zeros(()))

    def forward(self, *inputs: object) -> Tensor:
        """What the layer makes of the inputs, times the factor; the shape is the layer's."""
        made: Tensor = self.factor * self.layer(*inputs)
        return made
