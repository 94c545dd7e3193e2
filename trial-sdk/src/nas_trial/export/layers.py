"""Layers of `torch.nn` as constructor calls, with the arguments that the layer at hand really has.

Arguments are read from the layer's attributes by the names in its constructor's signature. Each call is proved before
it is written: the layer is built again on the meta device, and must have the same attributes, shapes and dtypes. What
equals a default is left out, and ``(3, 3)`` becomes ``3``, as long as the proof holds.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import torch
from torch import Tensor, nn

from nas_trial.export.failure import ExportError
from nas_trial.export.layout import Call, Expression
from nas_trial.export.origin import is_sdk
from nas_trial.export.values import empty

Arguments = dict[str, object]
_IsSame = Callable[[Arguments, Arguments], bool]

_POSITIONAL_TOO = {"p"}  # nn.Dropout(0.2)
_NOT_STATE = {"training", "_is_hf_initialized"}
_CANNOT_BE = (TypeError, ValueError, AssertionError, RuntimeError)  # what torch raises if arguments do not go together
_RECURRENT = ("input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional", "proj_size")


@dataclass(frozen=True, slots=True)
class Constructor:
    """A proved constructor: the class of `torch.nn`, arguments by position, arguments by name."""

    layer: type[nn.Module]
    positional: tuple[object, ...]
    named: Mapping[str, object]

    def call(self, express: Callable[[object], Expression]) -> Call:
        """The call as an expression; `express` writes each argument."""
        written = {name: _written(value, express) for name, value in self.named.items()}
        return Call(f"nn.{self.layer.__name__}", [_written(value, express) for value in self.positional], written)

    def make(self) -> nn.Module:
        """A layer on the meta device, made by this call."""
        with torch.device("meta"):
            return self.layer(*map(_unshared, self.positional), **{k: _unshared(v) for k, v in self.named.items()})


def layer_class(kind: type) -> type[nn.Module] | None:
    """The nearest class of `torch.nn` that a class is or derives from."""
    for base in kind.__mro__:
        if issubclass(base, nn.Module) and vars(nn).get(base.__name__) is base:
            return cast("type[nn.Module]", base)
    return None


def constructor(module: nn.Module, *, path: str) -> Constructor:
    """The constructor call that makes a layer like this one.

    Args:
        module: A layer of `torch.nn`, or of a class that derives from one.
        path: Where it stands in the network, for messages.

    Raises:
        ExportError: No arguments were found that make the same layer.
    """
    layer = layer_class(type(module))
    assert layer is not None
    required, optional = _arguments(module, layer)
    wanted = _identity(_part_of_layer(module, layer, required, optional), layer)

    def is_same(first: Arguments, second: Arguments) -> bool:
        return _rebuilt(layer, first, second) == wanted

    if not is_same(required, optional):
        raise ExportError(
            f"{path}: {layer.__name__} has no constructor call: no arguments make the same layer again.",
            hint="Was it changed after its construction? Wrap it in a module class of your own.",
        )
    required, optional = _shortened(required, optional, is_same)
    first = next(iter(optional), "")
    rest = {name: value for name, value in optional.items() if name != first}
    if first in _POSITIONAL_TOO and is_same({**required, first: optional[first]}, rest):
        required, optional = {**required, first: optional[first]}, rest
    return Constructor(layer, tuple(required.values()), optional)


def _part_of_layer(module: nn.Module, layer: type[nn.Module], required: Arguments, optional: Arguments) -> nn.Module:
    """The module without what a derived class registered besides."""
    if type(module) is layer or is_sdk(type(module).__module__):
        return module
    try:
        made = Constructor(layer, tuple(required.values()), optional).make()
    except _CANNOT_BE:
        return module
    part = layer.__new__(layer)
    part.__dict__.update(vars(module))
    for kind in ("_parameters", "_buffers", "_modules"):
        part.__dict__[kind] = {name: value for name, value in vars(module)[kind].items() if name in vars(made)[kind]}
    return part


def _shortened(required: Arguments, optional: Arguments, is_same: _IsSame) -> tuple[Arguments, Arguments]:
    """Leaves out what equals a default, and writes ``(3, 3)`` as ``3``."""
    for name in reversed(list(optional)):
        fewer = {key: value for key, value in optional.items() if key != name}
        optional = fewer if is_same(required, fewer) else optional
    for arguments in (required, optional):
        for name, value in list(arguments.items()):
            if isinstance(value, tuple) and len(value) > 1 and len(set(value)) == 1 and type(value[0]) is int:
                arguments[name] = value[0]
                if not is_same(required, optional):
                    arguments[name] = value
    return required, optional


def _arguments(module: nn.Module, layer: type[nn.Module]) -> tuple[Arguments, Arguments]:
    recipe = next((found for kind, found in _RECIPES.items() if issubclass(layer, kind)), None)
    if recipe is not None:
        return recipe(module)
    required: Arguments = {}
    optional: Arguments = {}
    for name, parameter in list(inspect.signature(layer.__init__).parameters.items())[1:]:
        if name in {"device", "dtype"} or parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            continue
        if not hasattr(module, name):
            continue
        value = getattr(module, name)
        value = value is not None if name == "bias" and not isinstance(value, bool) else value
        (required if parameter.default is parameter.empty else optional)[name] = value
    return required, {**optional, **_dtype(module, layer)}


def _dtype(module: nn.Module, layer: type[nn.Module]) -> Arguments:
    kinds = [value.dtype for value in module.state_dict().values() if value.is_floating_point() or value.is_complex()]
    takes = "dtype" in inspect.signature(layer.__init__).parameters
    return {"dtype": kinds[0]} if takes and kinds and kinds[0] != torch.float32 else {}


def _recurrent(module: nn.Module) -> tuple[Arguments, Arguments]:
    values = {name: getattr(module, name) for name in _RECURRENT}
    if isinstance(module, nn.RNN):
        values["nonlinearity"] = module.nonlinearity
    if not isinstance(module, nn.LSTM):
        del values["proj_size"]  # which only LSTMs take
    first = {name: values.pop(name) for name in ("input_size", "hidden_size")}
    return first, {**values, **_dtype(module, nn.Linear)}


def _attention(module: nn.Module) -> tuple[Arguments, Arguments]:
    assert isinstance(module, nn.MultiheadAttention)
    names = ("dropout", "add_zero_attn", "kdim", "vdim", "batch_first")
    optional: Arguments = {name: getattr(module, name) for name in names}
    optional |= {"bias": module.in_proj_bias is not None, "add_bias_kv": module.bias_k is not None}
    return {"embed_dim": module.embed_dim, "num_heads": module.num_heads}, {**optional, **_dtype(module, nn.Linear)}


def _transformer_layer(module: nn.Module) -> tuple[Arguments, Arguments]:
    attention, first, norm = module.self_attn, module.linear1, module.norm1
    assert isinstance(attention, nn.MultiheadAttention)
    assert isinstance(first, nn.Linear)
    assert isinstance(norm, nn.LayerNorm)
    assert isinstance(module.dropout, nn.Dropout)
    optional: Arguments = {
        "dim_feedforward": first.out_features,
        "dropout": module.dropout.p,
        "activation": module.activation,
        "layer_norm_eps": norm.eps,
        "batch_first": attention.batch_first,
        "norm_first": module.norm_first,
        "bias": first.bias is not None,
    }
    return {"d_model": attention.embed_dim, "nhead": attention.num_heads}, {**optional, **_dtype(module, nn.Linear)}


def _transformer(module: nn.Module) -> tuple[Arguments, Arguments]:
    assert isinstance(module.layers, nn.ModuleList)
    optional: Arguments = {"norm": module.norm}
    if isinstance(module, nn.TransformerEncoder):
        optional["enable_nested_tensor"] = module.enable_nested_tensor
    return {"layer": module.layers[0], "num_layers": module.num_layers}, optional


_RECIPES: dict[type[nn.Module], Callable[[nn.Module], tuple[Arguments, Arguments]]] = {
    nn.RNNBase: _recurrent,
    nn.MultiheadAttention: _attention,
    nn.TransformerEncoderLayer: _transformer_layer,
    nn.TransformerDecoderLayer: _transformer_layer,
    nn.TransformerEncoder: _transformer,
    nn.TransformerDecoder: _transformer,
}


def _rebuilt(layer: type[nn.Module], required: Arguments, optional: Arguments) -> object:
    try:
        return _identity(Constructor(layer, tuple(required.values()), optional).make(), layer)
    except _CANNOT_BE:
        return None


def _identity(module: nn.Module, layer: type[nn.Module]) -> object:
    """All that makes two layers the same but their numbers."""
    kinds = [_describe(part, layer if part is module else None) for part in module.modules()]
    state = {name: (tuple(value.shape), value.dtype) for name, value in module.state_dict().items()}
    return kinds, state


def _describe(module: nn.Module, kind: type[nn.Module] | None) -> object:
    known = kind or type(module)
    declared = _declared(known)  # type: ignore[arg-type]  # mypy takes __hash__ of a class for that of its objects
    plain = {name: _comparable(value) for name, value in vars(module).items() if name in declared}
    return known, plain, known.extra_repr(module)


@lru_cache(maxsize=256)
def _declared(kind: type[nn.Module]) -> frozenset[str]:
    """Names of the attributes by which a layer says how it was made."""
    parameters = inspect.signature(kind.__init__).parameters
    return (frozenset(getattr(kind, "__constants__", ())) | frozenset(parameters)) - _NOT_STATE


def _comparable(value: object) -> object:
    if isinstance(value, Tensor):
        return tuple(value.shape), value.dtype
    return value


def _unshared(value: object) -> object:
    if isinstance(value, Tensor):
        return torch.empty_like(value, device="meta")
    return copy.deepcopy(value) if isinstance(value, nn.Module) else value


def _written(value: object, express: Callable[[object], Expression]) -> Expression:
    return empty(value) if isinstance(value, Tensor) else express(value)
