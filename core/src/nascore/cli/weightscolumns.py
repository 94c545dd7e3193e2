"""Columns of tables of checkpoints: their metrics, as many as there is room for.

Not here: what a table is about (``nascore.cli.weightslist``), and how tables look (``nascore.cli.tables``).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence

from nascore.cli.screen import data_console, printable, say, show
from nascore.cli.tables import table_of
from nascore.cli.wording import metric

_GAP = 2
_LEAST_ROOM = 16

Columns = list[tuple[str, list[str]]]
"""Headings and the cells below; metrics may be called as other columns are."""


def metric_names(told: Iterable[Mapping[str, float]], *, first: str = "") -> list[str]:
    """Return the names of all metrics as they are met, those that most have before others; ``first`` before all."""
    counts: dict[str, int] = {}
    for metrics in told:
        for name in metrics:
            counts[name] = counts.get(name, 0) + 1
    return sorted(counts, key=lambda name: (name != first, -counts[name]))


def metric_columns(told: Sequence[Mapping[str, float]], names: Iterable[str]) -> Columns:
    """Return a column for each metric; empty cells where there is none."""
    return [(printable(name), [metric(metrics[name]) if name in metrics else "" for metrics in told]) for name in names]


def show_fitting(
    make: Callable[[Sequence[str]], Columns], metrics: Sequence[str], *, texts: Sequence[str], wide: str
) -> None:
    """Print a table; on a terminal that is too narrow without the last metrics, which are named below.

    Args:
        make: Returns the columns of a table with these metrics.
        metrics: All metrics, the most important one first; that one stays.
        texts: Columns that are no numbers.
        wide: The one of them that gives way before metrics do.
    """
    shown = list(metrics)
    columns = make(shown)
    while sys.stdout.isatty() and len(shown) > 1 and _width(columns, wide) > data_console().width:
        shown.pop()
        columns = make(shown)
    headings = [heading for heading, _ in columns]
    table = table_of(*headings, right=[heading for heading in headings if heading not in texts], wide=(wide,))
    for cells in zip(*(cells for _, cells in columns), strict=True):
        table.add_row(*cells)
    show(table)
    if left_out := metrics[len(shown) :]:
        say(f"There is no room for {', '.join(map(printable, left_out))}. A wider terminal or --json shows all.")


def _width(columns: Columns, wide: str) -> int:
    """Return the characters that columns need; the wide one is narrowed down to a few."""
    widths = [max(map(len, (heading, *cells))) for heading, cells in columns]
    least = [min(width, _LEAST_ROOM) if columns[place][0] == wide else width for place, width in enumerate(widths)]
    return sum(least) + _GAP * (len(least) - 1)
