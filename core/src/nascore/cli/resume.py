"""``nascore resume``: goes on with a search that was paused, stopped, interrupted or killed."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import click

from nascore.cli.beginning import go_on
from nascore.cli.control import apply_action, tell_holder
from nascore.cli.duration import format_duration, parse_duration
from nascore.cli.failure import WrongUsageError
from nascore.cli.options import Count, Parsed, database_option
from nascore.cli.progress import choose_reporter
from nascore.cli.request import Isolation, parse_gpus
from nascore.cli.runfile import RunFile, read_run_file
from nascore.cli.screen import say
from nascore.cli.serving import show_connection
from nascore.cli.source import chosen_home, server_options
from nascore.cli.tunerlimits import given_tuner_limits, tuner_limit_options
from nascore.cli.verb import Verb, experiment_argument, quiet_option
from nascore.cli.wording import state_text
from nascore.errors import HeldError
from nascore.experiment import archive, locate
from nascore.journal import Holder, Location, read_holder
from nascore.record import EndReason, ExperimentAction, ExperimentRecord, ExperimentState, Limits, Mode, TunerLimits


@click.command("resume", cls=Verb)
@experiment_argument
@click.option("--trials", type=Count(), metavar="N", help="End after so many trials in all.")
@click.option("--duration", type=Parsed("duration", parse_duration), help="End after this running time in all.")
@click.option("--target", type=float, metavar="VALUE", help="End when the first objective reaches this.")
@click.option("--parallel", type=Count(), metavar="N", help="Trials at the same time.  [default: as before]")
@click.option(
    "--isolation", type=click.Choice([item.value for item in Isolation]), help="fork or none.  [default: as before]"
)
@click.option("--gpus", type=Parsed("0,1|none", parse_gpus), help="GPUs to use.  [default: as before]")
@tuner_limit_options("as before")
@database_option
@server_options
@quiet_option
@click.pass_context
def command(
    context: click.Context,
    /,
    *,
    experiment: str,
    trials: int | None,
    duration: float | None,
    target: float | None,
    parallel: int | None,
    isolation: str | None,
    gpus: tuple[str, ...] | None,
    database: Location | None,
    server: str | None,
    token_file: Path | None,
    is_quiet: bool,
    **_read_from_context: object,
) -> None:
    """Go on with a search that was paused, stopped or killed.

    ID is an id, the beginning of one, a name, or `last` (the default). A search that is paused in a process that
    still runs goes on there.
    """
    home = chosen_home(context)
    if server:
        action = ExperimentAction.RESUME
        record = apply_action(home, experiment, action=action, server=server, token_file=token_file)
        click.echo(f"{record.id} goes on.")
        return
    found = locate(home, experiment, known=database)
    _check_database(context, found.record, found.database, given=database)
    limits = Limits(max_trials=trials, max_duration_s=duration, target=target)
    holder = read_holder(found.database)
    if holder is not None:
        _tell(holder, archive.load(home, found.record.id, known=database).record, limits)
        return
    run = _changed(
        read_run_file(found.folder),
        parallel=parallel,
        isolation=isolation,
        gpus=gpus,
        tuner_limits=given_tuner_limits(context),
    )
    reporter = choose_reporter(is_quiet=is_quiet, workers=run.parallel or None)
    ending = go_on(
        found.record.id,
        found.folder,
        run=run,
        limits=limits,
        reporter=reporter,
        check=_check_unfinished,
        greet=show_connection(run),
        database=found.database,
    )
    context.exit(ending.show() if run.command else 0)


def _check_database(
    context: click.Context, record: ExperimentRecord, database: Location, *, given: Location | None
) -> None:
    is_typed = context.get_parameter_source("database") is click.core.ParameterSource.COMMANDLINE
    if given is not None and is_typed and given != database:
        raise WrongUsageError(
            f"Experiment {record.id} is kept in {database}, not in {given}.",
            fix="Leave `--database` out, or name that one with its password.",
        )


def _changed(
    run: RunFile,
    *,
    parallel: int | None,
    isolation: str | None,
    gpus: tuple[str, ...] | None,
    tuner_limits: TunerLimits,
) -> RunFile:
    return replace(
        run,
        parallel=run.parallel if parallel is None or not run.command else parallel,
        isolation=run.isolation if isolation is None else Isolation(isolation),
        gpus=run.gpus if gpus is None else gpus,
        tuner_limits=run.tuner_limits.overridden_by(tuner_limits),
    )


def _tell(holder: Holder, record: ExperimentRecord, limits: Limits) -> None:
    if record.state is ExperimentState.RUNNING and limits == Limits():
        since = format_duration(max(0.0, time.time() - holder.started_at))
        raise HeldError(
            f"Experiment {record.id} is running: process {holder.pid} on {holder.host} has held it for {since}.",
            hint=f"Look at it with `nascore show {record.id}`, or end it with `nascore stop {record.id}`.",
        )
    tell_holder(holder, record.id, action=ExperimentAction.RESUME, limits=limits)
    click.echo(f"{record.id} goes on in process {holder.pid}.")
    say(f"Follow it with `nascore logs {record.id} -f`.")


def _check_unfinished(record: ExperimentRecord, limits: Limits) -> None:
    if record.state is ExperimentState.FINISHED and limits == Limits():
        is_done = record.end_reason is EndReason.EXHAUSTED or record.spec.mode is Mode.ONE_SHOT
        raise WrongUsageError(
            f"Experiment {record.id} is {state_text(record)}.",
            fix=f"There is nothing left to try. Look at it with `nascore show {record.id}`."
            if is_done
            else "Give it more to do, for example `--trials 100`.",
        )
