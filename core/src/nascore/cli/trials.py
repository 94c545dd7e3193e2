"""``nascore trials``: the trials of an experiment, filtered and sorted."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import click

from nascore.cli.failure import WrongUsageError
from nascore.cli.options import Count
from nascore.cli.screen import emit_document, say, show
from nascore.cli.source import choose_records, server_options
from nascore.cli.suggestion import did_you_mean
from nascore.cli.tables import metric_names, trials_table
from nascore.cli.verb import Verb, experiment_argument, json_option
from nascore.cli.wording import metrics_of
from nascore.record import Direction, Objective, TrialRecord, TrialState
from nascore.record.jsonform import trial_to_json

_COLUMNS = ("number", "time")


@click.command("trials", cls=Verb)
@experiment_argument
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice([state.value for state in TrialState]),
    help="Only trials in this state; may be repeated.",
)
@click.option("--sort", metavar="METRIC", help="Sort by a metric, best first; or by `number` or `time`.")
@click.option("--reverse", "is_reversed", is_flag=True, help="Turn the order round.")
@click.option("-n", "count", type=Count(), metavar="N", help="At most so many.")
@server_options
@json_option
@click.pass_context
def command(
    context: click.Context,
    *,
    experiment: str,
    states: tuple[str, ...],
    sort: str | None,
    is_reversed: bool,
    count: int | None,
    server: str | None,
    token_file: Path | None,
    as_json: bool,
) -> None:
    """List the trials of an experiment.

    ID is an id, the beginning of one, a name, or `last` (the default).
    """
    found = choose_records(context, server=server, token_file=token_file).find(experiment)
    objectives = found.record.spec.objectives
    chosen = [trial for trial in found.trials if not states or trial.state.value in states]
    if sort is not None:
        chosen = sorted_trials(chosen, objectives, by=sort)
    shown = (chosen[::-1] if is_reversed else chosen)[:count]
    if as_json:
        emit_document([trial_to_json(trial) for trial in shown])
    elif shown:
        show(trials_table(shown, objectives, now=time.time()))
    else:
        say(f"Experiment {found.record.id} has no trials{' in that state' if states else ' yet'}.")


def sorted_trials(trials: Sequence[TrialRecord], objectives: Sequence[Objective], *, by: str) -> list[TrialRecord]:
    """Return trials sorted by a metric (best first), by number or by time; those without it come last.

    Raises:
        WrongUsageError: If no trial has that metric.
    """
    if by == "number":
        return sorted(trials, key=lambda trial: trial.number)
    if by == "time":
        return sorted(trials, key=lambda trial: trial.outcome.duration_s if trial.outcome is not None else -1.0)
    names = metric_names(trials, objectives)
    if by not in names:
        known = [*names, *_COLUMNS]
        fix = did_you_mean(by, known) or f"There are {', '.join(known)}."
        raise WrongUsageError(f"--sort: no trial has the metric `{by}`.", fix=fix)
    smaller_first = any(item.metric == by and item.direction is Direction.MINIMIZE for item in objectives)
    sign = 1.0 if smaller_first else -1.0
    with_metric = [trial for trial in trials if by in metrics_of(trial)]
    without = [trial for trial in trials if by not in metrics_of(trial)]
    return [*sorted(with_metric, key=lambda trial: sign * metrics_of(trial)[by]), *without]
