"""Sketches: networks on the meta device, which have shapes but no memory, so that any size can be measured at once.

Not here: what is measured (``figures``).
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy

import torch
from nascore.errors import InvalidInputError
from torch import Tensor, nn

from nas_trial.build import build
from nas_trial.extract import Factory
from nas_trial.supernet import activate


def sketched(model: nn.Module | Factory, architecture: Mapping[str, object] | None = None) -> nn.Module:
    """A network of the meta device, set to evaluate; what is given stays as it is.

    Args:
        model: A network, a supernet, or a factory of a model with choices.
        architecture: What a factory builds, or what is active in a supernet; left out, the default architecture of the
            one, and what is active already in the other.

    Raises:
        ArchitectureError: The architecture does not belong to the space.
        InvalidInputError: An architecture is given with a network that holds no choices.
    """
    if isinstance(model, nn.Module):
        copy = _copied(model)
        if architecture is not None:
            activate(copy, architecture)
        return copy.eval()
    return built(model, architecture, device="meta")


def built(factory: Factory, architecture: Mapping[str, object] | None, *, device: str) -> nn.Module:
    """The network of an architecture, or of the default one, made on a device and set to evaluate."""
    with torch.device(device):
        return (factory() if architecture is None else build(factory, architecture)).eval()


def on_meta(value: object) -> object:
    """Tensors, in tuples, lists and dictionaries as well, as tensors of the meta device of the same shape and type."""
    match value:
        case Tensor():
            return torch.empty_like(value, device="meta")
        case Mapping():
            return {key: on_meta(part) for key, part in value.items()}
        case list():
            return [on_meta(part) for part in value]
        case tuple():
            # A named tuple stays one.
            return getattr(value, "_make", tuple)([on_meta(part) for part in value])
        case _:
            return value


def inputs_of(input_shape: tuple[int, ...]) -> tuple[Tensor, ...]:
    """The one input of a network that takes a batch of one tensor, of the meta device.

    Raises:
        InvalidInputError: It is no shape.
    """
    sizes: tuple[object, ...] = input_shape
    if not all(isinstance(size, int) and size > 0 for size in sizes):
        raise InvalidInputError(
            f"The input shape is {input_shape!r}.",
            hint="Give the sizes of one example without the batch, such as (3, 224, 224).",
        )
    return (torch.empty(1, *input_shape, device="meta"),)


def _copied(model: nn.Module) -> nn.Module:
    # deepcopy takes what is noted here for a copy already made, so no tensor's data are copied.
    tensors = {id(tensor): _shaped(tensor) for tensor in (*model.parameters(), *model.buffers())}
    return deepcopy(model, dict(tensors))


def _shaped(tensor: Tensor) -> Tensor:
    empty = torch.empty_like(tensor, device="meta")
    return nn.Parameter(empty, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else empty
