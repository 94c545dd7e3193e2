"""The space of Single Path One-Shot (Guo et al., 2019): 20 blocks of ShuffleNetV2 (Ma et al., 2018) of four kinds."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import asdict, dataclass
from functools import partial

import torch
from torch import Tensor, nn

from nas_trial.hub.blocks import convolution, divisible, kept_strides
from nas_trial.hub.entry import HubSpace, Known, Option
from nas_trial.hub.options import check_positive, read_options
from nas_trial.layer_choice import LayerChoice

KERNELS = {"shuffle3": 3, "shuffle5": 5, "shuffle7": 7}
XCEPTION = "xception"
_DEPTHS = (4, 4, 8, 4)
_WIDTHS = (64, 160, 320, 640)
_STEM = 16
_LAST = 1024
_STRIDES = (2, 2, 2, 2, 2)
_SOURCE = "Guo et al., Single Path One-Shot Neural Architecture Search with Uniform Sampling, 2019"


@dataclass(frozen=True, slots=True)
class ShuffleNetOptions:
    """What may be changed of a model.

    Attributes:
        width: All widths are multiplied by it.
        downsampling: By how much images shrink within the network; strides are given up from the first on.
        dropout: Before the classifier.
    """

    width: float = 1.0
    downsampling: int = 32
    dropout: float = 0.1


class ShuffleBlock(nn.Module):
    """Works on half of the channels and shuffles both halves; at the head of a stage on all, for twice as many.

    Args:
        inputs: Channels of the input.
        outputs: Channels of the output.
        kernel: Kernel of the depthwise convolutions.
        stride: Stride of the head of a stage.
        is_head: Whether it is the first of its stage.
        is_deep: Whether there are three depthwise convolutions (as in Xception) instead of one.
    """

    def __init__(
        self, inputs: int, outputs: int, *, kernel: int, stride: int, is_head: bool, is_deep: bool = False
    ) -> None:
        super().__init__()
        self.is_head = is_head
        width = inputs if is_head else inputs // 2
        made = outputs - width
        branch = _xception if is_deep else _shuffle
        self.branch = branch(width, outputs // 2, made, kernel=kernel, stride=stride)
        if is_head:
            self.other = nn.Sequential(
                convolution(width, width, kernel=kernel, stride=stride, groups=width),
                convolution(width, width, activation=nn.ReLU),
            )

    def forward(self, images: Tensor) -> Tensor:
        """From (N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        if self.is_head:
            return torch.cat((self.other(images), self.branch(images)), dim=1)
        # Even channels pass by, odd ones are worked on: the shuffle of both halves and the next split at once.
        return torch.cat((images[:, 0::2], self.branch(images[:, 1::2])), dim=1)


def _shuffle(inputs: int, hidden: int, outputs: int, *, kernel: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        convolution(inputs, hidden, activation=nn.ReLU),
        convolution(hidden, hidden, kernel=kernel, stride=stride, groups=hidden),
        convolution(hidden, outputs, activation=nn.ReLU),
    )


def _xception(inputs: int, hidden: int, outputs: int, *, kernel: int, stride: int) -> nn.Sequential:
    depthwise = partial(convolution, kernel=kernel)
    return nn.Sequential(
        depthwise(inputs, inputs, stride=stride, groups=inputs),
        convolution(inputs, hidden, activation=nn.ReLU),
        depthwise(hidden, hidden, groups=hidden),
        convolution(hidden, hidden, activation=nn.ReLU),
        depthwise(hidden, hidden, groups=hidden),
        convolution(hidden, outputs, activation=nn.ReLU),
    )


class ShuffleNet(nn.Module):
    """A stem, 20 blocks to be chosen, and a classifier; images (N, channels, H, W) to logits (N, classes).

    Args:
        classes: Number of classes.
        channels: Channels of the images.
        options: What is changed of it.
    """

    def __init__(self, *, classes: int, channels: int, options: ShuffleNetOptions) -> None:
        super().__init__()
        check_positive("width", options.width)
        strides = kept_strides(_STRIDES, options.downsampling)
        inputs = divisible(_STEM * options.width)
        last = divisible(_LAST * options.width)
        self.stem = convolution(channels, inputs, kernel=3, stride=strides[0], activation=nn.ReLU)
        blocks: dict[str, nn.Module] = {}
        for depth, base, stride in zip(_DEPTHS, _WIDTHS, strides[1:], strict=True):
            # Each head doubles what it is given at least, so the other branch has something to make.
            width = max(divisible(base * options.width), 2 * inputs)
            for i in range(depth):
                label = block_label(len(blocks))
                blocks[str(len(blocks))] = _choice(inputs, width, stride=1 if i else stride, is_head=not i, label=label)
                inputs = width
        self.blocks = nn.Sequential(OrderedDict(blocks))
        self.last = convolution(inputs, last, activation=nn.ReLU)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(options.dropout)
        self.classifier = nn.Linear(last, classes, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes)."""
        features = self.pool(self.last(self.blocks(self.stem(images)))).flatten(1)
        logits: Tensor = self.classifier(self.dropout(features))
        return logits


def block_label(number: int) -> str:
    """The label of a block's choice, counted from 0."""
    return f"block{number}"


def _choice(inputs: int, outputs: int, *, stride: int, is_head: bool, label: str) -> LayerChoice:
    block = partial(ShuffleBlock, inputs, outputs, stride=stride, is_head=is_head)
    candidates = {name: partial(block, kernel=kernel) for name, kernel in KERNELS.items()}
    return LayerChoice({**candidates, XCEPTION: partial(block, kernel=3, is_deep=True)}, label=label)


def make(*, classes: int, channels: int, **options: Option) -> nn.Module:
    """See `nas_trial.hub.entry.Maker`.

    Raises:
        SettingsError: An option is unknown, or its value not valid.
    """
    return ShuffleNet(classes=classes, channels=channels, options=read_options(ShuffleNetOptions(), options))


_PUBLISHED = (2, 1, 0, 1, 2, 0, 2, 0, 2, 0, 2, 3, 0, 0, 0, 0, 3, 2, 3, 3)
_NAMES = (*KERNELS, XCEPTION)

SPACE = HubSpace(
    name="shufflenetv2",
    title="Single Path One-Shot: 20 ShuffleNetV2 blocks, four kinds of each",
    source=_SOURCE,
    input_shape=(3, 224, 224),
    classes=1000,
    make=make,
    options=asdict(ShuffleNetOptions()),
    known={
        "spos": Known(
            {block_label(i): _NAMES[choice] for i, choice in enumerate(_PUBLISHED)},
            f"{_SOURCE}; the architecture of the authors' repository: 3.5 M parameters, 323 M multiply-accumulates",
        )
    },
    size=4**20,
)
