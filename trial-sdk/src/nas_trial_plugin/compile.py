"""``nascore compile``: annotated code in, code that a search can run and its search space out.

Not here: the compiler (``nas_trial_plugin.annotation``), which is imported when the command is called.
"""

from __future__ import annotations

import json
from pathlib import Path

import click
from nascore.errors import InvalidInputError

_JSON_FIELDS = ("line", "column")


@click.command("compile")
@click.argument("source", metavar="SRC", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder to write into.  [default: build]")
@click.option(
    "--keys",
    type=click.Choice(["nascore", "nni"]),
    default="nascore",
    help="How choices are named, and whose format the search space has.  [default: nascore]",
)
@click.option(
    "--architecture",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="ARCH.json",
    help="Write stand-alone code with this architecture in it.",
)
@click.option("--lenient", "is_lenient", is_flag=True, help="Read old files as NNI did, and list what it forgave.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def compile_command(
    *, source: Path, output: Path | None, keys: str, architecture: Path | None, is_lenient: bool, as_json: bool
) -> None:
    """Compile annotated code: `\"\"\"@nni.mutable_layers(...)\"\"\"` and its kin.

    SRC is a Python file or a folder, which is compiled as a whole. What is written runs under `nascore run`, and its
    search space stands beside it. Everything wrong in all files is listed at once, and then nothing is written.
    """
    # Imported here and not above: libcst takes a fifth of a second, and the command line asks every plugin for help.
    from nas_trial_plugin.annotation import (  # noqa: PLC0415
        SPACE_FILE,
        KeyStyle,
        check_target,
        compile_files,
        read_tree,
        write_tree,
    )

    target = output or Path("build")
    tree = read_tree(source)
    check_target(tree, target)
    compiled = compile_files(
        tree.read(),
        shown=tree.shown(source),
        is_tree=tree.is_folder,
        keys=KeyStyle(keys),
        architecture=None if architecture is None else _text(architecture),
        is_lenient=is_lenient,
    )
    written = write_tree(tree, compiled.files, target)
    for finding in compiled.forgiven:
        click.echo(f"forgiven: {finding}", err=True)
    size = compiled.space.size()
    if as_json:
        document = {
            "target": str(target),
            "files": list(written),
            "annotations": dict(compiled.counts),
            "decisions": len(compiled.space.decisions),
            "size": str(size),
            "search_space": None if architecture is not None else str(target / SPACE_FILE),
            "forgiven": [
                {
                    "file": finding.place.file,
                    **{name: getattr(finding.place, name) for name in _JSON_FIELDS},
                    "field": finding.field,
                    "message": finding.message,
                    "read_as": finding.instead,
                }
                for finding in compiled.forgiven
            ],
        }
        click.echo(json.dumps(document, indent=2))
        return
    count = sum(compiled.counts.values())
    click.echo(f"{target}: {_many(len(written), 'file')}, {_many(count, 'annotation')} compiled", err=True)
    if architecture is None:
        decisions = _many(len(compiled.space.decisions), "decision")
        click.echo(f"{target / SPACE_FILE}: {decisions}, {size} architectures", err=True)


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{file} cannot be read: {error}.", hint="Name a JSON file.") from None
