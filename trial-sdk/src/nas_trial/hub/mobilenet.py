"""A network of inverted residual blocks whose kernels and expansions are chosen block by block.

The space of ProxylessNAS (Cai et al., 2019) and of ModularNAS, whose candidates are called ``MB3E6``: kernel 3,
expansion 6. A block that does not change the shape may be skipped. Not here: the published settings (``mobilenetv2``,
``proxylessnas``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from torch import Tensor, nn

from nas_trial.hub.blocks import InvertedResidual, convolution, divisible, kept_strides
from nas_trial.hub.options import check_positive
from nas_trial.layer_choice import LayerChoice

CANDIDATES = ("MB3E6", "MB3E3", "MB5E3", "MB5E6", "MB7E3", "MB7E6")
SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Backbone:
    """Widths, depths and strides of a network.

    Attributes:
        stem: Channels after the first convolution.
        first: Channels after the first block, which is fixed: kernel 3, no expansion.
        widths: Channels of each stage.
        depths: Blocks of each stage.
        strides: Stride of the first convolution, then of the first block of each stage.
        last: Channels before the classifier.
    """

    stem: int
    first: int
    widths: tuple[int, ...]
    depths: tuple[int, ...]
    strides: tuple[int, ...]
    last: int

    def scaled(self, width: float) -> Backbone:
        """With all widths multiplied; the last only if it grows, as Sandler et al. do."""
        return Backbone(
            divisible(self.stem * width),
            divisible(self.first * width),
            tuple(divisible(each * width) for each in self.widths),
            self.depths,
            self.strides,
            divisible(self.last * max(1.0, width)),
        )

    def fitted(self, *, width: float, downsampling: int) -> Backbone:
        """With all widths multiplied, and images that shrink by another factor.

        Raises:
            SettingsError: One of the two is out of its range.
        """
        check_positive("width", width)
        return replace(self.scaled(width), strides=kept_strides(self.strides, downsampling))


GPU = Backbone(
    stem=40,
    first=24,
    widths=(32, 56, 112, 128, 256, 432),
    depths=(4, 4, 4, 4, 4, 1),
    strides=(2, 2, 2, 2, 1, 2, 1),
    last=1728,
)
"""What ProxylessNAS searched for GPUs, and ModularNAS calls MobileNetV2_GPU."""


class MobileNet(nn.Module):
    """A stem, blocks to be chosen, and a classifier; images (N, channels, H, W) to logits (N, classes).

    Args:
        backbone: Its widths, depths and strides.
        classes: Number of classes.
        channels: Channels of the images.
        dropout: Dropout before the classifier.
    """

    def __init__(self, backbone: Backbone, *, classes: int, channels: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.stem = convolution(channels, backbone.stem, kernel=3, stride=backbone.strides[0], activation=nn.ReLU6)
        self.first = InvertedResidual(backbone.stem, backbone.first, hidden=None)
        self.stages = nn.Sequential()
        inputs = backbone.first
        stages = zip(backbone.widths, backbone.depths, backbone.strides[1:], strict=True)
        for number, (width, depth, stride) in enumerate(stages, start=1):
            self.stages.append(_stage(number, inputs, width, depth=depth, stride=stride))
            inputs = width
        self.last = convolution(inputs, backbone.last, activation=nn.ReLU6)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(backbone.last, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes)."""
        features = self.last(self.stages(self.first(self.stem(images))))
        logits: Tensor = self.classifier(self.dropout(self.pool(features).flatten(1)))
        return logits


def block_label(stage: int, block: int) -> str:
    """The label of a block's choice; stages from 1, blocks from 0."""
    return f"stage{stage}.{block}"


def _stage(number: int, inputs: int, width: int, *, depth: int, stride: int) -> nn.Sequential:
    blocks = [_block(inputs, width, stride=stride, has_shortcut=False, label=block_label(number, 0))]
    for i in range(1, depth):
        blocks.append(_block(width, width, stride=1, has_shortcut=True, label=block_label(number, i)))
    return nn.Sequential(*blocks)


def _block(inputs: int, outputs: int, *, stride: int, has_shortcut: bool, label: str) -> LayerChoice:
    candidates: dict[str, Callable[[], nn.Module]] = {
        name: partial(
            InvertedResidual,
            inputs,
            outputs,
            hidden=inputs * int(name[4]),
            kernel=int(name[2]),
            stride=stride,
            has_shortcut=has_shortcut,
        )
        for name in CANDIDATES
    }
    if has_shortcut:
        # The block's own shortcut is all that is left of it without a convolution (their Zero, ModularNAS's NIL).
        candidates[SKIP] = nn.Identity
    return LayerChoice(candidates, label=label)
