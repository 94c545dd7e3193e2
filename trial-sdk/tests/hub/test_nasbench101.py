"""Members of NAS-Bench-101 have the numbers of parameters of its table."""

import random
import zipfile
from collections.abc import Sequence
from pathlib import Path

import nas_trial as nas
import numpy as np
import pytest
import torch
from nas_trial.hub.cell101 import OPERATIONS
from nas_trial.hub.nasbench101 import SPACE, architecture
from nascore.errors import ArchitectureError, InvalidInputError
from torch import nn

CONV3, CONV1, POOL = OPERATIONS
TABLE = Path(__file__).resolve().parents[4] / "shared" / "data" / "nasbench101" / "nasbench101.npz"


def make() -> nn.Module:
    return SPACE.make(classes=10, channels=3)


def parameters(decisions: dict[str, object]) -> int:
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in nas.build(make, decisions).parameters())


def arrays(file: Path) -> dict[str, np.ndarray]:
    found = {}
    with zipfile.ZipFile(file) as archive:
        for name in archive.namelist():
            with archive.open(name) as member:
                found[name.removesuffix(".npy")] = np.lib.format.read_array(member, allow_pickle=False)
    return found


def matrix(count: int, *edges: tuple[int, int]) -> list[list[int]]:
    return [[int((row, column) in edges) for column in range(count)] for row in range(count)]


@pytest.mark.parametrize(
    ("rows", "operations", "says"),
    [
        ([[0]], ["input"], "A matrix of 1 rows"),
        (matrix(8), ["input", *[CONV3] * 6, "output"], "A matrix of 8 rows"),
        ([[0, 1], [0]], ["input", "output"], "A matrix of 2 rows"),
        (matrix(3), ["input", "conv7x7", "output"], "conv7x7"),
        (matrix(3), ["input", "output"], "A matrix of 3 rows"),
        (matrix(3, (1, 0)), ["input", POOL, "output"], "an edge back"),
    ],
)
def test_what_is_no_graph_of_the_space_is_refused(
    rows: Sequence[Sequence[int]], operations: list[str], says: str
) -> None:
    with pytest.raises(InvalidInputError, match=says):
        architecture(rows, operations)


def test_ten_edges_or_no_path_are_no_architecture() -> None:
    space = nas.extract(make)
    ten = architecture(
        matrix(7, *[(0, i) for i in range(1, 7)], *[(i, 6) for i in range(1, 5)]), ["input", *[POOL] * 5, "output"]
    )
    with pytest.raises(ArchitectureError, match="at most nine edges"):
        space.architecture(ten)
    with pytest.raises(ArchitectureError, match="a path to the output"):
        space.architecture(architecture(matrix(3, (0, 1)), ["input", POOL, "output"]))


def test_the_published_size_is_that_without_constraints() -> None:
    size = nas.extract(make).size()
    assert size.high < SPACE.size == 509_607_936
    assert not size.is_exact


@pytest.mark.parametrize(
    ("decisions", "count"),
    [
        (dict(SPACE.known["best"].decisions), 32_426_634),
    ],
)
def test_known_members_have_the_parameters_of_the_table(decisions: dict[str, object], count: int) -> None:
    assert parameters(decisions) == count


def test_dead_vertices_decide_but_create_nothing() -> None:
    decisions = architecture(matrix(3, (0, 1), (1, 2)), ["input", POOL, "output"])
    assert decisions["op_5"] == CONV3
    network = nas.build(make, decisions)
    assert list(network.cells[0].parts) == ["1", "input1"]


@pytest.mark.slow
@pytest.mark.skipif(not TABLE.exists(), reason="the table of NAS-Bench-101 is not here")
def test_members_of_the_whole_table_have_its_parameters() -> None:
    table = arrays(TABLE)
    for row in random.Random(0).sample(range(len(table["params"])), 60):
        count, bits, code = (int(table[name][row]) for name in ("num_vertices", "adj_bits", "ops_base3"))
        edges = [(x, y) for y in range(count) for x in range(y) if bits >> (x + y * (y - 1) // 2) & 1]
        operations = ["input", *(OPERATIONS[code // 3**j % 3] for j in range(count - 2)), "output"]
        assert parameters(architecture(matrix(count, *edges), operations)) == table["params"][row]
