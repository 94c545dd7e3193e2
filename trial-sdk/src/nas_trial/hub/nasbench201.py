"""The space of NAS-Bench-201.

Dong, Yang: NAS-Bench-201: Extending the Scope of Reproducible Neural Architecture Search, ICLR 2020. One cell of four
nodes with an operation on each of its six edges, five times in each of three stages. `architecture` reads the texts by
which the benchmark names its members.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass

from nascore.errors import InvalidInputError
from torch import Tensor, nn

from nas_trial.hub.entry import HubSpace, Known, Option
from nas_trial.hub.operations import ReLUConvBN, Zero
from nas_trial.hub.options import check_positive, read_options
from nas_trial.layer_choice import LayerChoice

EDGES = tuple((source, node) for node in range(1, 4) for source in range(node))
"""Edges of the cell: from and to which node."""

_OPERATION = re.compile(r"([a-z0-9_]+)~([0-9]+)")


@dataclass(frozen=True, slots=True)
class Bench201Options:
    """What may be changed of a model.

    Attributes:
        width: Channels in the first stage.
        depth: Cells in each stage.
    """

    width: int = 16
    depth: int = 5


class Cell201(nn.Module):
    """Four nodes, each the sum of an operation on every node before it; the first is the input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.edges = nn.ModuleDict(
            {
                f"{source}_{node}": LayerChoice(_operations(width), label=f"edge_{source}_{node}")
                for source, node in EDGES
            }
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, H, W) to the same shape."""
        states = [x]
        for node in range(1, 4):
            total = self.edges[f"0_{node}"](x)
            for source in range(1, node):
                total = total + self.edges[f"{source}_{node}"](states[source])
            states.append(total)
        return states[3]


class Reduction(nn.Module):
    """A residual block that halves height and width and doubles the width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv_a = ReLUConvBN(width, 2 * width, 3, stride=2)
        self.conv_b = ReLUConvBN(2 * width, 2 * width, 3)
        self.downsample = nn.Sequential(nn.AvgPool2d(2, 2), nn.Conv2d(width, 2 * width, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, H, W) to (N, 2 width, H/2, W/2)."""
        made: Tensor = self.downsample(x) + self.conv_b(self.conv_a(x))
        return made


class Network201(nn.Module):
    """Three stages of cells with a residual block between them."""

    def __init__(self, options: Bench201Options, *, classes: int, channels: int) -> None:
        super().__init__()
        width = options.width
        self.stem = nn.Sequential(nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))
        self.cells = nn.Sequential()
        for stage in range(3):
            if stage:
                self.cells.append(Reduction(width))
                width *= 2
            for _ in range(options.depth):
                self.cells.append(Cell201(width))
        self.lastact = nn.Sequential(nn.BatchNorm2d(width), nn.ReLU())
        self.global_pooling = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(width, classes)

    def forward(self, images: Tensor) -> Tensor:
        """(N, channels, H, W) to logits (N, classes)."""
        x = self.lastact(self.cells(self.stem(images)))
        logits: Tensor = self.classifier(self.global_pooling(x).flatten(1))
        return logits


def make(*, classes: int, channels: int, **options: Option) -> nn.Module:
    """See `nas_trial.hub.entry.Maker`.

    Raises:
        SettingsError: An option is unknown, or its value not valid.
    """
    chosen = read_options(Bench201Options(), options)
    check_positive("width", chosen.width)
    check_positive("depth", chosen.depth)
    return Network201(chosen, classes=classes, channels=channels)


def architecture(text: str) -> dict[str, object]:
    """Decisions of the member that the benchmark calls by a text such as ``|nor_conv_3x3~0|+|none~0|none~1|+|...|``.

    Raises:
        InvalidInputError: It does not name an operation for each of the six edges.
    """
    nodes = [_OPERATION.findall(part) for part in text.split("+")]
    found = {f"edge_{source}_{node}": name for node, pairs in enumerate(nodes, start=1) for name, source in pairs}
    if list(found) != [f"edge_{source}_{node}" for source, node in EDGES]:
        raise InvalidInputError(
            f"{text!r} names no member of NAS-Bench-201.",
            hint="Write it as |op~0|+|op~0|op~1|+|op~0|op~1|op~2|.",
        )
    return dict(found)


def _operations(width: int) -> dict[str, Callable[[], nn.Module]]:
    return {
        "none": lambda: Zero(1),
        "skip_connect": nn.Identity,
        "nor_conv_1x1": lambda: ReLUConvBN(width, width, 1),
        "nor_conv_3x3": lambda: ReLUConvBN(width, width, 3),
        "avg_pool_3x3": lambda: nn.AvgPool2d(3, 1, 1, count_include_pad=False),
    }


def _best(text: str, index: int, dataset: str, *, parameters: int) -> Known:
    return Known(architecture(text), f"Dong, Yang, 2020: best on {dataset}, index {index}", parameters=parameters)


SPACE = HubSpace(
    name="nasbench201",
    title="NAS-Bench-201: five operations on six edges of a cell",
    source="Dong, Yang: NAS-Bench-201: Extending the Scope of Reproducible Neural Architecture Search, ICLR 2020",
    input_shape=(3, 32, 32),
    classes=10,
    make=make,
    options=asdict(Bench201Options()),
    known={
        "best-cifar10": _best(
            "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|",
            6111,
            "CIFAR-10",
            parameters=1_073_466,
        ),
    },
    size=5**6,
)
"""The space of NAS-Bench-201 for CIFAR-10."""
