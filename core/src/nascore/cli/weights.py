"""``nascore weights``: look at stores of checkpoints, take tensors out, care for them, and serve them."""

from __future__ import annotations

from pathlib import Path

import click
from rich_click import RichGroup

from nascore.cli.options import Count
from nascore.cli.screen import emit_document, printable, say, show
from nascore.cli.tables import facts_table, table_of
from nascore.cli.verb import Verb, json_option
from nascore.cli.weightscare import export, gc, verify
from nascore.cli.weightsplace import LAST, NAMES_NO_STORE, chosen_store, store_options
from nascore.cli.weightsserve import serve
from nascore.cli.wording import metric
from nascore.weights import Listed, Manifest, Relative

_ID = 12
_UNITS = ("B", "kB", "MB", "GB", "TB")
_THOUSAND = 1000


@click.group("weights", cls=RichGroup)
def command() -> None:
    """Look at checkpoints, take them out, care for them, serve them.

    CHECKPOINT is an id, the beginning of one, a name, or `last`.
    """


@command.command("ls", cls=Verb, context_settings=NAMES_NO_STORE)
@store_options
@click.option("--experiment", metavar="NAME", default="", help="Only checkpoints of this experiment of the store.")
@click.option("--trial", type=Count(0), metavar="N", help="Only checkpoints of this trial.")
@json_option
@click.pass_context
def ls(
    context: click.Context,
    *,
    store: str | None,
    server: str | None,
    token_file: Path | None,
    experiment: str,
    trial: int | None,
    as_json: bool,
) -> None:
    """List checkpoints, oldest first."""
    with chosen_store(context, store, server=server, token_file=token_file) as chosen:
        rows = list(chosen.listed(experiment=experiment, trial=trial))
        names = chosen.names({row.experiment for row in rows})
    if as_json:
        emit_document([_listed_document(row, names.get(row.checkpoint, [])) for row in rows])
    elif not rows:
        say(f"No checkpoints in {chosen.where}.")
    else:
        table = table_of("checkpoint", "experiment", "trial", "size", "names", right=("trial", "size"))
        for row in rows:
            shown = ", ".join(names.get(row.checkpoint, []))
            cells = (row.checkpoint[:_ID], row.experiment, str(row.trial), size_text(row.size), shown)
            table.add_row(*map(printable, cells))
        show(table)


@command.command("show", cls=Verb)
@click.argument("checkpoint", default=LAST)
@store_options
@json_option
@click.pass_context
def show_one(
    context: click.Context,
    *,
    checkpoint: str,
    store: str | None,
    server: str | None,
    token_file: Path | None,
    as_json: bool,
) -> None:
    """Show one checkpoint: where it came from, and its tensors."""
    with chosen_store(context, store, server=server, token_file=token_file) as chosen:
        found = chosen.find(checkpoint)
        manifest = chosen.weights.manifest(found)
    if as_json:
        emit_document(_manifest_document(found, manifest))
        return
    show(facts_table(_facts(found, manifest)))
    table = table_of("tensor", "type", "shape", "size", "digest", right=("size",))
    for entry in manifest.entries:
        shape = "×".join(map(str, entry.shape)) or "scalar"
        table.add_row(printable(entry.key), entry.dtype, shape, size_text(entry.size), entry.digest[:_ID])
    show("", table)


@command.command("lineage", cls=Verb)
@click.argument("checkpoint", default=LAST)
@store_options
@click.option("--depth", type=Count(), metavar="N", default=16, help="Generations.  [default: 16]")
@json_option
@click.pass_context
def lineage(
    context: click.Context,
    *,
    checkpoint: str,
    store: str | None,
    server: str | None,
    token_file: Path | None,
    depth: int,
    as_json: bool,
) -> None:
    """Show what a checkpoint was made from, and what was made from it."""
    with chosen_store(context, store, server=server, token_file=token_file) as chosen:
        found = chosen.find(checkpoint)
        near = chosen.weights.lineage(found, depth=depth)
    if as_json:
        document = {"ancestors": map(_relative, near.ancestors), "descendants": map(_relative, near.descendants)}
        emit_document({"checkpoint": found, **{side: list(rows) for side, rows in document.items()}})
        return
    table = table_of("generation", "checkpoint", "", right=("generation",))
    for one in reversed(near.ancestors):
        table.add_row(f"-{one.distance}", one.checkpoint[:_ID], "released" if one.is_released else "")
    table.add_row("0", found[:_ID], "this one")
    for one in near.descendants:
        table.add_row(f"+{one.distance}", one.checkpoint[:_ID], "released" if one.is_released else "")
    show(table)


for verb in (export, gc, verify, serve):
    command.add_command(verb)


def size_text(size: int) -> str:
    """Return bytes for people: ``1.5 MB``."""
    shown, unit = float(size), 0
    while shown >= _THOUSAND and unit < len(_UNITS) - 1:
        shown, unit = shown / _THOUSAND, unit + 1
    return f"{size} B" if not unit else f"{shown:.1f} {_UNITS[unit]}"


def _facts(checkpoint: str, manifest: Manifest) -> list[tuple[str, str]]:
    facts = [
        ("checkpoint", checkpoint),
        ("trial", str(manifest.trial)),
        ("size", f"{size_text(manifest.size)} in {len(manifest.entries)} tensors"),
        ("parents", ", ".join(parent[:_ID] for parent in manifest.parents) or "none"),
        ("architecture", manifest.architecture),
        ("metrics", ", ".join(f"{name} {metric(value)}" for name, value in manifest.metrics.items())),
    ]
    return [(name, printable(text)) for name, text in facts if text]


def _listed_document(row: Listed, names: list[str]) -> dict[str, object]:
    return {
        "checkpoint": row.checkpoint,
        "experiment": row.experiment,
        "trial": row.trial,
        "size": row.size,
        "names": names,
    }


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


def _relative(one: Relative) -> dict[str, object]:
    return {"checkpoint": one.checkpoint, "distance": one.distance, "is_released": one.is_released}
