"""The SDK's choices as plain torch: the same children under the same names, the same outputs.

A LayerChoice becomes an ``nn.Sequential`` with its one candidate, a Repeat one with its copies. Where these may be
called with more than one argument, and for an InputChoice, a class of a few lines is written beside the network.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import cast

from torch import nn

from nas_trial.choice import Choice
from nas_trial.export.carried import Carried
from nas_trial.export.cells import is_cell, plain_cell
from nas_trial.export.layers import layer_class
from nas_trial.export.layout import Brackets, Call, Expression, quoted
from nas_trial.export.origin import is_sdk
from nas_trial.following import Following
from nas_trial.input_choice import InputChoice
from nas_trial.layer_choice import LayerChoice
from nas_trial.repeat import Repeat

_SMALL_CLASSES = {
    "Chosen": '''
class Chosen(nn.Module):
    """The layer that was chosen, called with whatever arguments it takes."""

    def __init__(self, name, layer) -> None:
        super().__init__()
        self.add_module(name, layer)

    def forward(self, *inputs, **options):
        (layer,) = self.children()
        return layer(*inputs, **options)
''',
    "Repeated": '''
class Repeated(nn.Sequential):
    """Layers in a row, each of which also takes the same further arguments."""

    def forward(self, value, *inputs, **options):
        for layer in self:
            value = layer(value, *inputs, **options)
        return value
''',
    "Pick": '''
class Pick(nn.Module):
    """Picks one of several inputs."""

    def __init__(self, index) -> None:
        super().__init__()
        self.index = index

    def forward(self, inputs):
        return inputs[self.index]
''',
    "PickNone": '''
class PickNone(nn.Module):
    """Picks none of the inputs: zeros like the first."""

    def forward(self, inputs):
        return torch.zeros_like(inputs[0])
''',
    "PickSum": '''
class PickSum(nn.Module):
    """Picks some of the inputs and adds them up."""

    def __init__(self, *indices) -> None:
        super().__init__()
        self.indices = indices

    def forward(self, inputs):
        total = inputs[self.indices[0]]
        for index in self.indices[1:]:
            total = total + inputs[index]
        return total
''',
    "PickMean": '''
class PickMean(nn.Module):
    """Picks some of the inputs and takes their mean."""

    def __init__(self, *indices) -> None:
        super().__init__()
        self.indices = indices

    def forward(self, inputs):
        total = inputs[self.indices[0]]
        for index in self.indices[1:]:
            total = total + inputs[index]
        return total / len(self.indices)
''',
    "PickConcat": '''
class PickConcat(nn.Module):
    """Picks some of the inputs and joins them along a dimension."""

    def __init__(self, *indices, dim=1) -> None:
        super().__init__()
        self.indices = indices
        self.dim = dim

    def forward(self, inputs):
        return torch.cat([inputs[index] for index in self.indices], dim=self.dim)
''',
    "PickList": '''
class PickList(nn.Module):
    """Picks some of the inputs, as a list."""

    def __init__(self, *indices) -> None:
        super().__init__()
        self.indices = indices

    def forward(self, inputs):
        return [inputs[index] for index in self.indices]
''',
}


def is_choice(module: nn.Module) -> bool:
    """Whether a module is a choice of the SDK, or a cell of choices."""
    return isinstance(module, Choice) or is_cell(module)


def plain_choice(module: nn.Module, children: Mapping[str, Expression], carried: Carried, *, is_called: bool) -> Call:
    """What stands for a choice in the generated file.

    Args:
        module: A LayerChoice, InputChoice or Repeat of a built network.
        children: Its children as expressions, by name.
        carried: Collects imports and small classes.
        is_called: Whether the network calls it; if not, it goes through the copies itself.
    """
    if is_cell(module):
        return plain_cell(module, children, carried)
    if isinstance(module, InputChoice):
        return _picked(module, carried)
    if isinstance(module, LayerChoice | Following):
        ((name, layer),) = children.items()
        if takes_one_input(module) and not hasattr(nn.Sequential, name):
            return sequential(children, carried)
        return Call(_small_class("Chosen", carried), [quoted(name), layer])
    if not is_called:
        return Call("nn.ModuleList", [Brackets("[", list(children.values()), "]")])
    if takes_one_input(module):
        return sequential(children, carried)
    return Call(_small_class("Repeated", carried), list(children.values()))


def sequential(children: Mapping[str, Expression], carried: Carried) -> Call:
    """``nn.Sequential``, with an ``OrderedDict`` unless the keys are 0, 1, …."""
    if list(children) == [str(number) for number in range(len(children))]:
        return Call("nn.Sequential", list(children.values()))
    carried.bind_torch("OrderedDict")
    pairs = [Brackets("(", [quoted(key), value], ")") for key, value in children.items()]
    return Call("nn.Sequential", [Call("OrderedDict", [Brackets("[", pairs, "]")])])


def takes_one_input(module: nn.Module) -> bool:
    """Whether ``forward`` takes exactly one argument, so that ``nn.Sequential`` calls it as it was called."""
    if isinstance(module, LayerChoice | Following | Repeat):
        return all(takes_one_input(child) for child in module.children())
    if isinstance(module, InputChoice) or is_cell(module):
        return True
    known = layer_class(type(module)) if is_sdk(type(module).__module__) else None
    parameters = list(inspect.signature((known or type(module)).forward).parameters.values())[1:]
    return len(parameters) == 1 and parameters[0].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD


def _picked(module: InputChoice, carried: Carried) -> Call:
    indices = [str(module._index[name]) for name in module.chosen]
    arguments = cast("list[Expression]", indices)
    if module._reduction == "none":
        return Call(_small_class("PickList", carried), arguments)
    if not indices:
        carried.bind_torch("torch")
        return Call(_small_class("PickNone", carried))
    if len(indices) == 1:
        return Call(_small_class("Pick", carried), arguments)
    if module._reduction == "concat":
        carried.bind_torch("torch")
        return Call(
            _small_class("PickConcat", carried), arguments, {} if module._dim == 1 else {"dim": str(module._dim)}
        )
    return Call(_small_class({"sum": "PickSum", "mean": "PickMean"}[module._reduction], carried), arguments)


def _small_class(name: str, carried: Carried) -> str:
    carried.add(name, _SMALL_CLASSES[name].strip())
    return name
