"""Batch norms that were added without changing a network, made to change nothing in training either.

In evaluation a norm undoes itself with any statistics, as long as its weights fit them. In training it uses those of
the batch, so its weights must be those of real activations: γ = √(σ² + ε), β = μ (Wei et al., "Network Morphism", ICML
2016, have the same need). Not here: which norms these are (``Inherited.uncalibrated``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from nascore.errors import InvalidInputError
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

_Statistics = dict[str, tuple[Tensor, Tensor]]


def calibrate(model: nn.Module, norms: Sequence[str], run: Callable[[], object]) -> None:
    """Set batch norms by what passes through them, so that they pass it on unchanged.

    All else stays as it was: buffers, modes, and gradients, of which none are made. Random generators are the caller's
    affair.

    Args:
        model: The network.
        norms: Names of the batch norms, as in ``model.named_modules()``.
        run: Computes the network once on a batch of training data.

    Raises:
        InvalidInputError: A name is none of a batch norm, or the batch did not pass through it.
    """
    layers = {name: _norm(model, name) for name in norms}
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    modes = {module: module.training for module in model.modules()}
    found: _Statistics = {}
    hooks = [layer.register_forward_pre_hook(_watch(name, found)) for name, layer in layers.items()]
    try:
        model.train()
        with torch.no_grad():
            run()
    finally:
        for hook in hooks:
            hook.remove()
        for module, mode in modes.items():
            module.training = mode
        with torch.no_grad():
            for name, buffer in model.named_buffers():
                buffer.copy_(buffers[name])
    if unseen := sorted(layers.keys() - found.keys()):
        raise InvalidInputError(f"calibrate: the batch did not pass through {', '.join(unseen[:3])}.")
    with torch.no_grad():
        for name, (mean, variance) in found.items():
            _set(layers[name].running_mean, mean)
            _set(layers[name].running_var, variance)


def _watch(name: str, found: _Statistics) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
    def watch(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        # Set before the norm computes, so that what follows it sees its input unchanged.
        values = inputs[0].transpose(0, 1).flatten(1)  # (channels, all else)
        variance, mean = torch.var_mean(values, dim=1, correction=0)
        found[name] = mean, variance
        if isinstance(layer, _BatchNorm):
            _set(layer.weight, (variance + layer.eps).sqrt())
            _set(layer.bias, mean)

    return watch


def _set(target: Tensor | None, value: Tensor) -> None:
    if target is not None:
        target.copy_(value)


def _norm(model: nn.Module, name: str) -> _BatchNorm:
    layer = dict(model.named_modules(remove_duplicate=False)).get(name)
    if not isinstance(layer, _BatchNorm) or not layer.affine:
        raise InvalidInputError(f"calibrate: {name!r:.80} is no batch norm with weights.")
    return layer
