"""How many parameters a network has; of a supernet, those that the active architecture uses."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from nas_trial.choice import live_children
from nas_trial.decision import Decision
from nas_trial.layers.elastic import Elastic
from nas_trial.layers.part import cut
from nas_trial.values import Value


def count_parameters(network: nn.Module) -> int:
    """The number of parameters, as many as ``build`` makes for the same architecture; what is shared counts once.

    Raises:
        StateError: The network is a supernet, and no architecture is active.
    """
    return sum({id(parameter): count for parameter, count in _counted(network)}.values())


def _counted(module: nn.Module) -> Iterator[tuple[nn.Parameter, int]]:
    if isinstance(module, Elastic):  # names what its children use as well
        parts = module.slices(Value.current)
        for name, parameter in module.named_parameters():
            yield parameter, cut(parameter, parts[name]).numel() if name in parts else parameter.numel()
        return
    for parameter in module.parameters(recurse=False):
        yield parameter, parameter.numel()
    for child in _active_children(module):
        yield from _counted(child)


def _active_children(module: nn.Module) -> Iterator[nn.Module]:
    live = live_children(module, Decision.get)
    return (child for name, child in module._modules.items() if child is not None and (live is None or name in live))
