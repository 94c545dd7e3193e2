"""MobileNetV2 (Sandler et al., 2018) with the kernel and expansion of every block to be chosen.

The four backbones of ModularNAS (2021): MobileNetV2 as it was published for ImageNet; the same for CIFAR, with the
first and the last stride given up; and both deeper and wider, with the settings of ProxylessNAS's search for GPUs,
of 21 blocks. The default architecture is MobileNetV2 itself: every block is ``MB3E6``.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from torch import nn

from nas_trial.hub.blocks import total_stride
from nas_trial.hub.entry import HubSpace, Known, Maker, Option
from nas_trial.hub.mobilenet import GPU, Backbone, MobileNet, block_label
from nas_trial.hub.options import read_options

IMAGENET = Backbone(
    stem=32,
    first=16,
    widths=(24, 32, 64, 96, 160, 320),
    depths=(2, 3, 4, 3, 3, 1),
    strides=(2, 2, 2, 2, 1, 2, 1),
    last=1280,
)
_CIFAR_STRIDES = (1, 2, 2, 2, 1, 1, 1)
_SOURCE = "Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, 2018"
_SEARCHED = f"{_SOURCE}; searched as in ModularNAS (Lin et al., 2021)"


@dataclass(frozen=True, slots=True)
class MobileNetV2Options:
    """What may be changed of a model.

    Attributes:
        width: All widths are multiplied by it.
        downsampling: By how much images shrink within the network; strides are given up from the first on.
        dropout: Before the classifier.
    """

    width: float = 1.0
    downsampling: int = 32
    dropout: float = 0.2


def _maker(backbone: Backbone, published: MobileNetV2Options) -> Maker:
    def make(*, classes: int, channels: int, **options: Option) -> nn.Module:
        chosen = read_options(published, options)
        fitted = backbone.fitted(width=chosen.width, downsampling=chosen.downsampling)
        return MobileNet(fitted, classes=classes, channels=channels, dropout=chosen.dropout)

    return make


def _space(name: str, title: str, backbone: Backbone, *, side: int, classes: int, known: dict[str, Known]) -> HubSpace:
    published = MobileNetV2Options(downsampling=total_stride(backbone.strides))
    return HubSpace(
        name=name,
        title=title,
        source=_SEARCHED,
        input_shape=(3, side, side),
        classes=classes,
        make=_maker(backbone, published),
        options=asdict(published),
        known=known,
    )


def _plain(backbone: Backbone) -> dict[str, object]:
    depths = enumerate(backbone.depths, start=1)
    return {block_label(stage, i): "MB3E6" for stage, depth in depths for i in range(depth)}


_CIFAR = replace(IMAGENET, strides=_CIFAR_STRIDES)
_CIFAR_GPU = replace(GPU, strides=_CIFAR_STRIDES)

SPACES = (
    _space(
        "mobilenetv2",
        "MobileNetV2 for ImageNet: kernel and expansion of 16 blocks, 10 of which may be skipped",
        IMAGENET,
        side=224,
        classes=1000,
        known={
            "mobilenetv2-1.0": Known(
                _plain(IMAGENET), f"{_SOURCE}, tables 2 and 4", parameters=3_504_872, macs=300_774_272
            ),
        },
    ),
    _space(
        "mobilenetv2-cifar",
        "MobileNetV2 for images of 32 × 32, with two strides less",
        _CIFAR,
        side=32,
        classes=10,
        known={
            "mobilenetv2-cifar-1.0": Known(
                _plain(_CIFAR), f"{_SOURCE}, with the strides of ModularNAS", parameters=2_236_682
            )
        },
    ),
    _space(
        "mobilenetv2-gpu",
        "MobileNetV2 for ImageNet, deeper and wider: 21 blocks, 15 of which may be skipped",
        GPU,
        side=224,
        classes=1000,
        known={},
    ),
    _space(
        "mobilenetv2-cifar-gpu",
        "MobileNetV2 for images of 32 × 32, deeper and wider",
        _CIFAR_GPU,
        side=32,
        classes=10,
        known={},
    ),
)
