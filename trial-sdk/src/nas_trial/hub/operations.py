"""Operations of the cell spaces, under the names and with the tensor keys of the DARTS reference code.

Every operation maps (N, width, H, W) to the same shape, or with stride 2 to (N, width, H/2, W/2), and leaves its input
as it was: several operations read the same tensor, so no ReLU works in place. Sources: Liu et al., DARTS, 2019, and for
the kernels that DARTS lacks Radosavovic et al., On Network Design Spaces for Visual Recognition, 2019.

Not here: networks of them (``cell_network``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn

from nas_trial.layers import BatchNorm2d, Conv2d
from nas_trial.mixing import Nothing

Make = Callable[[int, int, bool], nn.Module]
"""Makes an operation from its width, its stride, and whether its batch norms have weights."""


class ReLUConvBN(nn.Module):
    """ReLU, convolution, batch norm; the widths may be choices."""

    def __init__(self, width_in: int, width: int, kernel: int = 1, *, stride: int = 1, affine: bool = True) -> None:
        super().__init__()
        self.op = nn.Sequential(
            nn.ReLU(),
            Conv2d(width_in, width, kernel, stride=stride, padding=kernel // 2, bias=False),
            BatchNorm2d(width, affine=affine),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, width_in, H, W) to (N, width, H/stride, W/stride)."""
        made: Tensor = self.op(x)
        return made


class FactorizedReduce(nn.Module):
    """Halves height and width: two 1 × 1 convolutions, of which the second looks at the pixels that the first skips.

    Where height or width is odd, the second gets a row or column of zeros. The width that comes in may be a choice. A
    ReLU comes before, unless it ``is_linear``.
    """

    def __init__(self, width_in: int, width: int, *, affine: bool = True, is_linear: bool = False) -> None:
        super().__init__()
        self.relu = nn.Identity() if is_linear else nn.ReLU()
        self.conv_1 = Conv2d(width_in, width // 2, 1, stride=2, bias=False)
        self.conv_2 = Conv2d(width_in, width - width // 2, 1, stride=2, bias=False)
        self.bn = BatchNorm2d(width, affine=affine)

    def forward(self, x: Tensor) -> Tensor:
        """(N, width_in, H, W) to (N, width, ceil(H/2), ceil(W/2))."""
        x = self.relu(x)
        shifted = nn.functional.pad(x, (0, x.shape[3] % 2, 0, x.shape[2] % 2))[:, :, 1:, 1:]
        made: Tensor = self.bn(torch.cat([self.conv_1(x), self.conv_2(shifted)], dim=1))
        return made


class SepConv(nn.Module):
    """Two times ReLU, depthwise and pointwise convolution, batch norm; perhaps dilated."""

    def __init__(self, width: int, kernel: int, *, stride: int, affine: bool, dilation: int = 1) -> None:
        super().__init__()
        steps = [_separable(width, kernel, stride=each, dilation=dilation, affine=affine) for each in (stride, 1)]
        self.op = nn.Sequential(*steps[0], *steps[1])

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, H, W) to (N, width, H/stride, W/stride)."""
        made: Tensor = self.op(x)
        return made


class DilConv(nn.Module):
    """ReLU, depthwise convolution of dilation 2, pointwise convolution, batch norm."""

    def __init__(self, width: int, kernel: int, *, stride: int, affine: bool) -> None:
        super().__init__()
        self.op = nn.Sequential(*_separable(width, kernel, stride=stride, dilation=2, affine=affine))

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, H, W) to (N, width, H/stride, W/stride)."""
        made: Tensor = self.op(x)
        return made


class FactorizedConv(nn.Module):
    """ReLU, a 1 × k and a k × 1 convolution, batch norm."""

    def __init__(self, width: int, kernel: int, *, stride: int, affine: bool) -> None:
        super().__init__()
        half = kernel // 2
        self.op = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(width, width, (1, kernel), stride=(1, stride), padding=(0, half), bias=False),
            nn.Conv2d(width, width, (kernel, 1), stride=(stride, 1), padding=(half, 0), bias=False),
            nn.BatchNorm2d(width, affine=affine),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, H, W) to (N, width, H/stride, W/stride)."""
        made: Tensor = self.op(x)
        return made


class PoolBN(nn.Module):
    """Pooling with a batch norm after it, as DARTS searches; a network that is trained has the pooling alone."""

    def __init__(self, pool: nn.Module, width: int, *, affine: bool) -> None:
        super().__init__()
        self.pool = pool
        self.bn = nn.BatchNorm2d(width, affine=affine)

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, H, W) to (N, width, H/stride, W/stride)."""
        made: Tensor = self.bn(self.pool(x))
        return made


class Zero(Nothing):
    """Nothing: zeros of the shape that the stride gives."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, H, W) to zeros (N, width, ceil(H/stride), ceil(W/stride))."""
        return torch.zeros_like(x[:, :, :: self.stride, :: self.stride])


def _separable(width: int, kernel: int, *, stride: int, dilation: int, affine: bool) -> tuple[nn.Module, ...]:
    padding = dilation * (kernel // 2)
    return (
        nn.ReLU(),
        nn.Conv2d(width, width, kernel, stride=stride, padding=padding, dilation=dilation, groups=width, bias=False),
        nn.Conv2d(width, width, 1, bias=False),
        nn.BatchNorm2d(width, affine=affine),
    )


def _average(kernel: int) -> Make:
    return lambda width, stride, affine: nn.AvgPool2d(kernel, stride, kernel // 2, count_include_pad=False)


def _largest(kernel: int) -> Make:
    return lambda width, stride, affine: nn.MaxPool2d(kernel, stride, kernel // 2)


def _separated(kernel: int, dilation: int = 1) -> Make:
    return lambda width, stride, affine: SepConv(width, kernel, stride=stride, affine=affine, dilation=dilation)


def _dilated(kernel: int) -> Make:
    return lambda width, stride, affine: DilConv(width, kernel, stride=stride, affine=affine)


def _factorized(kernel: int) -> Make:
    return lambda width, stride, affine: FactorizedConv(width, kernel, stride=stride, affine=affine)


def _full(kernel: int) -> Make:
    return lambda width, stride, affine: ReLUConvBN(width, width, kernel, stride=stride, affine=affine)


def _skip(width: int, stride: int, affine: bool) -> nn.Module:
    return nn.Identity() if stride == 1 else FactorizedReduce(width, width, affine=affine)


OPERATIONS: Mapping[str, Make] = MappingProxyType(
    {
        "none": lambda width, stride, affine: Zero(stride),
        "max_pool_3x3": _largest(3),
        "max_pool_5x5": _largest(5),
        "max_pool_7x7": _largest(7),
        "avg_pool_3x3": _average(3),
        "skip_connect": _skip,
        "sep_conv_3x3": _separated(3),
        "sep_conv_5x5": _separated(5),
        "sep_conv_7x7": _separated(7),
        "dil_conv_3x3": _dilated(3),
        "dil_conv_5x5": _dilated(5),
        "dil_sep_conv_3x3": _separated(3, 2),
        "conv_1x1": _full(1),
        "conv_3x3": _full(3),
        "conv_3x1_1x3": _factorized(3),
        "conv_7x1_1x7": _factorized(7),
    }
)
"""Every operation by its name."""
