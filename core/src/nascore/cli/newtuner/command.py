"""``nascore tuners new``: writes the package of a new tuner, and says what to type next."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from string import Template

import click

from nascore.cli.failure import WrongUsageError
from nascore.cli.newtuner.naming import PackageNames, names_of
from nascore.cli.screen import say
from nascore.cli.verb import Verb
from nascore.tuner.plugins import TUNERS, Plugins

_AS_DATA = ".txt"


@click.command("new", cls=Verb)
@click.argument("name")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where to write it; must not be there yet.  [default: nas-NAME]",
)
def command(*, name: str, folder: Path | None) -> None:
    """Write the package of a new tuner.

    A small strategy that works, with settings, tests, and a README: change it from there. NAME has lower-case letters,
    digits and hyphens.
    """
    names = names_of(name, installed=Plugins(TUNERS).names())
    target = folder if folder is not None else Path(names.package)
    if target.exists():
        raise WrongUsageError(
            f"{target} is there already; nothing was written.",
            fix=f"Choose another folder: `nascore tuners new {name} --folder {target}-2`.",
        )
    for place, text in package_files(names).items():
        (target / place).parent.mkdir(parents=True, exist_ok=True)
        (target / place).write_text(text, encoding="utf-8", newline="\n")
        click.echo(str(target / place))
    steps = (f"cd {shlex.quote(str(target))}", 'pip install -e ".[test]"', "pytest", f"nascore tuners {name}")
    say("\nNow type:\n\n" + "".join(f"  {step}\n" for step in steps))


def package_files(names: PackageNames) -> Mapping[str, str]:
    """Return the files of a new tuner's package: text by place.

    They are kept with ``.txt`` after their names, so that no tool takes them for modules of this package.
    """
    words = {"name": names.name, "package": names.package, "module": names.module, "class_name": names.class_name}
    texts = {f"src/{names.module}/py.typed": ""}
    for item in files("nascore.cli.newtuner").joinpath("package").iterdir():
        place = _place(item.name.removesuffix(_AS_DATA), names.module)
        texts[place] = Template(item.read_text(encoding="utf-8")).substitute(words)
    return dict(sorted(texts.items()))


def _place(name: str, module: str) -> str:
    if name.startswith("test_"):
        return f"tests/{name}"
    if name.endswith(".py"):
        return f"src/{module}/{'__init__.py' if name == 'init.py' else name}"
    return name
