"""The space of NAS-Bench-101.

Ying, Klein, Christiansen, Real, Murphy, Hutter: NAS-Bench-101: Towards Reproducible Neural Architecture Search, ICML
2019. A graph of seven vertices with at most nine of 21 edges and one of three operations at each of the five vertices
between input and output; three times in each of three stacks. Many architectures are the same network: 423,624 differ.

Not here: cells as modules (``cell101``), what a graph comes to (``graph101``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from nascore.errors import InvalidInputError, SettingsError
from torch import Tensor, nn

from nas_trial.hub.cell101 import INNER, OPERATIONS, Cell101, ConvBNReLU, Wiring
from nas_trial.hub.entry import HubSpace, Known, Option
from nas_trial.hub.graph101 import EDGES, VERTICES
from nas_trial.hub.options import check_positive, read_options


@dataclass(frozen=True, slots=True)
class Bench101Options:
    """What may be changed of a model.

    Attributes:
        width: Channels in the first stack.
        depth: Cells in each stack.
    """

    width: int = 128
    depth: int = 3


class Network101(nn.Module):
    """A stem, and stacks of cells with a pooling between them that halves height and width; the width doubles."""

    def __init__(self, options: Bench101Options, *, classes: int, channels: int) -> None:
        super().__init__()
        wiring = Wiring()
        width = options.width
        self.stem = ConvBNReLU(channels, width, 3)
        self.cells = nn.Sequential()
        before = width
        for stack in range(3):
            if stack:
                self.cells.append(nn.MaxPool2d(2, ceil_mode=True))
                width *= 2
            for _ in range(options.depth):
                self.cells.append(Cell101(wiring, before, width=width))
                before = width
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(width, classes)

    def forward(self, images: Tensor) -> Tensor:
        """(N, channels, H, W) to logits (N, classes)."""
        logits: Tensor = self.classifier(self.pool(self.cells(self.stem(images))).flatten(1))
        return logits


def make(*, classes: int, channels: int, **options: Option) -> nn.Module:
    """See `nas_trial.hub.entry.Maker`.

    Raises:
        SettingsError: An option is unknown, or its value not valid.
    """
    chosen = read_options(Bench101Options(), options)
    if chosen.width < VERTICES:
        raise SettingsError(f"The option width is {chosen.width}.", hint="Give at least 7: outputs share the channels.")
    check_positive("depth", chosen.depth)
    return Network101(chosen, classes=classes, channels=channels)


def architecture(matrix: Sequence[Sequence[int]], operations: Sequence[str]) -> dict[str, object]:
    """Decisions of the member that the benchmark gives as a matrix, with at most seven vertices.

    Args:
        matrix: 1 in row i and column j where an edge goes from vertex i to vertex j.
        operations: Name of the operation of each vertex, ``input`` first and ``output`` last.

    Raises:
        InvalidInputError: It is no graph of this space.
    """
    last = len(matrix) - 1
    _check(matrix, operations)
    found: dict[str, object] = {f"edge_{source}_{vertex}": "0" for source, vertex in EDGES}
    for source, row in enumerate(matrix):
        for vertex in (vertex for vertex, bit in enumerate(row) if bit):
            found[f"edge_{source}_{VERTICES - 1 if vertex == last else vertex}"] = "1"
    for vertex in INNER:
        found[f"op_{vertex}"] = operations[vertex] if vertex < last else OPERATIONS[0]
    return found


def _check(matrix: Sequence[Sequence[int]], operations: Sequence[str]) -> None:
    count = len(matrix)
    is_square = 2 <= count <= VERTICES and all(len(row) == count for row in matrix)
    if not is_square or len(operations) != count or set(operations[1:-1]) - set(OPERATIONS):
        raise InvalidInputError(
            f"A matrix of {count} rows with the operations {list(operations)} is no member of NAS-Bench-101.",
            hint=f"Give a square matrix of 2 to 7 rows, and for each vertex between one of {', '.join(OPERATIONS)}.",
        )
    if any(bit and vertex <= source for source, row in enumerate(matrix) for vertex, bit in enumerate(row)):
        raise InvalidInputError("The matrix has an edge back to an earlier vertex.", hint="Order the vertices.")


_BEST = architecture(
    (
        (0, 1, 1, 0, 0, 1, 1),
        (0, 0, 0, 0, 0, 1, 0),
        (0, 0, 0, 1, 0, 0, 0),
        (0, 0, 0, 0, 1, 0, 0),
        (0, 0, 0, 0, 0, 1, 0),
        (0, 0, 0, 0, 0, 0, 1),
        (0, 0, 0, 0, 0, 0, 0),
    ),
    (
        "input",
        "conv1x1-bn-relu",
        "conv3x3-bn-relu",
        "maxpool3x3",
        "conv3x3-bn-relu",
        "conv3x3-bn-relu",
        "output",
    ),
)

SPACE = HubSpace(
    name="nasbench101",
    title="NAS-Bench-101: graphs of seven vertices with at most nine edges, three operations",
    source="Ying et al.: NAS-Bench-101: Towards Reproducible Neural Architecture Search, ICML 2019",
    input_shape=(3, 32, 32),
    classes=10,
    make=make,
    options=asdict(Bench101Options()),
    known={
        "best": Known(
            _BEST, "Ying et al., 2019: the best mean test accuracy after 108 epochs, 94.32 %", parameters=32_426_634
        )
    },
    size=2**21 * 3**5,
)
"""The space of NAS-Bench-101 for CIFAR-10; the published size is that of all matrices, without the constraints."""
