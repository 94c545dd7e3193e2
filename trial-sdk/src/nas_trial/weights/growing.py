"""How a tensor grows out of its parent's: overlap, repetition of units, layers that change nothing.

Repetition is Net2Wider (Chen et al., "Net2Net", ICLR 2016, section 2.2) with unit ``j`` of a longer axis a copy of unit
``j mod n`` of the parent's ``n``: as this depends on the two lengths alone, whatever reads or normalises the units
agrees about them without knowing who made them. Copies share what goes out of a unit in random parts, which add up to
all of it, so that the function stays while their gradients differ; equal parts would leave copies equal for ever.

Identity is Net2Deeper (section 2.3). It needs square layers whose output has the size of their input, and an activation
after them that changes nothing when applied twice. A branch that was added is the other case: it adds nothing, whatever
it holds. Not here: which tensor is whose (``nas_trial.weights.inheriting``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from nascore.weights.inheritance import Initialisation
from nascore.weights.rules import Grow
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from nas_trial.layers.branch import Branch


class Unfit(Exception):
    """A tensor cannot grow in this way; the text says why. Never leaves ``nas_trial.weights``."""


def grown(how: Grow, own: Tensor, parent: Tensor | None, *, layer: nn.Module, name: str) -> Tensor:
    """Return a tensor's new numbers.

    Args:
        how: In which way.
        own: What the new network has, on the CPU; unchanged.
        parent: What the parent has under its key.
        layer: The module whose tensor it is.
        name: Its name there, such as ``weight``.

    Raises:
        Unfit: It cannot grow so.
    """
    if how is Grow.IDENTITY:
        return _identity(own, parent, layer=layer, name=name)
    if parent is None:
        raise Unfit("the parent has none")
    if parent.dtype != own.dtype:
        raise Unfit(f"the parent's is {parent.dtype}, not {own.dtype}")
    return _GROWTHS[how](own, parent, layer)


def gathered(parent: Tensor, steps: Sequence[Initialisation]) -> Tensor:
    """Return rows of ``parent`` along an axis, each times its scale; several steps follow each other.

    Raises:
        Unfit: There is no such axis or row.
    """
    found = parent
    for step in steps:
        if step.axis >= found.dim():
            raise Unfit(f"gather: the parent has {found.dim()} axes, none with number {step.axis}")
        size = found.shape[step.axis]
        if wrong := [index for index in step.indices if index >= size]:
            raise Unfit(f"gather: axis {step.axis} has {size} rows, none with number {wrong[0]}")
        found = found.index_select(step.axis, torch.tensor(step.indices, dtype=torch.int64))
        if step.scales:
            found = found * _along(torch.tensor(step.scales, dtype=found.dtype), step.axis, found.dim())
    return found


def _overlap(own: Tensor, parent: Tensor, _layer: nn.Module) -> Tensor:
    """The first two axes are channels, cut and grown at their end; the others a kernel, at its centre."""
    if own.dim() != parent.dim():
        raise Unfit(f"the parent's has {parent.dim()} axes, not {own.dim()}")
    target: list[slice] = []
    source: list[slice] = []
    for axis, (size, of) in enumerate(zip(own.shape, parent.shape, strict=True)):
        common = min(size, of)
        if axis >= 2 and (size - of) % 2:
            raise Unfit(f"axis {axis} of the parent has {of}, which has no common centre with {size}")
        begin = (size - common) // 2 if axis >= 2 else 0
        start = (of - common) // 2 if axis >= 2 else 0
        target.append(slice(begin, begin + common))
        source.append(slice(start, start + common))
    made = own.clone()
    made[tuple(target[:2])] = 0  # the new rim of a kernel looks at nothing yet
    made[tuple(target)] = parent[tuple(source)]
    return made


def _repeat(own: Tensor, parent: Tensor, layer: nn.Module) -> Tensor:
    made = parent
    if own.dim() != parent.dim() or any(size < of for size, of in zip(own.shape, parent.shape, strict=True)):
        raise Unfit(f"the parent's has shape {list(parent.shape)}, which does not grow to {list(own.shape)}")
    if isinstance(layer, (nn.Linear, _ConvNd)) and not isinstance(layer, _ConvTransposeNd):
        groups = layer.groups if isinstance(layer, _ConvNd) else 1
        if groups > 1 and own.dim() > 1 and own.shape[1] != 1:
            raise Unfit(f"with {groups} groups, units are not side by side")
        made = _repeated(made, 0, own.shape[0])
        if own.dim() > 1 and own.shape[1] != parent.shape[1]:
            made = _shared_out(made, own.shape[1])
        return _kernel_grown(made, own)
    if isinstance(layer, _NormBase):
        return _repeated(made, 0, own.shape[0]) if own.dim() else made
    raise Unfit(f"it is not known which axes of a {type(layer).__name__} are units")


def _repeated(tensor: Tensor, axis: int, size: int) -> Tensor:
    if tensor.shape[axis] == size:
        return tensor
    return tensor.index_select(axis, torch.arange(size) % tensor.shape[axis])


def _shared_out(tensor: Tensor, size: int) -> Tensor:
    """Repeats what is read along axis 1; the copies of an input share its weight in random parts.

    Args:
        tensor: (outputs, inputs, ...)
        size: How many inputs there are to be.
    """
    inputs = tensor.shape[1]
    index = torch.arange(size) % inputs
    parts = torch.rand(tensor.shape[0], size, dtype=torch.float64) + 0.5  # (outputs, size)
    sums = torch.zeros(tensor.shape[0], inputs, dtype=torch.float64).index_add_(1, index, parts)
    shares = (parts / sums[:, index]).to(tensor.dtype)
    return tensor.index_select(1, index) * shares.reshape(*shares.shape, *[1] * (tensor.dim() - 2))


def _kernel_grown(made: Tensor, own: Tensor) -> Tensor:
    if made.shape == own.shape:
        return made
    return _overlap(torch.zeros_like(own), made, nn.Identity())


def _identity(own: Tensor, parent: Tensor | None, *, layer: nn.Module, name: str) -> Tensor:
    if parent is not None:
        raise Unfit("the parent has one, so no layer was added")
    if isinstance(layer, _BatchNorm):
        return _normless(own, layer, name)
    if name == "factor" and isinstance(layer, Branch):
        return torch.zeros_like(own)
    if name == "bias" and isinstance(layer, (nn.Linear, _ConvNd)):
        return torch.zeros_like(own)
    if name == "weight" and isinstance(layer, nn.Linear) and own.shape[0] == own.shape[1]:
        return torch.eye(own.shape[0], dtype=own.dtype)
    if name == "weight" and isinstance(layer, _ConvNd) and not isinstance(layer, _ConvTransposeNd):
        return _dirac(own, layer)
    raise Unfit(f"a {type(layer).__name__} with a {name} of shape {list(own.shape)} cannot pass on its input as it is")


def _normless(own: Tensor, layer: _BatchNorm, name: str) -> Tensor:
    """A batch norm that changes nothing in evaluation; in training it does once it is calibrated."""
    if not layer.affine or not layer.track_running_stats:
        raise Unfit("a norm without weights or without running statistics cannot undo itself")
    match name:
        case "weight":
            return torch.full_like(own, (1 + layer.eps) ** 0.5)
        case "running_var":
            return torch.ones_like(own)
        case _:
            return torch.zeros_like(own)


def _dirac(own: Tensor, layer: _ConvNd) -> Tensor:
    kept = all(
        stride == 1 and size % 2 == 1 and (pad == "same" or pad == dilation * (size // 2))
        for stride, size, pad, dilation in zip(
            layer.stride, own.shape[2:], _paddings(layer), layer.dilation, strict=True
        )
    )
    if not kept or layer.in_channels != layer.out_channels or layer.padding_mode != "zeros":
        raise Unfit("a convolution passes on its input only with stride 1, an odd padded kernel and equal channels")
    made = torch.zeros_like(own)
    for unit in range(own.shape[0]):
        made[(unit, unit % own.shape[1], *[size // 2 for size in own.shape[2:]])] = 1
    return made


def _paddings(layer: _ConvNd) -> Sequence[int | str]:
    return [layer.padding] * len(layer.stride) if isinstance(layer.padding, str) else layer.padding


def _along(row: Tensor, axis: int, dim: int) -> Tensor:
    return row.reshape([-1 if place == axis else 1 for place in range(dim)])


_GROWTHS: Mapping[Grow, Callable[[Tensor, Tensor, nn.Module], Tensor]] = {Grow.OVERLAP: _overlap, Grow.REPEAT: _repeat}
