"""``python -m nascore.testing.checker FOLDER``: judges kept evidence again; exit code 1 if a promise did not hold."""

from __future__ import annotations

from pathlib import Path

import click

from nascore.errors import NascoreError
from nascore.testing.checker.evidence import judged_folder


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.pass_context
def main(context: click.Context, folder: Path) -> None:
    """Judge the histories and the log in FOLDER."""
    try:
        judgement = judged_folder(folder)
    except NascoreError as error:
        raise click.ClickException(str(error)) from error
    for violation in judgement.violations:
        click.echo(str(violation))
    click.echo(
        f"{judgement.operations} operations, {judgement.acknowledged} acknowledged, {judgement.trials} trials,"
        f" {len(judgement.violations)} violations."
    )
    context.exit(1 if judgement.violations else 0)


if __name__ == "__main__":
    main()
