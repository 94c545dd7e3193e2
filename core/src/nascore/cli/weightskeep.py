"""``nascore weights pin``, ``unpin``, ``unname`` and ``release``: which checkpoints are kept.

Not here: making room, which comes after (``nascore weights gc``).
"""

from __future__ import annotations

import click

from nascore.cli.screen import printable, say
from nascore.cli.verb import Verb
from nascore.cli.weightschosen import Chosen
from nascore.cli.weightsplace import of_store
from nascore.cli.weightswording import short_id
from nascore.cli.wording import count_text

_several = click.argument("checkpoints", metavar="CHECKPOINT...", nargs=-1, required=True)


@click.command("pin", cls=Verb)
@_several
@of_store
def pin(chosen: Chosen, *, checkpoints: tuple[str, ...]) -> None:
    """Keep checkpoints from being released, by hand or because others are better."""
    for found in chosen.find_all(checkpoints):
        chosen.weights.pin(found)
        click.echo(f"Pinned {short_id(found)}.")


@click.command("unpin", cls=Verb)
@_several
@of_store
def unpin(chosen: Chosen, *, checkpoints: tuple[str, ...]) -> None:
    """Let pinned checkpoints be released again."""
    for found in chosen.find_all(checkpoints):
        chosen.weights.pin(found, is_pinned=False)
        click.echo(f"Unpinned {short_id(found)}.")


@click.command("unname", cls=Verb)
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@of_store
def unname(chosen: Chosen, *, names: tuple[str, ...]) -> None:
    """Remove names; the checkpoints that they point to stay."""
    for one in [chosen.find_name(name) for name in dict.fromkeys(names)]:
        chosen.weights.unname(one.experiment, one.name, if_match=one.etag)
        click.echo(f"{printable(one.name)} no longer points to {short_id(one.checkpoint)}.")


@click.command("release", cls=Verb)
@_several
@of_store
def release(chosen: Chosen, *, checkpoints: tuple[str, ...]) -> None:
    """Give checkpoints up; `nascore weights gc` then makes the room.

    One that is pinned, or that has a name, is not released: `unpin` and `unname` come first. With `--experiment` only
    that one gives them up.
    """
    found = chosen.find_all(checkpoints)
    for one in found:
        chosen.weights.release(one, experiment=chosen.experiment)
        click.echo(f"Released {short_id(one)}.")
    say(f"{count_text(len(found), 'checkpoint')} released; `nascore weights gc` makes the room.")
