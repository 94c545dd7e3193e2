"""``nascore weights``: look at stores of checkpoints, take tensors out, care for them, and serve them."""

from __future__ import annotations

import click
from rich_click import RichGroup

from nascore.cli.screen import emit_document, printable, show
from nascore.cli.tables import facts_table, table_of
from nascore.cli.verb import Verb, json_option
from nascore.cli.weightscare import export, gc
from nascore.cli.weightschosen import LAST, Chosen
from nascore.cli.weightsindex import reindex
from nascore.cli.weightskeep import pin, release, unname, unpin
from nascore.cli.weightslineage import lineage
from nascore.cli.weightslist import ls
from nascore.cli.weightsplace import of_store
from nascore.cli.weightsserve import serve
from nascore.cli.weightsverify import verify
from nascore.cli.weightswording import short_id, size_text
from nascore.cli.wording import count_text, metric
from nascore.weights import Manifest


@click.group("weights", cls=RichGroup)
def command() -> None:
    """Look at checkpoints, take them out, care for them, serve them.

    CHECKPOINT is an id, the beginning of one, a name, or `last`.
    """


@command.command("show", cls=Verb)
@click.argument("checkpoint", default=LAST)
@of_store
@json_option
def show_one(
    chosen: Chosen,
    *,
    checkpoint: str,
    as_json: bool,
) -> None:
    """Show one checkpoint: where it came from, and its tensors."""
    found = chosen.find(checkpoint)
    manifest = chosen.weights.manifest(found)
    if as_json:
        emit_document(_manifest_document(found, manifest))
        return
    show(facts_table(_facts(found, manifest)))
    table = table_of("tensor", "type", "shape", "size", "digest", right=("size",))
    for entry in manifest.entries:
        shape = "×".join(map(str, entry.shape)) or "scalar"
        table.add_row(printable(entry.key), entry.dtype, shape, size_text(entry.size), short_id(entry.digest))
    show("", table)


for verb in (ls, lineage, export, pin, unpin, unname, release, gc, verify, reindex, serve):
    command.add_command(verb)


def _facts(checkpoint: str, manifest: Manifest) -> list[tuple[str, str]]:
    facts = [
        ("checkpoint", checkpoint),
        ("trial", str(manifest.trial)),
        ("size", f"{size_text(manifest.size)} in {count_text(len(manifest.entries), 'tensor')}"),
        ("parents", ", ".join(short_id(parent) for parent in manifest.parents) or "none"),
        ("architecture", manifest.architecture),
        ("metrics", ", ".join(f"{name} {metric(value)}" for name, value in manifest.metrics.items())),
        ("notes", ", ".join(f"{name} {value}" for name, value in manifest.notes.items())),
    ]
    return [(name, printable(text)) for name, text in facts if text]


def _manifest_document(checkpoint: str, manifest: Manifest) -> dict[str, object]:
    tensors = [
        {
            "key": entry.key,
            "dtype": entry.dtype,
            "shape": list(entry.shape),
            "size": entry.size,
            "digest": entry.digest,
        }
        for entry in manifest.entries
    ]
    return {
        "checkpoint": checkpoint,
        "trial": manifest.trial,
        "size": manifest.size,
        "parents": list(manifest.parents),
        "architecture": manifest.architecture,
        "metrics": dict(manifest.metrics),
        "notes": dict(manifest.notes),
        "tensors": tensors,
    }
