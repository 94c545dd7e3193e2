"""The micro space of ENAS.

Pham, Guan, Zoph, Le, Dean: Efficient Neural Architecture Search via Parameter Sharing, ICML 2018. Two cells of five
nodes with five operations; every operation has weights of its own for every input. The network is the one that the
reference code (``micro_child.py``) trains at the end, without auxiliary head, drop path and dropout; of the states that
no node uses it joins the nodes only, where the reference joins an unused input as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial

from torch import Tensor, nn

from nas_trial.cell import Cell
from nas_trial.cell_operations import Operation
from nas_trial.hub.cell_network import Widths, genotype
from nas_trial.hub.entry import HubSpace, Known, Option
from nas_trial.hub.operations import OPERATIONS, FactorizedReduce, ReLUConvBN
from nas_trial.hub.options import check_even, check_positive, read_options
from nas_trial.layers import Linear

_OPERATIONS = ("sep_conv_3x3", "sep_conv_5x5", "avg_pool_3x3", "max_pool_3x3", "skip_connect")


@dataclass(frozen=True, slots=True)
class MicroOptions:
    """What may be changed of a model.

    Attributes:
        layers: Number of cells, of which two reduce.
        width: Channels of a state in the first stage, an even number.
    """

    layers: int = 17
    width: int = 36


class Calibration(nn.Module):
    """Brings the outputs of the two cells before to one width and size; the last one passes two convolutions."""

    def __init__(self, widths: Widths, *, is_after_reduction: bool) -> None:
        super().__init__()
        older = FactorizedReduce if is_after_reduction else ReLUConvBN
        self.pool_x = older(widths.before, widths.inside)
        self.pool_y = ReLUConvBN(widths.last, widths.inside)
        self.layer_base = ReLUConvBN(widths.inside, widths.inside)

    def forward(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """The older output first."""
        return [self.pool_x(inputs[0]), self.layer_base(self.pool_y(inputs[1]))]


class MicroNetwork(nn.Module):
    """A stem, and cells in three stages."""

    def __init__(self, options: MicroOptions, *, classes: int, channels: int) -> None:
        super().__init__()
        width = options.width
        self.stem_conv = nn.Sequential(
            nn.Conv2d(channels, 3 * width, 3, padding=1, bias=False), nn.BatchNorm2d(3 * width)
        )
        self.cells = nn.ModuleList()
        before = last = 3 * width
        is_after_reduction = False
        distance = (options.layers - 2) // 3
        for i in range(options.layers):
            is_reduction = i in (distance, 2 * distance + 1)
            width *= 2 if is_reduction else 1
            calibration = Calibration(Widths(before, last, width), is_after_reduction=is_after_reduction)
            cell = _cell(calibration, width, is_reduction=is_reduction)
            self.cells.append(cell)
            before, last = last, cell.count * width
            is_after_reduction = is_reduction
        self.relu = nn.ReLU()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = Linear(last, classes, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """(N, channels, H, W) to logits (N, classes)."""
        x = self.stem_conv(images)
        states = [x, x]
        for cell in self.cells:
            states = [states[1], cell(states)]
        logits: Tensor = self.fc(self.pool(self.relu(states[1])).flatten(1))
        return logits


def make(*, classes: int, channels: int, **options: Option) -> nn.Module:
    """See `nas_trial.hub.entry.Maker`.

    Raises:
        SettingsError: An option is unknown, or its value not valid.
    """
    chosen = read_options(MicroOptions(), options)
    check_positive("layers", chosen.layers)
    check_even("width", chosen.width)
    return MicroNetwork(chosen, classes=classes, channels=channels)


def _cell(calibration: Calibration, width: int, *, is_reduction: bool) -> Cell:
    operations: dict[str, Operation] = {name: partial(_operation, (name, width, is_reduction)) for name in _OPERATIONS}
    return Cell(
        operations,
        nodes=5,
        operations_per_node=2,
        predecessors=2,
        merge="loose_end",
        preprocessor=calibration,
        label="reduce" if is_reduction else "normal",
    )


def _operation(wanted: tuple[str, int, bool], node: int, operation: int, input_: int) -> nn.Module:
    name, width, is_reduction = wanted
    stride = 2 if is_reduction and input_ < 2 else 1
    if name == "skip_connect" and stride == 2:
        return FactorizedReduce(width, width, is_linear=True)
    return OPERATIONS[name](width, stride, True)


def _decisions(prefix: str, arc: str) -> dict[str, object]:
    """Decisions of a cell from the text of the reference: input and operation, two times for every node."""
    numbers = list(map(int, arc.split()))
    pairs = [(_OPERATIONS[operation], source) for source, operation in zip(numbers[::2], numbers[1::2], strict=True)]
    return genotype(prefix, list(zip(pairs[::2], pairs[1::2], strict=True)), inputs="any")


_ENAS = _decisions("normal", "0 2 0 0 0 4 0 1 0 4 1 1 1 0 0 1 0 2 1 1") | _decisions(
    "reduce", "1 0 1 0 0 3 0 2 1 1 3 1 1 0 0 4 0 3 1 1"
)

SPACE = HubSpace(
    name="enas-micro",
    title="ENAS micro: normal and reduction cells of five nodes, five operations",
    source="Pham et al.: Efficient Neural Architecture Search via Parameter Sharing, ICML 2018",
    input_shape=(3, 32, 32),
    classes=10,
    make=make,
    options=asdict(MicroOptions()),
    known={"enas": Known(_ENAS, "Pham et al., 2018 (scripts/cifar10_micro_final.sh of the reference code)")},
)
"""The micro space of ENAS for CIFAR-10."""
