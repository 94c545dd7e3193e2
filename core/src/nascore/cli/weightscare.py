"""``nascore weights export`` and ``gc``: taking tensors out of a store, and making room in it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from nascore.cli.duration import parse_duration
from nascore.cli.options import Parsed
from nascore.cli.screen import emit_document
from nascore.cli.verb import Verb, json_option
from nascore.cli.weightschosen import LAST, Chosen
from nascore.cli.weightsplace import NAMES_NO_STORE, of_store, of_whole_store
from nascore.cli.wording import count_text
from nascore.errors import UnsupportedError
from nascore.weights import Collected, WeightStore
from nascore.weights.contract import STALE_AFTER_S
from nascore.weights.durable import sync_folder, write_file
from nascore.weights.safetensors import file_parts


@click.command("export", cls=Verb)
@click.argument("checkpoint", default=LAST)
@click.option(
    "-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The safetensors file."
)
@click.option("--key", "keys", multiple=True, metavar="KEY", help="Only this tensor; may be repeated.")
@of_store
def export(chosen: Chosen, *, checkpoint: str, output: Path, keys: tuple[str, ...]) -> None:
    """Write a checkpoint's tensors as one safetensors file, every byte proven.

    A file that is there already is replaced, in one step.
    """
    tensors = chosen.weights.get(chosen.find(checkpoint), keys=keys or None)
    write_file(output, file_parts(tensors))
    sync_folder(output.absolute().parent)
    click.echo(str(output))


@click.command("gc", cls=Verb, context_settings=NAMES_NO_STORE)
@of_whole_store
@click.option("--dry-run", "is_rehearsal", is_flag=True, help="Only say what would be removed.")
@click.option(
    "--stale-after",
    type=Parsed("duration", parse_duration),
    help="Age from which an upload that nobody continued is removed.  [default: 1d]",
)
@json_option
def gc(chosen: Chosen, *, stale_after: float | None, is_rehearsal: bool, as_json: bool) -> None:
    """Remove what no checkpoint names; what is named is never touched."""
    collect = _rehearsed(chosen) if is_rehearsal else chosen.weights.collect
    removed = collect(stale_after_s=STALE_AFTER_S if stale_after is None else stale_after)
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
