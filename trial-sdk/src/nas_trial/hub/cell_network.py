"""Networks of normal and reduction cells, as NASNet introduced and DARTS trained them.

A stem, then cells in three stages; the first cell of the second and the third is a reduction cell, which halves height
and width and doubles the width. Every cell takes the outputs of the two cells before it. Normal cells decide together,
and so do reduction cells.

Follows the code of Liu et al., DARTS, 2019 (``cnn/model.py``), without auxiliary head and drop path, which belong to
training.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from torch import Tensor, nn

from nas_trial.cell import Cell, Inputs, Merge
from nas_trial.cell_operations import Operation
from nas_trial.hub.entry import Maker, Option
from nas_trial.hub.operations import OPERATIONS, FactorizedReduce, PoolBN, ReLUConvBN
from nas_trial.hub.options import check_even, check_known, check_positive, read_options
from nas_trial.layers import Linear


@dataclass(frozen=True, slots=True)
class CellDesign:
    """How the cells of a network are made.

    Attributes:
        operations: Names of the operations, of `nas_trial.hub.operations.OPERATIONS`.
        nodes: Nodes of a cell.
        inputs: Whether the two operations of a node have different inputs: see `nas_trial.Cell`.
        merge: Which nodes are the output.
        search_only: Names of operations that are never chosen.
        is_single: Whether normal and reduction cells decide together.
        affine: Whether batch norms have weights; DARTS searches without, and with a batch norm after every pooling.
    """

    operations: tuple[str, ...]
    nodes: int
    inputs: Inputs = "any"
    merge: Merge = "all"
    search_only: tuple[str, ...] = ()
    is_single: bool = False
    affine: bool = True


@dataclass(frozen=True, slots=True)
class Widths:
    """Numbers of channels around a cell; those that come in may be choices.

    Attributes:
        before: Width of the output of the cell before the last.
        last: Width of the output of the last cell.
        inside: Width of every state.
    """

    before: int
    last: int
    inside: int


class Preprocessor(nn.Module):
    """Brings the outputs of the two cells before to the width and size of a cell."""

    def __init__(self, widths: Widths, *, is_after_reduction: bool, affine: bool) -> None:
        super().__init__()
        older = FactorizedReduce if is_after_reduction else ReLUConvBN
        self.preprocess0 = older(widths.before, widths.inside, affine=affine)
        self.preprocess1 = ReLUConvBN(widths.last, widths.inside, affine=affine)

    def forward(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """The older output first."""
        return [self.preprocess0(inputs[0]), self.preprocess1(inputs[1])]


class SmallStem(nn.Module):
    """For images of 32 × 32: one convolution to three times the width, which both inputs of the first cell are."""

    is_after_reduction = False

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.widths = (3 * width, 3 * width)
        self.stem = nn.Sequential(nn.Conv2d(channels, 3 * width, 3, padding=1, bias=False), nn.BatchNorm2d(3 * width))

    def forward(self, images: Tensor) -> list[Tensor]:
        """(N, channels, H, W) to two times (N, 3 width, H, W)."""
        x = self.stem(images)
        return [x, x]


class LargeStem(nn.Module):
    """For images of 224 × 224: three convolutions of stride 2, of which the last two outputs go on."""

    is_after_reduction = True

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.widths = (width, width)
        self.stem0 = nn.Sequential(
            nn.Conv2d(channels, width // 2, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width // 2),
            nn.ReLU(),
            nn.Conv2d(width // 2, width, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )
        self.stem1 = nn.Sequential(
            nn.ReLU(), nn.Conv2d(width, width, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(width)
        )

    def forward(self, images: Tensor) -> list[Tensor]:
        """(N, channels, H, W) to (N, width, H/4, W/4) and (N, width, H/8, W/8)."""
        x = self.stem0(images)
        return [x, self.stem1(x)]


_STEMS: Mapping[str, type[SmallStem] | type[LargeStem]] = MappingProxyType({"small": SmallStem, "large": LargeStem})


class CellNetwork(nn.Module):
    """A network of cells.

    Args:
        design: How cells are made.
        stem: What makes the two inputs of the first cell from images.
        layers: Number of cells.
        width: Channels of a state in the first stage.
        classes: Number of classes.
    """

    def __init__(
        self, design: CellDesign, stem: SmallStem | LargeStem, *, layers: int, width: int, classes: int
    ) -> None:
        super().__init__()
        self.stem = stem
        self.cells = nn.ModuleList()
        before, last = stem.widths
        is_after_reduction = stem.is_after_reduction
        for i in range(layers):
            is_reduction = i in (layers // 3, 2 * layers // 3)
            width *= 2 if is_reduction else 1
            widths = Widths(before, last, width)
            cell = _cell(design, widths, is_reduction=is_reduction, is_after_reduction=is_after_reduction)
            self.cells.append(cell)
            before, last = last, cell.count * width
            is_after_reduction = is_reduction
        self.global_pooling = nn.AdaptiveAvgPool2d(1)
        self.classifier = Linear(last, classes)

    def forward(self, images: Tensor) -> Tensor:
        """(N, channels, H, W) to logits (N, classes)."""
        states = self.stem(images)
        for cell in self.cells:
            states = [states[1], cell(states)]
        logits: Tensor = self.classifier(self.global_pooling(states[1]).flatten(1))
        return logits


@dataclass(frozen=True, slots=True)
class NetworkOptions:
    """What may be changed of a model of cells.

    Attributes:
        layers: Number of cells.
        width: Channels of a state in the first stage, an even number.
        stem: ``small`` for images of 32 × 32, ``large`` for 224 × 224.
    """

    layers: int
    width: int
    stem: str = "small"


def maker(design: CellDesign, published: NetworkOptions) -> Maker:
    """What makes the networks of a space whose options are those of `NetworkOptions`, with the published ones."""

    def make(*, classes: int, channels: int, **options: Option) -> nn.Module:
        return network(design, read_options(published, options), classes=classes, channels=channels)

    return make


def network(design: CellDesign, options: NetworkOptions, *, classes: int, channels: int) -> CellNetwork:
    """A network of cells.

    Raises:
        SettingsError: An option is not valid.
    """
    check_known("stem", options.stem, _STEMS)
    check_positive("layers", options.layers)
    check_even("width", options.width)
    stem = _STEMS[options.stem](channels, options.width)
    return CellNetwork(design, stem, layers=options.layers, width=options.width, classes=classes)


def genotype(prefix: str, nodes: Iterable[Sequence[tuple[str, int]]], *, inputs: Inputs) -> dict[str, object]:
    """Decisions of a cell from what papers call its genotype.

    Args:
        prefix: Label of the cell.
        nodes: For every node the operations with their inputs: ``(("sep_conv_3x3", 1), ("skip_connect", 0))``.
        inputs: As in the cell.
    """
    found: dict[str, object] = {}
    for node, pairs in enumerate(nodes, start=2):
        if inputs == "distinct":
            chosen = sorted(source for _, source in pairs)
            found[f"{prefix}.inputs_{node}"] = tuple(map(str, chosen))
            for operation, source in pairs:
                found[f"{prefix}.inputs_{node}/{source}/{prefix}.op_{node}_{source}"] = operation
            continue
        for i, (operation, source) in enumerate(pairs):
            found[f"{prefix}.input_{node}_{i}"] = str(source)
            found[f"{prefix}.op_{node}_{i}"] = operation
    return found


def _cell(design: CellDesign, widths: Widths, *, is_reduction: bool, is_after_reduction: bool) -> Cell:
    label = "cell" if design.is_single else "reduce" if is_reduction else "normal"
    return Cell(
        _operations(design, widths.inside, is_reduction=is_reduction),
        nodes=design.nodes,
        operations_per_node=2,
        predecessors=2,
        inputs=design.inputs,
        merge=design.merge,
        search_only=design.search_only,
        preprocessor=Preprocessor(widths, is_after_reduction=is_after_reduction, affine=design.affine),
        label=label,
    )


def _operations(design: CellDesign, width: int, *, is_reduction: bool) -> dict[str, Operation]:
    if is_reduction:
        return {name: partial(_reducing, (design, name, width)) for name in design.operations}
    return {name: partial(_operation, (design, name, width), 1) for name in design.operations}


def _reducing(wanted: tuple[CellDesign, str, int], node: int, operation: int, input_: int) -> nn.Module:
    """In a reduction cell what reads an input of the cell halves its size, and what reads a node does not."""
    return _operation(wanted, 2 if input_ < 2 else 1)


def _operation(wanted: tuple[CellDesign, str, int], stride: int) -> nn.Module:
    design, name, width = wanted
    made = OPERATIONS[name](width, stride, design.affine)
    is_pool = isinstance(made, nn.AvgPool2d | nn.MaxPool2d)
    return PoolBN(made, width, affine=False) if is_pool and not design.affine else made
