"""``nascore weights reindex``: the index of a store made anew from its files."""

from __future__ import annotations

import click

from nascore.cli.verb import Verb
from nascore.cli.weightschosen import Chosen
from nascore.cli.weightsplace import NAMES_NO_STORE, of_whole_store
from nascore.cli.wording import count_text
from nascore.errors import UnsupportedError
from nascore.weights import IndexedStore


@click.command("reindex", cls=Verb, context_settings=NAMES_NO_STORE)
@of_whole_store
def reindex(chosen: Chosen) -> None:
    """Make the index of a store anew from its files, for one that is damaged.

    Nothing else is touched: checkpoints, names and pins are in the files. For a URL it is the index of this machine.
    """
    if not isinstance(chosen.weights, IndexedStore):
        raise UnsupportedError(
            f"The index is made anew where the store is, not by its server {chosen.where}.",
            hint="On the machine of the server: `nascore weights reindex --store WHERE`.",
        )
    chosen.weights.rebuild()
    count = sum(1 for _ in chosen.listed())
    click.echo(f"Made the index of {chosen.where} anew: {count_text(count, 'checkpoint')}.")
