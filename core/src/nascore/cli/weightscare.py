"""``nascore weights export``, ``gc`` and ``verify``: taking tensors out of a store, making room in it, proving it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from nascore.cli.duration import parse_duration
from nascore.cli.failure import FAILED
from nascore.cli.options import Parsed
from nascore.cli.screen import emit_document, printable, say, show
from nascore.cli.tables import table_of
from nascore.cli.verb import Verb, json_option
from nascore.cli.weightschosen import LAST, Chosen
from nascore.cli.weightsplace import NAMES_NO_STORE, chosen_store, experiment_option, store_options
from nascore.cli.wording import count_text
from nascore.errors import UnsupportedError
from nascore.weights import Collected, Damage, WeightStore
from nascore.weights.contract import STALE_AFTER_S
from nascore.weights.durable import sync_folder, write_file
from nascore.weights.safetensors import file_parts

_MEND = (
    "Restore what is named from a copy. Without one, find the checkpoints that need it (`nascore weights verify ID` "
    "says which do), `nascore weights release` them, and run `nascore weights gc`; a second put of the same tensors "
    "brings a missing file back. A damaged index: `nascore weights reindex` makes it anew."
)


@click.command("export", cls=Verb)
@click.argument("checkpoint", default=LAST)
@click.option(
    "-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The safetensors file."
)
@click.option("--key", "keys", multiple=True, metavar="KEY", help="Only this tensor; may be repeated.")
@store_options
@experiment_option
@click.pass_context
def export(
    context: click.Context,
    *,
    checkpoint: str,
    output: Path,
    keys: tuple[str, ...],
    store: str | None,
    server: str | None,
    token_file: Path | None,
    experiment: str,
) -> None:
    """Write a checkpoint's tensors as one safetensors file, every byte proven.

    A file that is there already is replaced, in one step.
    """
    with chosen_store(context, store, server=server, token_file=token_file, experiment=experiment) as chosen:
        tensors = chosen.weights.get(chosen.find(checkpoint), keys=keys or None)
    write_file(output, file_parts(tensors))
    sync_folder(output.absolute().parent)
    click.echo(str(output))


@click.command("gc", cls=Verb, context_settings=NAMES_NO_STORE)
@store_options
@click.option("--dry-run", "is_rehearsal", is_flag=True, help="Only say what would be removed.")
@click.option(
    "--stale-after",
    type=Parsed("duration", parse_duration),
    help="Age from which an upload that nobody continued is removed.  [default: 1d]",
)
@json_option
@click.pass_context
def gc(
    context: click.Context,
    *,
    store: str | None,
    server: str | None,
    token_file: Path | None,
    stale_after: float | None,
    is_rehearsal: bool,
    as_json: bool,
) -> None:
    """Remove what no checkpoint names; what is named is never touched."""
    with chosen_store(context, store, server=server, token_file=token_file) as chosen:
        age_s = STALE_AFTER_S if stale_after is None else stale_after
        collect = _rehearsed(chosen) if is_rehearsal else chosen.weights.collect
        removed = collect(stale_after_s=age_s)
    if as_json:
        emit_document({"files": removed.files, "stagings": removed.stagings, "bytes": removed.bytes})
    else:
        files, uploads = count_text(removed.files, "file"), count_text(removed.stagings, "stale upload")
        click.echo(f"{'Would remove' if is_rehearsal else 'Removed'} {files} and {uploads}: {removed.bytes:,} bytes.")


def _rehearsed(chosen: Chosen) -> Callable[..., Collected]:
    if not isinstance(chosen.weights, WeightStore):
        raise UnsupportedError(
            f"--dry-run looks at a store itself, not at that of the server {chosen.where}.",
            hint="Run it where the store is, with --store. Without --dry-run the server does the work.",
        )
    return partial(chosen.weights.collect, is_rehearsal=True)


@click.command("verify", cls=Verb)
@click.argument("checkpoint", default="")
@store_options
@experiment_option
@json_option
@click.pass_context
def verify(
    context: click.Context,
    *,
    checkpoint: str,
    store: str | None,
    server: str | None,
    token_file: Path | None,
    experiment: str,
    as_json: bool,
) -> None:
    """Prove every stored byte, or those of one checkpoint; exits 1 if anything is damaged."""
    with chosen_store(context, store, server=server, token_file=token_file, experiment=experiment) as chosen:
        damages = chosen.weights.verify(chosen.find(checkpoint) if checkpoint else "")
    if as_json:
        emit_document([{"place": damage.place, "what": damage.what} for damage in damages])
    elif damages:
        _show_damages(damages)
    else:
        click.echo("Every byte is what was written.")
    if damages:
        context.exit(FAILED)


def _show_damages(damages: tuple[Damage, ...]) -> None:
    table = table_of("where", "what", wide=("what",))
    for damage in damages:
        table.add_row(printable(damage.place), printable(damage.what))
    show(table)
    say(f"{count_text(len(damages), 'damage')}. {_MEND}")
