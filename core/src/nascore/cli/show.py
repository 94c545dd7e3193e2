"""``nascore show``: one experiment, its settings, state and best trial."""

from __future__ import annotations

from pathlib import Path

import click
from rich.text import Text

from nascore.cli.documents import experiment_document
from nascore.cli.failure import WrongUsageError
from nascore.cli.runfile import read_run_file
from nascore.cli.screen import emit_document, printable, show
from nascore.cli.source import Found, choose_records, server_options
from nascore.cli.tables import architecture_table, experiment_facts, facts_table
from nascore.cli.trusttable import show_trust
from nascore.cli.tunerlimits import tuner_limits_text
from nascore.cli.tuners import level_of
from nascore.cli.verb import Verb, experiment_argument, json_option
from nascore.cli.wording import metrics_text
from nascore.errors import NascoreError
from nascore.record import Mode, TrialRecord
from nascore.record.jsonform import trial_to_json
from nascore.record.trust import trust_report, trust_to_json


@click.command("show", cls=Verb)
@experiment_argument
@click.option("--trust", "is_trust", is_flag=True, help="One-shot: the network found, beside its baselines.")
@server_options
@json_option
@click.pass_context
def command(
    context: click.Context,
    *,
    experiment: str,
    is_trust: bool,
    server: str | None,
    token_file: Path | None,
    as_json: bool,
) -> None:
    """Show one experiment: settings, state, best.

    ID is an id, the beginning of one, a name, or `last` (the default).
    """
    records = choose_records(context, server=server, token_file=token_file)
    found = records.find(experiment)
    if is_trust:
        _show_trust(found, as_json=as_json)
        return
    best = records.best(found, 1)
    if as_json:
        document = experiment_document(found.record, is_held=found.is_held)
        emit_document({**document, "best": [trial_to_json(trial) for trial in best]})
    else:
        _print(found, best)


def _tuner_limits(found: Found) -> str:
    """Return what was said of the tuner's limits; empty for nothing, and where nobody here knows."""
    if found.folder is None:
        return ""
    try:
        return tuner_limits_text(read_run_file(found.folder).tuner_limits)
    except (NascoreError, OSError):  # Of another door than `nascore run`; its record is shown all the same.
        return ""


def _show_trust(found: Found, *, as_json: bool) -> None:
    if found.record.spec.mode is not Mode.ONE_SHOT:
        raise WrongUsageError(
            f"Experiment {found.record.id} trained no supernet, so there is no trust report.",
            fix="`nascore best` shows what it found.",
        )
    if as_json:
        emit_document(trust_to_json(trust_report(found.record, found.trials)))
    else:
        show_trust(found.record, found.trials)


def _print(found: Found, best: tuple[TrialRecord, ...]) -> None:
    facts = experiment_facts(found.record, is_held=found.is_held)
    place = next(place for place, (name, _) in enumerate(facts, 1) if name == "tuner")
    # Of an address nothing is known here before its tuner is started, and of a server's plugins nothing at all.
    level = level_of(found.record.spec.tuner) if found.folder is not None else ""
    facts[place:place] = [("after a crash", level), ("tuner may take", _tuner_limits(found))]
    facts.append(("record", str(found.folder) if found.folder is not None else "on the server"))
    show(facts_table(facts))
    if len(best) == 1:
        measured = printable(metrics_text(best[0], found.record.spec.objectives))
        show(Text.assemble("\n", ("best", "bold green"), f"  trial {best[0].number}  ", (measured, "bold")))
        show(architecture_table(best[0]))
    elif best:
        show(f"\nThe Pareto front has {len(best)} trials; see `nascore best {found.record.id} --pareto`.")
