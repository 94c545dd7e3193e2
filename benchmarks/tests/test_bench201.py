"""The table of NAS-Bench-201: what random search finds there is computed, not drawn."""

import gzip
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench201 import Bench201

NAME = "|{0}~0|+|{0}~0|{0}~1|+|{0}~0|{0}~1|{0}~2|"
ROWS = {"none": (10.0, 30.0), "skip_connect": (54.0, 20.0), "nor_conv_3x3": (93.0, 40.0), "avg_pool_3x3": (70.0, 35.0)}


@pytest.fixture
def cells(tmp_path):
    lines = ["arch,c10_test_e200,c10_val_e12"]
    lines += [f"{NAME.format(name)},{accuracy},{validation}" for name, (accuracy, validation) in ROWS.items()]
    path = tmp_path / "table.csv.gz"
    with gzip.open(path, "wt") as file:
        file.write("\n".join(lines))
    return Bench201(path)


def test_cell_is_found_by_its_decisions_and_ranked_by_its_accuracy(cells):
    found = cells.cell({f"edge_{source}_{node}": "skip_connect" for node in (1, 2, 3) for source in range(node)})
    assert (found.accuracy, cells.rank(found), cells.size) == (54.0, 3, 4)


def test_one_random_cell_is_the_mean_and_many_are_the_one_that_validates_best(cells):
    assert cells.random(1) == pytest.approx(sum(accuracy for accuracy, _ in ROWS.values()) / 4)
    assert cells.random(1000) == pytest.approx(93.0)


def test_best_of_two_is_weighed_by_how_often_it_is_drawn(cells):
    by_validation = sorted(ROWS.values(), key=lambda pair: pair[1])
    pairs = [max(first, second, key=lambda pair: pair[1]) for first in by_validation for second in by_validation]
    assert cells.random(2) == pytest.approx(sum(accuracy for accuracy, _ in pairs) / 16)
