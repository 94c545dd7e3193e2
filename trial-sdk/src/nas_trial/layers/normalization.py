"""Normalizations whose widths may be values. Running statistics belong to channels, and are cut like them."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from nas_trial.layers.elastic import Elastic, allocated_groups, largest
from nas_trial.layers.pattern import Patterned
from nas_trial.layers.sizes import Argument, Sizes
from nas_trial.values import Value


class _BatchNorm(Elastic):
    """What batch normalizations of all ranks have in common: weight, bias and running statistics (num_features)."""

    def __init__(
        self,
        num_features: int | Value,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        arguments: dict[str, Argument] = {"num_features": num_features}
        super().__init__(
            num_features=largest(self, arguments).whole("num_features"),
            eps=eps,
            momentum=momentum,
            affine=affine,
            track_running_stats=track_running_stats,
            device=device,
            dtype=dtype,
        )
        self._arguments = arguments

    def shapes(self, sizes: Sizes) -> dict[str, tuple[int, ...]]:
        """See `Elastic.shapes`."""
        return dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (sizes.whole("num_features"),))

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 -- the name in torch.nn
        """See ``torch.nn``; input and output (N, num_features, *). Training changes views of the statistics."""
        if not self.is_elastic:
            return cast("Tensor", super().forward(input))
        layer = cast("nn.BatchNorm2d", self)
        layer._check_input_dim(input)
        _, part = self.now()
        # As in torch, one that is told not to track while it trains leaves its statistics alone.
        uses_running = part["running_mean"] is not None and (layer.track_running_stats or not self.training)
        uses_batch = self.training or part["running_mean"] is None
        factor = _average_factor(layer) if self.training else 0.0
        return functional.batch_norm(
            input,
            part["running_mean"] if uses_running else None,
            part["running_var"] if uses_running else None,
            part["weight"],
            part["bias"],
            uses_batch,
            factor,
            layer.eps,
        )


class BatchNorm1d(_BatchNorm, nn.BatchNorm1d):
    """``torch.nn.BatchNorm1d`` whose width may be a value; input (N, C) or (N, C, L)."""


class BatchNorm2d(_BatchNorm, nn.BatchNorm2d):
    """``torch.nn.BatchNorm2d`` whose width may be a value; input (N, C, H, W)."""


class BatchNorm3d(_BatchNorm, nn.BatchNorm3d):
    """``torch.nn.BatchNorm3d`` whose width may be a value; input (N, C, D, H, W)."""


class LayerNorm(Elastic, nn.LayerNorm):
    """``torch.nn.LayerNorm`` whose shape may hold values; input (*, *normalized_shape)."""

    def __init__(
        self,
        normalized_shape: int | Value | tuple[int | Value, ...],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        shape = tuple(normalized_shape) if isinstance(normalized_shape, (tuple, list)) else (normalized_shape,)
        arguments: dict[str, Argument] = {"normalized_shape": shape}
        most = list(largest(self, arguments).wholes("normalized_shape", len(shape)))
        super().__init__(most, eps, elementwise_affine, bias=bias, device=device, dtype=dtype)
        self._arguments = arguments

    def shapes(self, sizes: Sizes) -> dict[str, tuple[int, ...]]:
        """See `Elastic.shapes`."""
        return dict.fromkeys(("weight", "bias"), self._now_normalized(sizes))

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 -- the name in torch.nn
        """See ``torch.nn.LayerNorm``."""
        if not self.is_elastic:
            return super().forward(input)
        sizes, part = self.now()
        return functional.layer_norm(input, list(self._now_normalized(sizes)), part["weight"], part["bias"], self.eps)

    def _now_normalized(self, sizes: Sizes) -> tuple[int, ...]:
        return sizes.wholes("normalized_shape", len(self.normalized_shape))


class GroupNorm(Elastic, nn.GroupNorm):
    """``torch.nn.GroupNorm`` whose channels may be a value; input (N, C, *). The number of groups is fixed."""

    def __init__(
        self,
        num_groups: int,
        num_channels: int | Value,
        eps: float = 1e-5,
        affine: bool = True,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        arguments: dict[str, Argument] = {"groups": num_groups, "num_channels": num_channels}
        groups = allocated_groups(self, arguments, "num_channels")
        super().__init__(
            groups, largest(self, arguments).whole("num_channels"), eps, affine, device=device, dtype=dtype
        )
        self._arguments = arguments

    def shapes(self, sizes: Sizes) -> dict[str, tuple[int, ...]]:
        """See `Elastic.shapes`."""
        return dict.fromkeys(("weight", "bias"), (sizes.whole("num_channels"),))

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 -- the name in torch.nn
        """See ``torch.nn.GroupNorm``."""
        if not self.is_elastic:
            return super().forward(input)
        sizes, part = self.now()
        return functional.group_norm(input, sizes.whole("groups"), part["weight"], part["bias"], self.eps)


class RMSNorm(Patterned, nn.RMSNorm):
    """``torch.nn.RMSNorm`` whose shape may hold values; input (*, *normalized_shape)."""

    PLAIN = nn.RMSNorm
    MIXED = frozenset({"normalized_shape"})


class InstanceNorm1d(Patterned, nn.InstanceNorm1d):
    """``torch.nn.InstanceNorm1d`` whose width may be a value; input (N, C, L) or (C, L)."""

    PLAIN = nn.InstanceNorm1d
    MIXED = frozenset({"num_features"})


class InstanceNorm2d(Patterned, nn.InstanceNorm2d):
    """``torch.nn.InstanceNorm2d`` whose width may be a value; input (N, C, H, W) or (C, H, W)."""

    PLAIN = nn.InstanceNorm2d
    MIXED = frozenset({"num_features"})


class InstanceNorm3d(Patterned, nn.InstanceNorm3d):
    """``torch.nn.InstanceNorm3d`` whose width may be a value; input (N, C, D, H, W) or (C, D, H, W)."""

    PLAIN = nn.InstanceNorm3d
    MIXED = frozenset({"num_features"})


def _average_factor(layer: nn.BatchNorm2d) -> float:
    """How much the batch counts in the running statistics; counts the batch. As in ``torch.nn``."""
    if not layer.track_running_stats or layer.num_batches_tracked is None:
        return layer.momentum or 0.0
    layer.num_batches_tracked.add_(1)
    return 1.0 / float(layer.num_batches_tracked) if layer.momentum is None else layer.momentum
