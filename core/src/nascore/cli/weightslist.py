"""``nascore weights ls``: the checkpoints of a store, with what helps to choose one.

Not here: one checkpoint by itself (``nascore.cli.weights``), and which store it is (``nascore.cli.weightsplace``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import click

from nascore.cli.failure import WrongUsageError
from nascore.cli.options import Count, Parsed
from nascore.cli.request import parse_objective
from nascore.cli.screen import emit_document, printable, say
from nascore.cli.suggestion import did_you_mean
from nascore.cli.verb import Verb, json_option
from nascore.cli.weightschosen import Chosen
from nascore.cli.weightscolumns import Columns, metric_columns, metric_names, show_fitting
from nascore.cli.weightsplace import NAMES_NO_STORE, of_store
from nascore.cli.weightswording import short_id, size_text
from nascore.cli.wording import time_text
from nascore.record import Direction, Objective
from nascore.weights import Listed

_TEXTS = ("checkpoint", "experiment", "committed", "kept", "names")


@dataclass(frozen=True, slots=True)
class Row:
    """A checkpoint in the list.

    Attributes:
        listed: What the store says of it.
        names: Names that point to it.
    """

    listed: Listed
    names: tuple[str, ...]

    @property
    def metrics(self) -> Mapping[str, float]:
        """What it was measured by."""
        return self.listed.metrics


@click.command("ls", cls=Verb, context_settings=NAMES_NO_STORE)
@of_store
@click.option("--trial", type=Count(0), metavar="N", help="Only checkpoints of this trial.")
@click.option(
    "--sort",
    type=Parsed("metric[:max|min]", parse_objective),
    metavar="METRIC[:MAX|MIN]",
    help="Sort by a metric, best first: `accuracy`, or `loss:min`.",
)
@click.option("--reverse", "is_reversed", is_flag=True, help="Turn the order round.")
@click.option("-n", "count", type=Count(), metavar="N", help="At most so many.")
@json_option
def ls(
    chosen: Chosen,
    *,
    trial: int | None,
    sort: Objective | None,
    is_reversed: bool,
    count: int | None,
    as_json: bool,
) -> None:
    """List checkpoints, oldest first."""
    listed = list(chosen.listed(trial=trial))
    rows = _rows(chosen, listed)
    ordered = rows if sort is None else _sorted(rows, sort)
    rows = (ordered[::-1] if is_reversed else ordered)[:count]
    if as_json:
        emit_document([_document(row) for row in rows])
    elif rows:
        _show(rows, first=sort.metric if sort is not None else "")
    else:
        say(f"No checkpoints in {chosen.where}.")


def _rows(chosen: Chosen, listed: Sequence[Listed]) -> list[Row]:
    names = chosen.names({one.experiment for one in listed})
    return [Row(one, tuple(names.get((one.experiment, one.checkpoint), ()))) for one in listed]


def _sorted(rows: Sequence[Row], by: Objective) -> list[Row]:
    """Return rows best first, those without the metric last.

    Raises:
        WrongUsageError: None has the metric.
    """
    known = metric_names(row.metrics for row in rows)
    if rows and by.metric not in known:
        fix = did_you_mean(by.metric, known) or f"There are {', '.join(known) or 'no metrics'}."
        raise WrongUsageError(f"--sort: no checkpoint has the metric `{by.metric}`.", fix=fix)
    sign = 1.0 if by.direction is Direction.MINIMIZE else -1.0
    has, has_not = ([row for row in rows if (by.metric in row.metrics) is told] for told in (True, False))
    return [*sorted(has, key=lambda row: sign * row.metrics[by.metric]), *has_not]


def _show(rows: Sequence[Row], *, first: str) -> None:
    names = metric_names((row.metrics for row in rows), first=first)
    show_fitting(lambda shown: _columns(rows, shown), names, texts=_TEXTS, wide="names")


def _columns(rows: Sequence[Row], metrics: Sequence[str]) -> Columns:
    """Return the columns; what is the same for all, or there for none, has none."""
    columns = [("checkpoint", [short_id(row.listed.checkpoint) for row in rows])]
    if len({row.listed.experiment for row in rows}) > 1:
        columns.append(("experiment", [printable(row.listed.experiment) for row in rows]))
    columns.append(("trial", [str(row.listed.trial) for row in rows]))
    columns += metric_columns([row.metrics for row in rows], metrics)
    columns.append(("size", [size_text(row.listed.size) for row in rows]))
    if any(row.listed.at for row in rows):
        columns.append(("committed", [time_text(row.listed.at)[5:16] for row in rows]))
    if any(row.listed.is_pinned for row in rows):
        columns.append(("kept", ["pinned" if row.listed.is_pinned else "" for row in rows]))
    if any(row.names for row in rows):
        columns.append(("names", [printable(", ".join(row.names)) for row in rows]))
    return columns


def _document(row: Row) -> dict[str, object]:
    listed = row.listed
    return {
        "checkpoint": listed.checkpoint,
        "experiment": listed.experiment,
        "trial": listed.trial,
        "size": listed.size,
        "names": list(row.names),
        "metrics": dict(row.metrics),
        "is_pinned": listed.is_pinned,
        "committed_at": listed.at or None,
    }
