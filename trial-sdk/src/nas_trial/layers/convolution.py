"""Convolutions whose channels and kernel sizes may be values; strides, paddings and dilations as well."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from nas_trial.layers.elastic import Elastic, allocated_groups, largest
from nas_trial.layers.mixture import LayerMixture
from nas_trial.layers.sizes import Argument, Read, Sizes
from nas_trial.value_functions import is_same_value
from nas_trial.values import Value

Size = int | Value | tuple[int | Value, ...]


def _allocated(
    layer: Elastic, arguments: Mapping[str, Argument], rank: int, *, texts: Collection[str] = ()
) -> dict[str, object]:
    """The arguments with which a convolution is allocated, as ``torch.nn`` takes them; of ``texts`` each may be one."""
    most = largest(layer, arguments)
    channels = {name: most.whole(name) for name in ("in_channels", "out_channels")}
    others = {
        name: argument if name in texts and isinstance(argument, str) else most.wholes(name, rank)
        for name, argument in arguments.items()
        if name not in {*channels, "groups"}
    }
    return {**channels, **others, "groups": allocated_groups(layer, arguments, *channels)}


def _check_mixture(layer: Elastic, mixture: LayerMixture, rank: int) -> None:
    """Refuses a mixture in which kernels do not stand around one centre, or pixels or groups differ."""
    arguments = layer._arguments

    def wholes(name: str) -> Callable[[Callable[[Value], object]], tuple[int, ...]]:
        return lambda read: Sizes(type(layer).__name__, arguments, cast("Read", read)).wholes(name, rank)

    for name in ("stride", "dilation"):
        mixture.same(layer, name, wholes(name))
    mixture.same(layer, "kernel sizes both odd and even:", lambda read: [k % 2 for k in wholes("kernel_size")(read)])
    if not is_same_value(arguments["groups"], arguments["in_channels"]):
        mixture.same(layer, "groups", wholes("groups"))
    if "output_padding" in arguments:
        mixture.same(layer, "output_padding", wholes("output_padding"))
    if not (isinstance(arguments["padding"], str) and arguments["padding"] == "same"):
        mixture.same(layer, "a padding less half of the kernel of", lambda read: _margins(layer, read, rank))


def _margins(layer: Elastic, read: Callable[[Value], object], rank: int) -> list[int]:
    """How far the outputs reach beyond the image, for each dimension, doubled."""
    sizes = Sizes(type(layer).__name__, layer._arguments, cast("Read", read))
    padding = layer._arguments["padding"]
    paddings = (0,) * rank if isinstance(padding, str) else sizes.wholes("padding", rank)
    kernels, dilations = sizes.wholes("kernel_size", rank), sizes.wholes("dilation", rank)
    return [2 * p - d * (k - 1) for p, d, k in zip(paddings, dilations, kernels, strict=True)]


class _Convolution(Elastic):
    """What convolutions of all ranks have in common.

    Weight (out_channels, in_channels / groups, *kernel_size), bias (out_channels).
    """

    CENTRED_FROM = 2
    RANK: ClassVar[int]
    FUNCTION: ClassVar[Callable[..., Tensor]]

    def __init__(  # noqa: PLR0917 -- the signature of torch.nn
        self,
        in_channels: int | Value,
        out_channels: int | Value,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size | str = 0,
        dilation: Size = 1,
        groups: int | Value = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        arguments: dict[str, Argument] = {
            "in_channels": in_channels,
            "out_channels": out_channels,
            "kernel_size": kernel_size,
            "stride": stride,
            "padding": padding,
            "dilation": dilation,
            "groups": groups,
        }
        allocated = _allocated(self, arguments, self.RANK, texts=("padding",))
        super().__init__(**allocated, bias=bias, padding_mode=padding_mode, device=device, dtype=dtype)
        self._arguments = arguments

    def shapes(self, sizes: Sizes) -> dict[str, tuple[int, ...]]:
        """See `Elastic.shapes`."""
        out = sizes.whole("out_channels")
        width = sizes.whole("in_channels") // sizes.whole("groups")
        return {"weight": (out, width, *sizes.wholes("kernel_size", self.RANK)), "bias": (out,)}

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 -- the name in torch.nn
        """See ``torch.nn``; input (N, in_channels, *), output (N, out_channels, *), N may be missing."""
        if not self.is_elastic:
            return cast("Tensor", super().forward(input))
        sizes, part = self.now()
        padding = self._padding(sizes)
        if self.padding_mode != "zeros":
            both_sides = [side for pair in reversed(self._sides(sizes, padding)) for side in pair]
            input = functional.pad(input, both_sides, mode=cast("str", self.padding_mode))  # noqa: A001 -- as above
            padding = (0,) * self.RANK
        stride, dilation = sizes.wholes("stride", self.RANK), sizes.wholes("dilation", self.RANK)
        return type(self).FUNCTION(
            input, part["weight"], part["bias"], stride, padding, dilation, sizes.whole("groups")
        )

    def check_mixture(self, mixture: LayerMixture) -> None:
        """See `Elastic.check_mixture`."""
        _check_mixture(self, mixture, self.RANK)

    def _padding(self, sizes: Sizes) -> tuple[int, ...] | str:
        padding = self._arguments["padding"]
        return padding if isinstance(padding, str) else sizes.wholes("padding", self.RANK)

    def _sides(self, sizes: Sizes, padding: tuple[int, ...] | str) -> list[tuple[int, int]]:
        """Padding before and after, for each dimension, where torch pads apart from the convolution."""
        if not isinstance(padding, str):
            return [(size, size) for size in padding]
        kernels, dilations = sizes.wholes("kernel_size", self.RANK), sizes.wholes("dilation", self.RANK)
        totals = [d * (k - 1) if padding == "same" else 0 for k, d in zip(kernels, dilations, strict=True)]
        return [(total // 2, total - total // 2) for total in totals]


class Conv1d(_Convolution, nn.Conv1d):
    """``torch.nn.Conv1d`` whose arguments may be values; input (N, in_channels, L)."""

    RANK = 1
    FUNCTION = staticmethod(functional.conv1d)


class Conv2d(_Convolution, nn.Conv2d):
    """``torch.nn.Conv2d`` whose arguments may be values; input (N, in_channels, H, W)."""

    RANK = 2
    FUNCTION = staticmethod(functional.conv2d)


class Conv3d(_Convolution, nn.Conv3d):
    """``torch.nn.Conv3d`` whose arguments may be values; input (N, in_channels, D, H, W)."""

    RANK = 3
    FUNCTION = staticmethod(functional.conv3d)


class _ConvTranspose(Elastic):
    """What transposed convolutions of all ranks have in common.

    Weight (in_channels, out_channels / groups, *kernel_size), bias (out_channels). With sizes that are values there is
    no ``output_size``: give ``output_padding``.
    """

    CENTRED_FROM = 2
    RANK: ClassVar[int]
    FUNCTION: ClassVar[Callable[..., Tensor]]

    def __init__(  # noqa: PLR0917 -- the signature of torch.nn
        self,
        in_channels: int | Value,
        out_channels: int | Value,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        output_padding: Size = 0,
        groups: int | Value = 1,
        bias: bool = True,
        dilation: Size = 1,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        arguments: dict[str, Argument] = {
            "in_channels": in_channels,
            "out_channels": out_channels,
            "kernel_size": kernel_size,
            "stride": stride,
            "padding": padding,
            "output_padding": output_padding,
            "groups": groups,
            "dilation": dilation,
        }
        super().__init__(**_allocated(self, arguments, self.RANK), bias=bias, device=device, dtype=dtype)
        self._arguments = arguments

    def shapes(self, sizes: Sizes) -> dict[str, tuple[int, ...]]:
        """See `Elastic.shapes`."""
        out = sizes.whole("out_channels")
        kernel = sizes.wholes("kernel_size", self.RANK)
        return {"weight": (sizes.whole("in_channels"), out // sizes.whole("groups"), *kernel), "bias": (out,)}

    def check_mixture(self, mixture: LayerMixture) -> None:
        """See `Elastic.check_mixture`."""
        _check_mixture(self, mixture, self.RANK)

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:  # noqa: A002 -- as in torch.nn
        """See ``torch.nn``; input (N, in_channels, *), output (N, out_channels, *), N may be missing."""
        if not self.is_elastic:
            return cast("Tensor", super().forward(input, output_size))
        sizes, part = self.now()
        return type(self).FUNCTION(
            input,
            part["weight"],
            part["bias"],
            sizes.wholes("stride", self.RANK),
            sizes.wholes("padding", self.RANK),
            sizes.wholes("output_padding", self.RANK),
            sizes.whole("groups"),
            sizes.wholes("dilation", self.RANK),
        )


class ConvTranspose1d(_ConvTranspose, nn.ConvTranspose1d):
    """``torch.nn.ConvTranspose1d`` whose arguments may be values; input (N, in_channels, L)."""

    RANK = 1
    FUNCTION = staticmethod(functional.conv_transpose1d)


class ConvTranspose2d(_ConvTranspose, nn.ConvTranspose2d):
    """``torch.nn.ConvTranspose2d`` whose arguments may be values; input (N, in_channels, H, W)."""

    RANK = 2
    FUNCTION = staticmethod(functional.conv_transpose2d)


class ConvTranspose3d(_ConvTranspose, nn.ConvTranspose3d):
    """``torch.nn.ConvTranspose3d`` whose arguments may be values; input (N, in_channels, D, H, W)."""

    RANK = 3
    FUNCTION = staticmethod(functional.conv_transpose3d)
