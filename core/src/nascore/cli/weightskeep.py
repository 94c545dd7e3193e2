"""``nascore weights pin``, ``unpin``, ``unname`` and ``release``: which checkpoints are kept.

Not here: making room, which comes after (``nascore weights gc``).
"""

from __future__ import annotations

from pathlib import Path

import click

from nascore.cli.screen import printable, say
from nascore.cli.verb import Verb
from nascore.cli.weightsplace import chosen_store, experiment_option, store_options
from nascore.cli.weightswording import short_id
from nascore.cli.wording import count_text

_several = click.argument("checkpoints", metavar="CHECKPOINT...", nargs=-1, required=True)


@click.command("pin", cls=Verb)
@_several
@store_options
@experiment_option
@click.pass_context
def pin(
    context: click.Context,
    *,
    checkpoints: tuple[str, ...],
    store: str | None,
    server: str | None,
    token_file: Path | None,
    experiment: str,
) -> None:
    """Keep checkpoints from being released, by hand or because others are better."""
    with chosen_store(context, store, server=server, token_file=token_file, experiment=experiment) as chosen:
        for found in chosen.find_all(checkpoints):
            chosen.weights.pin(found)
            click.echo(f"Pinned {short_id(found)}.")


@click.command("unpin", cls=Verb)
@_several
@store_options
@experiment_option
@click.pass_context
def unpin(
    context: click.Context,
    *,
    checkpoints: tuple[str, ...],
    store: str | None,
    server: str | None,
    token_file: Path | None,
    experiment: str,
) -> None:
    """Let pinned checkpoints be released again."""
    with chosen_store(context, store, server=server, token_file=token_file, experiment=experiment) as chosen:
        for found in chosen.find_all(checkpoints):
            chosen.weights.pin(found, is_pinned=False)
            click.echo(f"Unpinned {short_id(found)}.")


@click.command("unname", cls=Verb)
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@store_options
@experiment_option
@click.pass_context
def unname(
    context: click.Context,
    *,
    names: tuple[str, ...],
    store: str | None,
    server: str | None,
    token_file: Path | None,
    experiment: str,
) -> None:
    """Remove names; the checkpoints that they point to stay."""
    with chosen_store(context, store, server=server, token_file=token_file, experiment=experiment) as chosen:
        for one in [chosen.find_name(name) for name in dict.fromkeys(names)]:
            chosen.weights.unname(one.experiment, one.name, if_match=one.etag)
            click.echo(f"{printable(one.name)} no longer points to {short_id(one.checkpoint)}.")


@click.command("release", cls=Verb)
@_several
@store_options
@experiment_option
@click.pass_context
def release(
    context: click.Context,
    *,
    checkpoints: tuple[str, ...],
    store: str | None,
    server: str | None,
    token_file: Path | None,
    experiment: str,
) -> None:
    """Give checkpoints up; `nascore weights gc` then makes the room.

    One that is pinned, or that has a name, is not released: `unpin` and `unname` come first. With `--experiment` only
    that one gives them up.
    """
    with chosen_store(context, store, server=server, token_file=token_file, experiment=experiment) as chosen:
        found = chosen.find_all(checkpoints)
        for one in found:
            chosen.weights.release(one, experiment=experiment)
            click.echo(f"Released {short_id(one)}.")
    say(f"{count_text(len(found), 'checkpoint')} released; `nascore weights gc` makes the room.")
