"""An optimizer step that changes only what was computed.

torch leaves alone what has no gradient, so a candidate that was not computed stays as it is. A tensor of an elastic
layer of which a part was used has a gradient, zero elsewhere, with which momentum and weight decay would move the rest;
here the rest is put back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from nascore.errors import StateError
from torch import Tensor, nn
from torch.optim import Optimizer

from nas_trial.layers.elastic import Elastic
from nas_trial.layers.mixture import indicator
from nas_trial.layers.part import Slices, whole
from nas_trial.mixing import UnmixableError
from nas_trial.values import Value


class Parts:
    """The parts of elastic layers' tensors that took part since the last step.

    Args:
        model: The supernet.
    """

    def __init__(self, model: nn.Module) -> None:
        self._layers = [part for part in model.modules() if isinstance(part, Elastic) and part.is_elastic]
        self._masks: dict[Tensor, Tensor] = {}

    def note(self) -> None:
        """Note what the sample that is active now uses; to be called after its backward pass."""
        for layer in self._layers:
            if any(parameter.grad is not None for parameter in layer.parameters()):
                self._note(layer)

    def clear(self) -> None:
        """Forget what took part."""
        self._masks.clear()

    @contextmanager
    def confined(self, optimizer: Optimizer) -> Iterator[None]:
        """While the optimizer steps; afterwards only the parts that were noted have changed."""
        partly = [(tensor, mask) for tensor, mask in self._masks.items() if not mask.all()]
        kept = [(tensor, mask, tensor.detach().clone(), _state(optimizer, tensor)) for tensor, mask in partly]
        yield
        with torch.no_grad():
            for tensor, mask, value, before in kept:
                tensor.copy_(torch.where(mask, tensor, value))
                for name, state in _state(optimizer, tensor, copies=False).items():
                    state.copy_(torch.where(mask, state, before.get(name, torch.zeros_like(state))))

    def _note(self, layer: Elastic) -> None:
        mixture = layer.mixture()
        try:
            slices = layer.slices(Value.current if mixture is None else mixture.largest)
        except (StateError, UnmixableError):
            return  # the gradient is of an earlier sample of the same step; this one does not reach the layer
        for name, parameter in layer.named_parameters():
            if parameter.grad is not None:
                self._mark(parameter, slices[name])

    def _mark(self, parameter: Tensor, part: Slices) -> None:
        mask = indicator(parameter.detach(), part, whole(parameter)) > 0
        self._masks[parameter] = self._masks[parameter] | mask if parameter in self._masks else mask


def _state(optimizer: Optimizer, tensor: Tensor, *, copies: bool = True) -> dict[str, Tensor]:
    """What the optimizer keeps for a tensor, element by element."""
    state = optimizer.state.get(tensor, {})
    found = {name: each for name, each in state.items() if isinstance(each, Tensor) and each.shape == tensor.shape}
    return {name: each.clone() for name, each in found.items()} if copies else found
