"""``nascore run``: a search on this machine, from the trial's code to the best architecture."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import click

from nascore.cli.beginning import begin_search
from nascore.cli.experimentfile import experiment_file_schema, read_experiment_file
from nascore.cli.failure import InputFileError
from nascore.cli.limits import Maximum, parse_figures, parse_maximum
from nascore.cli.options import Count, Parsed, database_option
from nascore.cli.plan import plan_of
from nascore.cli.progress import choose_reporter
from nascore.cli.request import Isolation, RunRequest, parse_gpus, parse_space
from nascore.cli.searchoptions import given_search, search_options
from nascore.cli.sharing import with_sharing
from nascore.cli.source import chosen_home
from nascore.cli.suggestion import did_you_mean
from nascore.cli.tunerverb import TunerVerb
from nascore.cli.verb import quiet_option
from nascore.journal import Location

_YAML = (".yaml", ".yml")


def _show_schema(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        click.echo(json.dumps(experiment_file_schema(), indent=2))
        context.exit()


@click.command("run", cls=TunerVerb)
@click.argument("target", metavar="TRIAL.py|EXPERIMENT.yaml", type=click.Path(path_type=Path))
@search_options
@click.option(
    "--space",
    type=Parsed("hub:NAME|space.json", parse_space),
    help="A space of the hub in place of the trial's own model, or a space file, ours or NNI's.",
)
@click.option("--parallel", type=Count(), metavar="N", help="Trials at the same time.  [default: 1]")
@click.option(
    "--max",
    "maxima",
    multiple=True,
    type=Parsed("figure=number", parse_maximum),
    help="The most a network may cost: params=3M, macs=300M, activations=8MB, latency=5ms; may be repeated.",
)
@click.option("--profile", type=Parsed("figure,figure", parse_figures), help="Figures to report: params, macs, ...")
@click.option(
    "--isolation",
    type=click.Choice([item.value for item in Isolation]),
    help="fork: a process a trial; none: one for all.",
)
@click.option("--gpus", type=Parsed("0,1|none", parse_gpus), help="GPUs to use.  [default: all]")
@database_option
@click.option(
    "--schema",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_schema,
    help="Print the JSON Schema of experiment files, for editors, and exit.",
)
@quiet_option
@click.pass_context
def command(
    context: click.Context,
    /,
    *,
    target: Path,
    space: Path | str | None,
    parallel: int | None,
    maxima: tuple[Maximum, ...],
    profile: tuple[str, ...] | None,
    isolation: str | None,
    gpus: tuple[str, ...] | None,
    sharing: str | None,
    database: Location | None,
    is_quiet: bool,
    **_read_from_context: object,
) -> None:
    """Search on this machine.

    TRIAL.py is the code of a trial (`nascore hello` writes one); EXPERIMENT.yaml says everything in a file, and
    options go before what it says. Ctrl-C once ends gently: running trials are handed back, and `nascore resume`
    goes on from there.

    Exit codes: 0 done, 1 it failed, 2 wrong input and nothing was begun, 130 Ctrl-C, 143 SIGTERM.
    """
    said = replace(
        given_search(context),
        parallel=parallel,
        space_file=space if isinstance(space, Path) else None,
        hub=space if isinstance(space, str) else None,
        isolation=None if isolation is None else Isolation(isolation),
        gpus=gpus,
        maxima=dict(maxima) or None,
        profile=profile,
    )
    plan = plan_of(with_sharing(_request_in(target).overridden_by(said), sharing))
    reporter = choose_reporter(is_quiet=is_quiet, workers=plan.run.parallel)
    context.exit(begin_search(plan, home=chosen_home(context), reporter=reporter, database=database).show())


def _request_in(target: Path) -> RunRequest:
    if target.is_dir():
        hint = f"Name the file in it, for example `nascore run {target / 'trial.py'}`."
        raise InputFileError("This is a folder, not a file.", where=str(target), hint=hint)
    if not target.is_file():
        raise InputFileError("There is no such file.", where=str(target), hint=_near(target))
    if target.suffix.lower() in _YAML:
        return read_experiment_file(target)
    if target.suffix != ".py":
        raise InputFileError(
            "This is neither a trial (.py) nor an experiment file (.yaml).",
            where=str(target),
            hint="For another command, write an experiment file with `trialCommand`.",
        )
    return RunRequest(trial_file=target.resolve())


def _near(target: Path) -> str:
    if target.parent.is_dir():
        names = sorted(path.name for path in target.parent.iterdir() if path.suffix in (".py", *_YAML))
        if near := did_you_mean(target.name, names):
            return near
    return "`nascore hello` writes an example to begin with."
