"""``nascore stop``: ends an experiment, which may be resumed."""

from __future__ import annotations

from pathlib import Path

import click

from nascore.cli.control import apply_action, show_action
from nascore.cli.source import chosen_home, server_options
from nascore.cli.verb import Verb, experiment_argument
from nascore.record import ExperimentAction


@click.command("stop", cls=Verb)
@experiment_argument
@server_options
@click.pass_context
def command(context: click.Context, *, experiment: str, server: str | None, token_file: Path | None) -> None:
    """End an experiment; it may be resumed.

    ID is an id, the beginning of one, a name, or `last` (the default).
    """
    home = chosen_home(context)
    record = apply_action(home, experiment, action=ExperimentAction.STOP, server=server, token_file=token_file)
    show_action(record, done="stopped")
