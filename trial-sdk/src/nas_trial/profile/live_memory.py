"""The memory of activations: how many bytes of tensors are alive at once while a network computes."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LiveMemory(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves it without annotations
    """While it is entered, counts the bytes of all tensors that operations make, from then until they are freed.

    A view shares the bytes of what it views. On the meta device the bytes are those that another device would need.

    Args:
        weights: Tensors that do not count, nor do views of them.
        inputs: Tensors that count from the beginning, to the end if the caller holds them.

    Attributes:
        peak: The most bytes that were alive at once.
    """

    def __init__(self, *, weights: Iterable[Tensor], inputs: Iterable[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # as above
        self.peak = 0
        self._now = 0
        self._weights = {tensor.untyped_storage()._cdata for tensor in weights}
        self._alive: dict[int, weakref.ref[torch.UntypedStorage]] = {}
        for tensor in inputs:
            self._take(tensor)

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: object,
        args: tuple[object, ...] = (),
        kwargs: dict[str, object] | None = None,
    ) -> Any:
        """Computes, and takes note of what was made."""
        made = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(made):
            if isinstance(leaf, Tensor):
                self._take(leaf)
        return made

    def _take(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._weights or key in self._alive:
            return
        size = storage.nbytes()
        self._alive[key] = weakref.ref(storage, lambda _: self._free(key, size))
        self._now += size
        self.peak = max(self.peak, self._now)

    def _free(self, key: int, size: int) -> None:
        if self._alive.pop(key, None) is not None:
            self._now -= size
