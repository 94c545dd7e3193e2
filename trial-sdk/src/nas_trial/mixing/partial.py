"""Partial channels (PC-DARTS; Xu et al., ICLR 2020): one of k channels passes the candidates, the others go past them.

The candidates compute with the leading part of their own tensors; mixed and other channels are then joined and
shuffled. Where the candidates halve the image, the others pass a 2 × 2 maximum, as published.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast
from weakref import WeakKeyDictionary

import torch
from nascore.errors import UnsupportedError
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

if TYPE_CHECKING:
    from nas_trial.mixing.mixing import Mixing, Option

_HINT = "Use a tuner without partial channels, or candidates of convolutions, batch norms and poolings."


class PartialChannels:
    """Lets one of ``share`` channels take part.

    Args:
        share: One of so many channels takes part, 2 or more.
    """

    def __init__(self, share: int) -> None:
        self._share = share
        self._checked: WeakKeyDictionary[nn.Module, bool] = WeakKeyDictionary()

    def output(
        self,
        mixing: Mixing,
        module_of: Callable[[Option], nn.Module],
        args: Sequence[object],
        kwargs: Mapping[str, object],
    ) -> Tensor:
        """The mixed channels and the others, shuffled; input (N, C, *), output (N, C, *) perhaps of half the size.

        Raises:
            UnsupportedError: A candidate cannot compute with a part of its channels.
        """
        x = self._input(mixing, args)
        part = x.shape[1] // self._share
        terms = [
            mixing.term(index, self._narrowed(mixing, index, module_of, (x[:, :part], *args[1:]), kwargs))
            for index in mixing.computed
        ]
        mixed = cast("Tensor", mixing.sum(terms))
        others = x[:, part:]
        if mixed.shape[2:] != x.shape[2:]:
            others = functional.max_pool2d(others, 2, 2, ceil_mode=True)
        if mixed.shape[1] != part or mixed.shape[2:] != others.shape[2:]:
            raise _refusal(mixing, f"its candidates make {list(mixed.shape)} of {[x.shape[0], part, *x.shape[2:]]}")
        return _shuffled(torch.cat([mixed, others], dim=1), self._share)

    def _input(self, mixing: Mixing, args: Sequence[object]) -> Tensor:
        x = args[0] if args else None
        if not isinstance(x, Tensor) or x.dim() < 3:
            raise _refusal(mixing, "its candidates do not take one tensor (N, C, *)")
        if x.shape[1] % self._share:
            raise _refusal(mixing, f"{self._share} does not divide its {x.shape[1]} channels")
        return x

    def _narrowed(
        self,
        mixing: Mixing,
        index: int,
        module_of: Callable[[Option], nn.Module],
        args: Sequence[object],
        kwargs: Mapping[str, object],
    ) -> object:
        module = module_of(mixing.options[index])
        if module not in self._checked:
            _check(mixing, module, self._share)
            self._checked[module] = True
        with _narrow(module, self._share):
            return mixing.alone(index, (module,), lambda: module(*args, **kwargs))


def _refusal(mixing: Mixing, why: str) -> UnsupportedError:
    return UnsupportedError(f"The decision {mixing.path!r} cannot use partial channels: {why}.", hint=_HINT)


def _check(mixing: Mixing, module: nn.Module, share: int) -> None:
    for part in module.modules():
        why = _why_not(part, share)
        if why:
            raise _refusal(mixing, why)


def _why_not(part: nn.Module, share: int) -> str:
    name = type(part).__name__
    if getattr(part, "is_elastic", False):  # of nas_trial.layers, which stands above this module
        return f"the sizes of a {name} are decisions themselves, which cut it already"
    if isinstance(part, _ConvNd):
        widths = part.in_channels, part.out_channels, part.groups if part.groups > 1 else share
        is_right = not part.transposed and not any(width % share for width in widths)
        return "" if is_right else f"{share} does not divide the channels or groups of {part}"
    if isinstance(part, _BatchNorm):
        return f"{share} does not divide the width of {part}" if part.num_features % share else ""
    has_own = any(True for _ in part.parameters(recurse=False)) or any(True for _ in part.buffers(recurse=False))
    return f"a {name} in a candidate cannot be cut" if has_own else ""


@contextmanager
def _narrow(module: nn.Module, share: int) -> Iterator[None]:
    """Lets convolutions and batch norms of a module compute with the leading part of their channels."""
    kept: list[tuple[dict[str, object], dict[str, object]]] = []
    for part in module.modules():
        if isinstance(part, (_ConvNd, _BatchNorm)):
            for place, narrow in _parts(part, share):
                kept.append((place, {name: place[name] for name in narrow}))
                place.update(narrow)
    try:
        yield
    finally:
        for place, own in kept:
            place.update(own)


def _parts(part: nn.Module, share: int) -> Iterator[tuple[dict[str, object], dict[str, object]]]:
    """Where something of a layer stands, and what shall stand there."""
    parameters, buffers = cast("dict[str, object]", part._parameters), cast("dict[str, object]", part._buffers)
    yield parameters, {name: _leading(tensor, share, part) for name, tensor in parameters.items()}
    yield buffers, {name: _leading(tensor, share, part) for name, tensor in buffers.items()}
    if isinstance(part, _ConvNd) and part.groups > 1:
        yield vars(part), {"groups": part.groups // share}


def _leading(tensor: object, share: int, part: nn.Module) -> object:
    if not isinstance(tensor, Tensor) or tensor.dim() == 0:
        return tensor
    narrow = tensor[: tensor.shape[0] // share]
    is_wide = isinstance(part, _ConvNd) and part.groups == 1 and tensor.dim() > 1
    return narrow[:, : tensor.shape[1] // share] if is_wide else narrow


def _shuffled(x: Tensor, groups: int) -> Tensor:
    """Channels dealt out in turn to the groups, as ShuffleNet does."""
    count, channels, *rest = x.shape
    return x.reshape(count, groups, channels // groups, *rest).transpose(1, 2).reshape(x.shape)
