"""Control: pause, resume and stop, told to the process that holds an experiment, or written down where nobody does."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from nascore.cli.hosting import Listening, new_request_id, opened
from nascore.cli.screen import say
from nascore.cli.source import known_database, server_client
from nascore.cli.wording import state_text
from nascore.client import Client
from nascore.errors import HeldError
from nascore.experiment import archive
from nascore.journal import Holder, Location, read_holder
from nascore.record import ExperimentAction, ExperimentRecord, ExperimentState, Limits

_PATIENCE_S = 5.0


def apply_action(
    home: Path, identifier: str, *, action: ExperimentAction, server: str | None, token_file: Path | None
) -> ExperimentRecord:
    """Pause, resume or stop an experiment, and return it as it then is.

    Raises:
        NotFoundError: If there is none of that name.
        StateError: If it cannot be done in its present state.
    """
    if server:
        with server_client(server, token_file) as client:
            return client.update(identifier, action=action)
    found = archive.load(home, identifier, known=known_database())
    holder = read_holder(found.database)
    if holder is None:
        return asyncio.run(_write(found.database, found.record.id, action))
    return tell_holder(holder, found.record.id, action=action)


def tell_holder(
    holder: Holder, identifier: str, *, action: ExperimentAction | None = None, limits: Limits | None = None
) -> ExperimentRecord:
    """Tell the process that holds an experiment what to do, and return the experiment as it then is.

    Raises:
        HeldError: If that process does not serve, because it is just beginning or ending.
    """
    if not holder.address:
        raise HeldError(
            f"Process {holder.pid} on {holder.host} holds the experiment and cannot be told anything at present.",
            hint="Try again in a moment.",
        )
    with Client(holder.address, token_file=holder.token_file, patience_s=_PATIENCE_S) as client:
        return client.update(identifier, action=action, limits=limits)


async def _write(database: Location, identifier: str, action: ExperimentAction) -> ExperimentRecord:
    async with opened(database, notice=say, listening=Listening()) as experiments:
        return await experiments.get(identifier).update(new_request_id(), action=action)


def show_action(record: ExperimentRecord, *, done: str) -> None:
    """Say what was done, or that it had ended before."""
    if record.state is ExperimentState.FINISHED:
        click.echo(f"{record.id} has ended already: {state_text(record)}.")
        return
    click.echo(f"{record.id} is {done}.")
    say(f"Go on with `nascore resume {record.id}`.")
