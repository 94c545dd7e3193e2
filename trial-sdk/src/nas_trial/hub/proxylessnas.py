"""ProxylessNAS (Cai et al., 2019): kernel 3, 5 or 7 and expansion 3 or 6 of each of 21 blocks, or no block at all.

Three widths were published, each with the network that was found for a phone, a GPU and a CPU.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType

from torch import nn

from nas_trial.hub.entry import HubSpace, Known, Option
from nas_trial.hub.mobilenet import GPU, SKIP, Backbone, MobileNet, block_label
from nas_trial.hub.options import check_known, read_options

_DEPTHS = GPU.depths
_STRIDES = GPU.strides
_SOURCE = "Cai et al., ProxylessNAS: Direct Neural Architecture Search on Target Task and Hardware, 2019"

BACKBONES: Mapping[str, Backbone] = MappingProxyType(
    {
        "mobile": Backbone(32, 16, (32, 40, 80, 96, 192, 320), _DEPTHS, _STRIDES, 1280),
        "gpu": GPU,
        "cpu": Backbone(40, 24, (32, 48, 88, 104, 216, 360), _DEPTHS, _STRIDES, 1432),
    }
)


@dataclass(frozen=True, slots=True)
class ProxylessOptions:
    """What may be changed of a model.

    Attributes:
        target: Whose widths it has: ``mobile``, ``gpu`` or ``cpu``.
        width: All widths are multiplied by it.
        downsampling: By how much images shrink within the network; strides are given up from the first on.
        dropout: Before the classifier.
    """

    target: str = "mobile"
    width: float = 1.0
    downsampling: int = 32
    dropout: float = 0.0


def make(*, classes: int, channels: int, **options: Option) -> nn.Module:
    """See `nas_trial.hub.entry.Maker`.

    Raises:
        SettingsError: An option is unknown, or its value not valid.
    """
    chosen = read_options(ProxylessOptions(), options)
    check_known("target", chosen.target, BACKBONES)
    fitted = BACKBONES[chosen.target].fitted(width=chosen.width, downsampling=chosen.downsampling)
    return MobileNet(fitted, classes=classes, channels=channels, dropout=chosen.dropout)


def _known(blocks: str, *, target: str, parameters: int, macs: int) -> Known:
    """A published network; ``blocks`` has a line for each stage, and blocks that it lacks were skipped."""
    decisions = {
        block_label(stage, i): name
        for stage, (line, depth) in enumerate(zip(blocks.split("/"), _DEPTHS, strict=True), start=1)
        for i, name in enumerate((line.split() + [SKIP] * depth)[:depth])
    }
    return Known(decisions, f"{_SOURCE}, figure 4", options={"target": target}, parameters=parameters, macs=macs)


SPACE = HubSpace(
    name="proxylessnas",
    title="ProxylessNAS: kernel and expansion of 21 mobile blocks, 15 of which may be skipped",
    source=_SOURCE,
    input_shape=(3, 224, 224),
    classes=1000,
    make=make,
    options=asdict(ProxylessOptions()),
    known={
        "proxyless-mobile": _known(
            "MB5E3 MB3E3/MB7E3 MB3E3 MB5E3 MB5E3/MB7E6 MB5E3 MB5E3 MB5E3/MB5E6 MB5E3 MB5E3 MB5E3"
            "/MB7E6 MB7E6 MB7E3 MB7E3/MB7E6",
            target="mobile",
            parameters=4_080_512,
            macs=320_427_584,
        ),
        "proxyless-gpu": _known(
            "MB5E3/MB7E3 MB3E3/MB7E6 MB5E3/MB5E6 MB3E3 MB5E3/MB7E6 MB7E6 MB7E6 MB5E6/MB7E6",
            target="gpu",
            parameters=7_119_848,
            macs=465_260_160,
        ),
        "proxyless-cpu": _known(
            "MB3E6 MB3E3 MB3E3 MB3E3/MB3E6 MB3E3 MB3E3 MB5E3/MB3E6 MB3E3/MB5E6 MB3E3 MB3E3 MB3E3"
            "/MB5E6 MB5E3 MB5E3 MB3E3/MB5E6",
            target="cpu",
            parameters=4_361_648,
            macs=439_243_864,
        ),
    },
)
