"""Whether two networks compute the same: networks with weights as after training, and what they compute.

A network fresh from its constructor proves little: its biases and means are 0, its norms change nothing. Not here: how
networks inherit (``nas_trial.weights``).
"""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn

ModuleT = TypeVar("ModuleT", bound=nn.Module)


def trained(network: ModuleT, *, spread: float = 0.2) -> ModuleT:
    """Fill a network as if it had been trained, so that nothing in it is 0 or 1, and return it.

    Numbers are drawn from torch's generator.

    Args:
        network: Its floating-point parameters and buffers are filled: those of one axis (biases, statistics) uniformly
            from 0.5 to 1.5, the others normally around 0.
        spread: Standard deviation of the others.
    """
    with torch.no_grad():
        for tensor in [*network.parameters(), *network.buffers()]:
            if tensor.is_floating_point():
                drawn = torch.rand_like(tensor) + 0.5 if tensor.dim() == 1 else torch.randn_like(tensor) * spread
                tensor.copy_(drawn)
    return network


def outputs(network: nn.Module, batch: Tensor, *, training: bool) -> Tensor:
    """Return what a network makes of a batch, without a gradient; its buffers stay, its mode is the one asked for.

    Args:
        network: Takes the batch and gives one tensor.
        batch: (batch, ...)
        training: In training mode, or in evaluation.
    """
    buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
    network.train(training)
    with torch.no_grad():
        found: Tensor = network(batch)
        for name, buffer in network.named_buffers():
            buffer.copy_(buffers[name])
    return found


def difference(first: nn.Module, second: nn.Module, batch: Tensor, *, training: bool) -> float:
    """Return the largest difference of any output of two networks on a batch; see `outputs`."""
    apart = outputs(first, batch, training=training) - outputs(second, batch, training=training)
    return float(apart.abs().max())
