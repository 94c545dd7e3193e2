"""Parts of mobile networks: widths that divide well, normalised convolutions, squeezes, inverted residuals.

Sandler et al., MobileNetV2, 2018; Howard et al., Searching for MobileNetV3, 2019. Widths, expansions and kernels may be
choices. Not here: networks and their choices.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import cast

from nascore.errors import SettingsError
from torch import Tensor, nn

from nas_trial.layers import BatchNorm2d, Conv2d
from nas_trial.values import Value, operation

Activation = Callable[[], nn.Module]


def divisible(width: float, divisor: int = 8) -> int:
    """A width rounded to a multiple, never by more than a tenth downwards; of a choice, an expression.

    The rounding of all MobileNets (the ``make_divisible`` of their first publication).
    """
    undecided: object = width
    if isinstance(undecided, Value):
        return cast("int", operation(_divisible, undecided, divisor))
    return _divisible(width, divisor)


def _divisible(width: float, divisor: int) -> int:
    rounded = max(divisor, int(width + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * width else rounded


def kept_strides(published: Sequence[int], downsampling: int) -> tuple[int, ...]:
    """The strides of a network that shrinks images by less than the published one: the first strides are given up.

    Args:
        published: Stride of each part that may have one, from the input on.
        downsampling: Factor by which height and width shall shrink in all: a power of two.

    Raises:
        SettingsError: It is no power of two, or more than the published strides make of it.
    """
    total = 1
    strides = []
    for stride in reversed(published):
        is_kept = total * stride <= downsampling
        total *= stride if is_kept else 1
        strides.append(stride if is_kept else 1)
    if total != downsampling:
        raise SettingsError(
            f"The option downsampling is {downsampling}.",
            hint=f"Write a power of two from 1 to {total_stride(published)}, by which images shrink within it.",
        )
    return tuple(reversed(strides))


def total_stride(strides: Sequence[int]) -> int:
    """By how much images shrink within a network with these strides."""
    return math.prod(strides)


def convolution(
    inputs: int,
    outputs: int,
    *,
    kernel: int = 1,
    stride: int = 1,
    groups: int = 1,
    activation: Activation | None = None,
) -> nn.Sequential:
    """A convolution without bias that keeps the image's size but for its stride, normalised, and perhaps activated.

    Args:
        inputs: Channels of the input (N, inputs, height, width).
        outputs: Channels of the output.
        kernel: Size of the kernel: odd.
        stride: Its stride.
        groups: Its groups; ``inputs`` itself for a depthwise one.
        activation: Makes the activation; None for none.
    """
    layers: dict[str, nn.Module] = {
        "conv": Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, groups=groups, bias=False),
        "norm": BatchNorm2d(outputs),
    }
    if activation is not None:
        layers["act"] = activation()
    return nn.Sequential(OrderedDict(layers))


class SqueezeExcitation(nn.Module):
    """Weighs channels by what two small layers make of their means; a quarter of the width in between.

    Hu et al., Squeeze-and-Excitation Networks, 2018, with the hard sigmoid of MobileNetV3.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        squeezed = divisible(width // 4)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.reduce = Conv2d(width, squeezed, 1)
        self.act = nn.ReLU()
        self.expand = Conv2d(squeezed, width, 1)
        self.gate = nn.Hardsigmoid()

    def forward(self, images: Tensor) -> Tensor:
        """The images (N, width, H, W), each channel weighed by a number from 0 to 1."""
        return images * cast("Tensor", self.gate(self.expand(self.act(self.reduce(self.pool(images))))))


class InvertedResidual(nn.Module):
    """Expands, convolves each channel by itself, and projects back, with a shortcut if the shape stays.

    Args:
        inputs: Channels of the input.
        outputs: Channels of the output.
        hidden: Channels in between; None for no expansion.
        kernel: Kernel of the depthwise convolution.
        stride: Its stride.
        activation: Makes the activation.
        squeeze: Makes what stands between the depthwise convolution and the projection, given the hidden width.
        has_shortcut: Whether the input is added to the output; stride 1 and equal widths only.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        hidden: int | None,
        kernel: int = 3,
        stride: int = 1,
        activation: Activation = nn.ReLU6,
        squeeze: Callable[[int], nn.Module] | None = None,
        has_shortcut: bool = False,
    ) -> None:
        super().__init__()
        width = inputs if hidden is None else hidden
        layers: dict[str, nn.Module] = {}
        if hidden is not None:
            layers["expand"] = convolution(inputs, width, activation=activation)
        layers["depthwise"] = convolution(
            width, width, kernel=kernel, stride=stride, groups=width, activation=activation
        )
        if squeeze is not None:
            layers["squeeze"] = squeeze(width)
        layers["project"] = convolution(width, outputs)
        self.layers = nn.Sequential(OrderedDict(layers))
        self.has_shortcut = has_shortcut

    def forward(self, images: Tensor) -> Tensor:
        """From (N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        made: Tensor = self.layers(images)
        return images + made if self.has_shortcut else made
