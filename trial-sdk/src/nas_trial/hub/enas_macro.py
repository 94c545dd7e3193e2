"""The macro space of ENAS.

Pham, Guan, Zoph, Le, Dean: Efficient Neural Architecture Search via Parameter Sharing, ICML 2018. A chain of layers,
each with one of six operations, and any of the layers before it joined to it. The network is the one that the reference
code (``general_child.py``) trains at the end, with the operations that the paper names: where the text of an
architecture says separable, the reference trains ordinary convolutions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from nas_trial.hub.entry import HubSpace, Known, Option
from nas_trial.hub.operations import FactorizedReduce, ReLUConvBN
from nas_trial.hub.options import check_even, check_positive, read_options
from nas_trial.input_choice import InputChoice
from nas_trial.layer_choice import LayerChoice

_OPERATIONS = ("conv_3x3", "sep_conv_3x3", "conv_5x5", "sep_conv_5x5", "avg_pool_3x3", "max_pool_3x3")


@dataclass(frozen=True, slots=True)
class MacroOptions:
    """What may be changed of a model.

    Attributes:
        layers: Number of layers; the network shrinks after a third and two thirds of them.
        width: Channels in the first stage, an even number; doubled where the network shrinks.
    """

    layers: int = 12
    width: int = 36


class MacroLayer(nn.Module):
    """An operation on the last layer, joined with some of those before it.

    Args:
        number: How many layers there are before it.
        width: Channels.
    """

    def __init__(self, number: int, width: int) -> None:
        super().__init__()
        self.op = LayerChoice(_operations(width), label=f"layer_{number}.op")
        self.has_skips = number > 0
        if self.has_skips:
            self.skips = InputChoice(number, n_chosen=None, reduction="none", label=f"layer_{number}.skips")
            self.skip = ReLUConvBN((self.skips.count + 1) * width, width)

    def forward(self, layers: Sequence[Tensor]) -> Tensor:
        """What becomes of the outputs of the layers before, the stem first: (N, width, H, W)."""
        made: Tensor = self.op(layers[-1])
        if self.has_skips:
            # The layer's own output first: whatever is joined, it meets the same weights in a supernet.
            made = self.skip(torch.cat([made, *self.skips(layers[:-1])], dim=1))
        return made


class Shrinking(nn.Module):
    """Halves height and width of all that there is so far and doubles the width, each with weights of its own."""

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self.sources = nn.ModuleList(FactorizedReduce(width, 2 * width, is_linear=True) for _ in range(count))

    def forward(self, outputs: Sequence[Tensor]) -> list[Tensor]:
        """Each (N, width, H, W) to (N, 2 width, H/2, W/2)."""
        return [shrink(x) for shrink, x in zip(self.sources, outputs, strict=True)]


class MacroNetwork(nn.Module):
    """A stem, and layers in three stages; between them all that there is so far shrinks."""

    def __init__(self, options: MacroOptions, *, classes: int, channels: int) -> None:
        super().__init__()
        width = options.width
        self.stem_conv = nn.Sequential(nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))
        self.layers = nn.ModuleList()
        self.pools = nn.ModuleDict()
        for i in range(options.layers):
            self.layers.append(MacroLayer(i, width))
            if i in (options.layers // 3 - 1, 2 * (options.layers // 3) - 1):
                self.pools[f"after{i}"] = Shrinking(i + 2, width)
                width *= 2
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(width, classes, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """(N, channels, H, W) to logits (N, classes)."""
        outputs = [self.stem_conv(images)]
        for i, layer in enumerate(self.layers):
            outputs.append(layer(outputs))
            if f"after{i}" in self.pools:
                outputs = self.pools[f"after{i}"](outputs)
        logits: Tensor = self.fc(self.pool(outputs[-1]).flatten(1))
        return logits


def make(*, classes: int, channels: int, **options: Option) -> nn.Module:
    """See `nas_trial.hub.entry.Maker`.

    Raises:
        SettingsError: An option is unknown, or its value not valid.
    """
    chosen = read_options(MacroOptions(), options)
    check_positive("layers", chosen.layers)
    check_even("width", chosen.width)
    return MacroNetwork(chosen, classes=classes, channels=channels)


def _operations(width: int) -> dict[str, Callable[[], nn.Module]]:
    return {
        "conv_3x3": lambda: _convolution(width, 3),
        "sep_conv_3x3": lambda: _separable(width, 3),
        "conv_5x5": lambda: _convolution(width, 5),
        "sep_conv_5x5": lambda: _separable(width, 5),
        "avg_pool_3x3": lambda: nn.Sequential(ReLUConvBN(width, width), nn.AvgPool2d(3, 1, 1, count_include_pad=False)),
        "max_pool_3x3": lambda: nn.Sequential(ReLUConvBN(width, width), nn.MaxPool2d(3, 1, 1)),
    }


def _convolution(width: int, kernel: int) -> nn.Module:
    return nn.Sequential(ReLUConvBN(width, width), ReLUConvBN(width, width, kernel))


def _separable(width: int, kernel: int) -> nn.Module:
    return nn.Sequential(
        ReLUConvBN(width, width),
        nn.ReLU(),
        nn.Conv2d(width, width, kernel, padding=kernel // 2, groups=width, bias=False),
        nn.Conv2d(width, width, 1, bias=False),
        nn.BatchNorm2d(width),
    )


def _decisions(arc: str) -> dict[str, object]:
    """Decisions from the text of the reference: a line for each layer, its operation and a bit for every skip.

    Skips count from the stem; the layer just before is the input of the operation and no skip.
    """
    found: dict[str, object] = {}
    for number, line in enumerate(arc.strip().splitlines()):
        operation, *bits = map(int, line.split())
        found[f"layer_{number}.op"] = _OPERATIONS[operation]
        if number:
            found[f"layer_{number}.skips"] = tuple(str(i) for i, bit in enumerate(bits) if bit)
    return found


_ENAS = _decisions("""
0
3 0
0 1 0
2 0 0 1
2 0 0 0 0
3 1 1 0 1 0
2 0 0 0 0 0 1
2 0 1 1 0 1 1 1
1 0 1 1 1 0 1 0 1
0 0 0 0 0 0 0 0 0 0
2 0 0 0 0 0 1 0 0 0 0
0 1 0 0 1 1 0 0 0 0 1 1
2 0 1 0 0 0 0 0 1 0 1 1 0
1 0 0 1 0 0 0 1 1 1 0 1 0 1
0 1 1 0 1 0 1 0 0 0 0 0 1 0 0
2 0 0 1 0 0 0 0 0 0 0 1 0 1 0 1
2 0 1 0 0 0 1 0 0 1 1 1 1 0 0 1 0
2 0 0 0 0 1 0 1 0 1 0 0 1 0 1 0 0 1
3 0 1 1 0 1 0 0 0 0 0 1 0 1 0 1 0 0 0
3 0 1 1 0 0 0 0 0 0 0 0 0 1 1 0 0 0 0 1
0 1 0 0 1 0 1 1 0 0 0 1 0 0 0 0 0 1 1 0 0
3 0 1 0 1 1 0 0 1 0 1 1 0 1 1 0 1 0 0 1 0 0
0 1 0 1 0 1 0 0 0 0 0 0 0 0 1 0 1 0 0 1 0 0 0
0 1 1 0 0 0 1 1 1 0 1 0 0 0 1 0 1 0 0 1 1 0 0 0
""")

SPACE = HubSpace(
    name="enas-macro",
    title="ENAS macro: six operations in a chain of layers, joined in any way",
    source="Pham et al.: Efficient Neural Architecture Search via Parameter Sharing, ICML 2018",
    input_shape=(3, 32, 32),
    classes=10,
    make=make,
    options=asdict(MacroOptions()),
    known={
        "enas": Known(
            _ENAS,
            "Pham et al., 2018 (scripts/cifar10_macro_final.sh of the reference code)",
            options={"layers": 24, "width": 96},
        )
    },
    size=6**12 * 2**66,
)
"""The macro space of ENAS for CIFAR-10."""
