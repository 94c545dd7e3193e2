"""Tables of experiments and trials for the terminal; in a pipe the same columns without colour or cutting."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from nascore.cli.duration import format_duration
from nascore.cli.screen import LINE_WIDTH, data_console, printable
from nascore.cli.source import Listed
from nascore.cli.wording import (
    STATE_STYLES,
    alike_paths,
    architecture_text,
    count_text,
    counts_text,
    duration_of,
    limits_text,
    metric,
    metrics_of,
    name_text,
    objective_text,
    progress_text,
    state_text,
    time_text,
)
from nascore.record import EndReason, ExperimentRecord, Objective, TrialRecord

_LEAST_ROOM = 40
_LONGEST_TUNER = 28
_WIDE = 110


def table_of(*columns: str, right: Sequence[str] = (), wide: Sequence[str] = ()) -> Table:
    """Return an empty table in the house style; ``right`` columns are aligned right, ``wide`` ones give way."""
    box, gap = (SIMPLE_HEAD, 1) if sys.stdout.isatty() else (None, 2)  # a box adds one space itself
    table = Table(box=box, header_style="bold", pad_edge=False, show_edge=False, padding=(0, gap, 0, 0))
    for column in columns:
        # rich narrows columns that may wrap before it touches the others.
        table.add_column(column, justify="right" if column in right else "left", no_wrap=column not in wide)
    return table


def one_line(*parts: str | tuple[str, str]) -> Text:
    """Return a cell that is cut where its column ends, never wrapped."""
    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis")


def state(text: str) -> Text:
    """Return a state in its colour."""
    style = STATE_STYLES.get(text.partition(":")[0], "yellow")
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")


def experiments_table(rows: Sequence[Listed]) -> Table:
    """Return the table of ``nascore ls``; on a narrow terminal in fewer words."""
    is_narrow = sys.stdout.isatty() and data_console().width < _WIDE
    columns = ("id", "name", "state", "tuner", "trials", "best", "time", "created")
    table = table_of(*columns, right=("trials", "time"), wide=("name", "state", "tuner", "best"))
    for row in rows:
        record = row.record
        table.add_row(
            Text(record.id, style="bold"),
            one_line(printable(name_text(record))),
            state(_short_state(row)),
            one_line(_shortened(printable(record.spec.tuner))),
            progress_text(record),
            one_line(_best_text(row, has_name=not is_narrow)),
            format_duration(record.elapsed_s),
            time_text(record.created_at)[5:16] if is_narrow else time_text(record.created_at),
        )
    return table


def _short_state(row: Listed) -> str:
    is_failed = row.record.end_reason is EndReason.FAILED
    return "failed" if is_failed else state_text(row.record, is_held=row.is_held).partition(":")[0]


def _shortened(tuner: str) -> str:
    """Return a name as it is, and of a long command its beginning and its end."""
    half = _LONGEST_TUNER // 2
    return tuner if len(tuner) <= _LONGEST_TUNER else f"{tuner[:half]}…{tuner[-half + 1 :]}"


def _best_text(row: Listed, *, has_name: bool) -> str:
    objectives = row.record.spec.objectives
    if not row.best:
        return ""
    if len(objectives) > 1:
        return f"front of {len(row.best)}"
    name = objectives[0].metric
    value = metric(metrics_of(row.best[0])[name])
    return f"{printable(name)} {value}" if has_name else value


def trials_table(trials: Sequence[TrialRecord], objectives: Sequence[Objective], *, now: float) -> Table:
    """Return the table of trials: objectives first, then the other metrics that fit, then the architecture."""
    names = metric_names(trials, objectives)
    alike = alike_paths(trials)
    room = None if sys.stdout.isatty() else _room(names)  # a terminal cuts by itself
    table = table_of("trial", "state", *names, "time", "tried", right=("trial", "time", *names), wide=("tried",))
    for trial in trials:
        metrics = metrics_of(trial)
        failure = trial.outcome.failure if trial.outcome is not None else None
        tried = printable(architecture_text(trial, room=room, alike=alike))
        table.add_row(
            str(trial.number),
            state(trial.state.value),
            *(metric(metrics[name]) if name in metrics else "" for name in names),
            duration_of(trial, now),
            one_line(tried)
            if failure is None
            else one_line((_first_line(failure.message), "red"), "  ", (tried, "dim")),
        )
    return table


def _room(names: Sequence[str]) -> int:
    taken = len("trial  infeasible  59 min 59 s  ") + sum(max(len(name), len("-0.123457")) + 2 for name in names)
    return max(_LEAST_ROOM, LINE_WIDTH - taken)


def _first_line(text: str) -> str:
    return printable(text.partition("\n")[0])


def metric_names(trials: Sequence[TrialRecord], objectives: Sequence[Objective]) -> list[str]:
    """Return the names of all metrics, objectives first."""
    found = {name: None for trial in trials for name in metrics_of(trial)}
    first = [objective.metric for objective in objectives]
    return [*first, *sorted(name for name in found if name not in first)]


def facts_table(rows: Sequence[tuple[str, str | Text]]) -> Table:
    """Return names and values one below the other; empty values are left out."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for name, value in rows:
        if value:
            table.add_row(Text(name, style="cyan"), value if isinstance(value, Text) else printable(value))
    return table


def experiment_facts(record: ExperimentRecord, *, is_held: bool) -> list[tuple[str, str | Text]]:
    """Return what there is to say about an experiment."""
    settings = "  ".join(f"{key}={value}" for key, value in record.spec.settings.items())
    return [
        ("experiment", Text.assemble((record.id, "bold"), f"  {printable(name_text(record))}")),
        ("state", state(state_text(record, is_held=is_held))),
        ("trouble", Text(printable(record.trouble), style="red")),
        ("tuner", record.spec.tuner),
        ("settings", settings),
        ("objectives", ", ".join(objective_text(objective) for objective in record.spec.objectives)),
        ("limits", limits_text(record.spec.limits)),
        ("seed", "" if record.spec.seed is None else str(record.spec.seed)),
        ("space", _space_text(record)),
        ("trials", counts_text(record)),
        ("running time", format_duration(record.elapsed_s)),
        ("created", time_text(record.created_at)),
    ]


def _space_text(record: ExperimentRecord) -> str:
    space = record.spec.space
    if space is None:
        return "not known before the first worker tells it"
    decisions = count_text(len(space.decisions), "decision")
    return f"{space.size()} architectures, {decisions}, fingerprint {space.fingerprint[:12]}"


def architecture_table(trial: TrialRecord) -> Table:
    """Return the decisions of a trial, one a row."""
    table = Table.grid(padding=(0, 2, 0, 0))
    architecture = trial.architecture
    for path, value in (architecture or {}).items():
        shown = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
        table.add_row(Text(printable(path), style="cyan"), printable(shown))
    return table
