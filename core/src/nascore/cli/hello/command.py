"""``nascore hello``: writes a runnable example project and says what to type next."""

from __future__ import annotations

from importlib.metadata import entry_points
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import click

from nascore.cli.failure import WrongUsageError
from nascore.cli.screen import say
from nascore.cli.verb import Verb

_EXAMPLE = "digits"
_AS_DATA = ".txt"
_NEEDS = {"nas_trial": "nas-trial", "sklearn": "scikit-learn"}


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
    steps = [f"cd {folder}", *_installation(), _search()]
    say("\nNow type:\n\n" + "".join(f"  {step}\n" for step in steps))


def read_example() -> dict[str, bytes]:
    """Return the files of the example by name.

    They are kept with ``.txt`` after their names, so that no tool takes them for modules of this package.
    """
    folder = files("nascore.cli.hello") / _EXAMPLE
    return {item.name.removesuffix(_AS_DATA): item.read_bytes() for item in folder.iterdir() if item.is_file()}


def _installation() -> list[str]:
    """Return the command that installs what the example still lacks; nothing if it is all there."""
    missing = [package for module, package in _NEEDS.items() if find_spec(module) is None]
    return [f"pip install {' '.join(missing)}"] if missing else []


def _search() -> str:
    """Return the command that searches with what is installed.

    The file carries a population that fits a short search: with the published one of 100, all of it would be random.
    """
    installed = {point.name for point in entry_points(group="nascore.tuners")}
    if "regularized-evolution" in installed:
        return "nascore run experiment.yaml"
    return "nascore run trial.py --tuner random --trials 20 --parallel 2"
