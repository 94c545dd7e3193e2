"""``nascore hello``: writes a runnable example project and says what to type next."""

from __future__ import annotations

from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path

import click

from nascore.cli.failure import WrongUsageError
from nascore.cli.screen import say
from nascore.cli.verb import Verb

_EXAMPLE = "digits"
_AS_DATA = ".txt"
_PREFERRED = ("evolution", "regularized-evolution", "random")


@click.command("hello", cls=Verb)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=Path(_EXAMPLE), required=False)
def command(folder: Path) -> None:
    """Write a runnable example project.

    FOLDER is made if it is not there (default: digits). Files that are there already are never overwritten.
    """
    example = read_example()
    taken = sorted(name for name in example if (folder / name).exists())
    if taken:
        raise WrongUsageError(
            f"{folder} already has {', '.join(taken)}; nothing was written.",
            fix=f"Choose another folder: `nascore hello {folder}-2`.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in example.items():
        (folder / name).write_bytes(content)
        click.echo(str(folder / name))
    say(f"\nNow type:\n\n  cd {folder}\n  nascore run trial.py --tuner {_tuner()} --trials 20 --parallel 2\n")


def read_example() -> dict[str, bytes]:
    """Return the files of the example by name.

    They are kept with ``.txt`` after their names, so that no tool takes them for modules of this package.
    """
    folder = files("nascore.cli.hello") / _EXAMPLE
    return {item.name.removesuffix(_AS_DATA): item.read_bytes() for item in folder.iterdir() if item.is_file()}


def _tuner() -> str:
    installed = {point.name for point in entry_points(group="nascore.tuners")}
    return next((name for name in _PREFERRED if name in installed), "random")
