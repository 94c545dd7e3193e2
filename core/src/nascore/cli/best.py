"""``nascore best``: the best trials, or the Pareto front of several objectives."""

from __future__ import annotations

import time
from pathlib import Path

import click

from nascore.cli.options import Count
from nascore.cli.screen import emit_document, say, show
from nascore.cli.source import Found, choose_records, server_options
from nascore.cli.tables import architecture_table, trials_table
from nascore.cli.trials import sorted_trials
from nascore.cli.verb import Verb, experiment_argument, json_option
from nascore.record import TrialRecord, TrialState
from nascore.record.jsonform import trial_to_json


@click.command("best", cls=Verb)
@experiment_argument
@click.option("-n", "count", type=Count(), default=1, help="How many.  [default: 1]")
@click.option("--pareto", "is_pareto", is_flag=True, help="The Pareto front: trials that no other one beats in all.")
@server_options
@json_option
@click.pass_context
def command(
    context: click.Context,
    *,
    experiment: str,
    count: int,
    is_pareto: bool,
    server: str | None,
    token_file: Path | None,
    as_json: bool,
) -> None:
    """Show the best trials, or the Pareto front.

    ID is an id, the beginning of one, a name, or `last` (the default). With several objectives the best are the
    Pareto front; `-n` then counts by the first objective.
    """
    records = choose_records(context, server=server, token_file=token_file)
    found = records.find(experiment)
    best = records.best(found, 1000 if is_pareto else count)
    if len(found.record.spec.objectives) > 1 and not is_pareto:
        best = _by_first_objective(found, count)
    if as_json:
        emit_document([trial_to_json(trial) for trial in best])
    elif not best:
        say(f"No trial of {found.record.id} has succeeded yet.")
    else:
        _print(found, best)


def _by_first_objective(found: Found, count: int) -> tuple[TrialRecord, ...]:
    first = found.record.spec.objectives[:1]
    done = [trial for trial in found.trials if trial.state is TrialState.SUCCEEDED]
    return tuple(sorted_trials(done, first, by=first[0].metric)[:count])


def _print(found: Found, best: tuple[TrialRecord, ...]) -> None:
    show(trials_table(best, found.record.spec.objectives, now=time.time()))
    if len(best) == 1:
        show("")
        show(architecture_table(best[0]))
