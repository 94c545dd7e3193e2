"""``nascore import nni``: an experiment file of NNI's becomes one of ours, and what is not carried over is listed."""

from __future__ import annotations

from pathlib import Path

import click
from rich_click import RichGroup

from nascore.cli.failure import InputFileError
from nascore.cli.importing.nniexperiment import read_nni_experiment
from nascore.cli.importing.writing import write_experiment
from nascore.cli.screen import say
from nascore.cli.tunerchoice import check_tuner
from nascore.cli.verb import Verb

_DEFAULT = "experiment.yaml"


@click.group("import", cls=RichGroup)
def command() -> None:
    """Take over an experiment that was written for NNI."""


@command.command("nni", cls=Verb)
@click.argument("config", metavar="CONFIG.yml", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help=f"Our experiment file.  [default: {_DEFAULT} beside NNI's]",
)
@click.option("--tuner", metavar="NAME", help="A tuner of ours, in place of the one that the file names.")
@click.option("--lenient", is_flag=True, help="Read the search space as NNI did, and list what was forgiven.")
def nni(config: Path, output: Path | None, tuner: str | None, lenient: bool) -> None:
    """Make an experiment file from one of NNI's, of version 1 or 2.

    The search space is written beside it. What has no meaning here is listed with its line.
    """
    if not config.is_file():
        raise InputFileError("There is no such file.", where=str(config))
    if tuner is not None:
        check_tuner(tuner, {})
    imported = read_nni_experiment(config, tuner=tuner, lenient=lenient)
    target = output or config.parent / _DEFAULT
    for path in write_experiment(imported, target, source=config):
        click.echo(str(path))
    for left_out in imported.left_out:
        say(f"Not carried over, {left_out}.")
    for forgiven in imported.space.forgiven if imported.space is not None else ():
        say(f"Forgiven, {forgiven}.")
    for step in imported.steps:
        say(step)
    say(f"Next: `nascore run {target}`")
