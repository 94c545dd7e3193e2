"""Modules that layers keep: one for each place and candidate, made when it is first needed.

A module that belongs to a module is registered there, so that it moves, trains and is saved with it. Make an optimizer
after a first forward pass, as with ``torch.nn.LazyLinear``.
"""

from __future__ import annotations

import re
from weakref import WeakKeyDictionary

from nascore.errors import InvalidInputError
from torch import nn

from nas_trial.annotated.layer import AnnotatedLayer, Function, Operation

_Modules = dict[tuple[str, str], nn.Module]


class Kept:
    """Modules of layers, by the object that they belong to; those of plain functions belong to nobody."""

    def __init__(self) -> None:
        self._of_nobody: _Modules = {}
        self._owned: WeakKeyDictionary[object, _Modules] = WeakKeyDictionary()

    def function(self, layer: AnnotatedLayer, text: str) -> Operation:
        """The candidate with a text; a class of modules as the module that was made of it."""
        operation = layer.candidates[text]
        if not operation.is_factory:
            return operation
        place = layer.key, text
        modules = self._modules(layer)
        if place not in modules:
            modules[place] = _made(operation.function, operation, layer, text)
        return Operation(modules[place])

    def _modules(self, layer: AnnotatedLayer) -> _Modules:
        if layer.owner is None:
            return self._of_nobody
        try:
            return self._owned.setdefault(layer.owner, {})
        except TypeError:
            raise InvalidInputError(
                f"{type(layer.owner).__name__} cannot keep the modules of layer {layer.key!r}.",
                hint="Make them in __init__, and name them in layer_choice as self.conv.",
            ) from None


def _made(function: Function, operation: Operation, layer: AnnotatedLayer, text: str) -> nn.Module:
    module = function(**operation.arguments)
    assert isinstance(module, nn.Module)
    if isinstance(layer.owner, nn.Module):
        # Where the model is by now: its modules are all on one device.
        somewhere = next(layer.owner.parameters(), None)
        if somewhere is not None:
            module.to(somewhere.device)
        module.train(layer.owner.training)
        layer.owner.add_module(re.sub(r"\W+", "_", f"{layer.key.rpartition(':')[2]}_{text}").strip("_"), module)
    return module
