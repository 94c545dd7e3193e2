"""What the benchmark measured for an architecture of its space: accuracy after 200 epochs, and its rank.

    python look_up.py nasbench201.csv.gz architecture.json

The table has a column `arch` with the benchmark's names, and `c10_test_e200` with accuracies in percent.
"""

import csv
import gzip
import json
import sys
from pathlib import Path

COLUMN = "c10_test_e200"
EDGES = [[(source, node) for source in range(node)] for node in (1, 2, 3)]


def name_of(architecture):
    """The benchmark's name of an architecture: {"edge_0_1": "nor_conv_3x3", ...}."""
    nodes = (
        "".join(f"|{architecture[f'edge_{source}_{node}']}~{source}" for source, node in edges) + "|" for edges in EDGES
    )
    return "+".join(nodes)


def look_up(table, architecture):
    """Accuracy in percent, rank from 1, and how many architectures there are."""
    with gzip.open(table, "rt", newline="") as file:
        accuracies = {row["arch"]: float(row[COLUMN]) for row in csv.DictReader(file)}
    accuracy = accuracies[name_of(architecture)]
    return accuracy, 1 + sum(other > accuracy for other in accuracies.values()), len(accuracies)


if __name__ == "__main__":
    _, table, architecture = sys.argv
    chosen = json.loads(Path(architecture).read_text(encoding="utf-8"))
    accuracy, rank, count = look_up(table, chosen)
    sys.stdout.write(
        f"{name_of(chosen)}: {accuracy:.2f} % on CIFAR-10 (test, 200 epochs), rank {rank:,} of {count:,}\n"
    )
