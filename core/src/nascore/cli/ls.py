"""``nascore ls``: all experiments, newest first."""

from __future__ import annotations

from pathlib import Path

import click

from nascore.cli.documents import experiment_document
from nascore.cli.screen import emit_document, say, show
from nascore.cli.source import Listed, choose_records, server_options
from nascore.cli.tables import experiments_table
from nascore.cli.verb import Verb, json_option
from nascore.record.jsonform import trial_to_json


@click.command("ls", cls=Verb)
@server_options
@json_option
@click.pass_context
def command(context: click.Context, *, server: str | None, token_file: Path | None, as_json: bool) -> None:
    """List experiments, newest first."""
    rows = choose_records(context, server=server, token_file=token_file).list()
    if as_json:
        emit_document([_document(row) for row in rows])
    elif rows:
        show(experiments_table(rows))
    else:
        say("No experiments yet. Begin with `nascore hello`, then `nascore run trial.py`.")


def _document(row: Listed) -> dict[str, object]:
    best = [trial_to_json(trial) for trial in row.best]
    return {**experiment_document(row.record, is_held=row.is_held), "best": best}
