"""The table of NAS-Bench-201 on CIFAR-10: what each of the 15,625 cells reaches, and what random search finds there.

Dong, Yang: NAS-Bench-201, ICLR 2020. Not here: searches (``nasbench201_oneshot``).
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

from nas_trial.hub import nasbench201

ACCURACY = "c10_test_e200"
VALIDATION = "c10_val_e12"


@dataclass(frozen=True, slots=True)
class Cell:
    """One row of the table.

    Attributes:
        name: As the benchmark calls it.
        accuracy: On the test images after 200 epochs, in percent.
        validation: On the validation images after 12 epochs, in percent; by this random search chooses.
    """

    name: str
    accuracy: float
    validation: float


class Bench201:
    """The table.

    Args:
        path: A gzipped CSV file with the columns ``arch``, ``c10_test_e200`` and ``c10_val_e12``.
    """

    def __init__(self, path: Path) -> None:
        with gzip.open(path, "rt", newline="") as file:
            rows = [Cell(row["arch"], float(row[ACCURACY]), float(row[VALIDATION])) for row in csv.DictReader(file)]
        self._cells = {_key(nasbench201.architecture(cell.name)): cell for cell in rows}
        self._by_validation = sorted(rows, key=lambda cell: cell.validation)
        self._accuracies = [cell.accuracy for cell in rows]

    @property
    def size(self) -> int:
        """How many cells there are."""
        return len(self._accuracies)

    def cell(self, architecture: Mapping[str, object]) -> Cell:
        """Return the row of an architecture, ``{"edge_0_1": "nor_conv_3x3", ...}``."""
        return self._cells[_key(architecture)]

    def rank(self, cell: Cell) -> int:
        """Return how many cells are better, and 1."""
        return 1 + sum(other > cell.accuracy for other in self._accuracies)

    def random(self, count: int) -> float:
        """Return the mean accuracy of the cell that validates best of ``count`` drawn at random, exactly.

        The cell of rank i among M by validation is the best with probability (i/M)^count - ((i-1)/M)^count.
        """
        shares = [(index / self.size) ** count for index in range(self.size + 1)]
        return sum(
            (shares[index + 1] - shares[index]) * cell.accuracy for index, cell in enumerate(self._by_validation)
        )

    def landmarks(self) -> dict[str, float]:
        """Return the accuracies by which others are judged, by what they are."""
        return {
            "optimum": max(self._accuracies),
            "all 3x3": self._uniform("nor_conv_3x3"),
            "median": median(self._accuracies),
            "mean": mean(self._accuracies),
            "all skip": self._uniform("skip_connect"),
        }

    def _uniform(self, operation: str) -> float:
        return self.cell({f"edge_{source}_{node}": operation for source, node in nasbench201.EDGES}).accuracy


def _key(architecture: Mapping[str, object]) -> tuple[object, ...]:
    return tuple(architecture[f"edge_{source}_{node}"] for source, node in nasbench201.EDGES)
