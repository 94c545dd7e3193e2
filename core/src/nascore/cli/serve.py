"""``nascore serve``: a long-lived server of a search, whose workers connect from anywhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from nascore.cli.beginning import begin_search
from nascore.cli.duration import parse_duration
from nascore.cli.failure import DONE
from nascore.cli.oneshot import given_one_shot, one_shot_options
from nascore.cli.options import Count, Parsed, database_option
from nascore.cli.plan import plan_of
from nascore.cli.progress import choose_reporter
from nascore.cli.request import RunRequest, parse_objective
from nascore.cli.runfile import RunFile
from nascore.cli.serving import listening_of, show_connection
from nascore.cli.sharing import Sharing, share_option, with_sharing
from nascore.cli.source import chosen_home
from nascore.cli.tunerverb import TunerVerb, given_settings, insecure_option, settings_option
from nascore.cli.verb import quiet_option
from nascore.errors import SettingsError
from nascore.journal import Location
from nascore.record import JsonValue, Mode, Objective

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("serve", cls=TunerVerb)
@click.option("--tuner", metavar="NAME", help="Installed tuner, exec:COMMAND or grpc://HOST:PORT.  [default: random]")
@settings_option
@insecure_option
@click.option("--space", "space_file", type=_FILE, help="Search space as JSON.  [default: the first worker tells it]")
@click.option("--address", default="unix:", help="unix:PATH or HOST:PORT (port 0: a free one).  [default: unix:]")
@click.option("--tls-cert", type=_FILE, help="Certificate (PEM); needed where other machines can connect.")
@click.option("--tls-key", type=_FILE, help="Its private key (PEM).")
@click.option("--tls-client-roots", type=_FILE, help="Callers need a certificate of these roots (PEM) too (mTLS).")
@click.option("--trials", type=Count(), metavar="N", help="The search ends after so many trials.")
@click.option("--duration", type=Parsed("duration", parse_duration), help="It ends after this running time.")
@click.option("--target", "goal", type=float, metavar="VALUE", help="It ends when the first objective reaches this.")
@click.option(
    "--objective",
    "objectives",
    multiple=True,
    type=Parsed("metric[:max|min]", parse_objective),
    help="What is optimised; may be repeated.  [default: accuracy:max]",
)
@click.option("--parallel", type=Count(), metavar="N", help="With --share-weights async: workers of each supernet.")
@click.option("--seed", type=Count(0), metavar="N", help="Seed of everything random.")
@click.option("--name", help="Name of the experiment.")
@share_option
@one_shot_options
@database_option
@quiet_option
@click.pass_context
def command(
    context: click.Context,
    /,
    *,
    tuner: str | None,
    settings: dict[str, JsonValue],
    is_tuner_insecure: bool,
    space_file: Path | None,
    address: str,
    tls_cert: Path | None,
    tls_key: Path | None,
    tls_client_roots: Path | None,
    trials: int | None,
    duration: float | None,
    goal: float | None,
    objectives: tuple[Objective, ...],
    parallel: int | None,
    seed: int | None,
    name: str | None,
    sharing: str | None,
    mode: str | None,
    database: Location | None,
    is_quiet: bool,
    **_one_shot: object,
) -> None:
    """Serve a search to workers anywhere.

    Prints the address, the file with the token, and the environment that workers need. Ctrl-C or SIGTERM finishes
    what is at work and ends with exit code 0.
    """
    if sharing == Sharing.ASYNC and (parallel or 1) < 2:
        raise SettingsError(
            "--share-weights async: it is not known how many workers train a supernet together.",
            hint="Say it, for example `--parallel 2`; each of them connects for itself.",
        )
    request = RunRequest(
        name=name,
        parallel=parallel,
        trials=trials,
        duration_s=duration,
        target=goal,
        tuner=tuner,
        settings=given_settings(context, settings),
        objectives=objectives or None,
        seed=seed,
        space_file=space_file,
        is_tuner_insecure=is_tuner_insecure or None,
        mode=None if mode is None else Mode(mode),
        one_shot=given_one_shot(context),
    )
    plan = plan_of(with_sharing(request, sharing), address=address)
    plan = replace(plan, run=_with_tls(plan.run, tls_cert, tls_key, client_roots=tls_client_roots))
    begin_search(
        plan,
        home=chosen_home(context),
        reporter=choose_reporter(is_quiet=is_quiet, workers=None),
        listening=listening_of(plan.run),
        greet=show_connection(plan.run),
        database=database,
    )
    context.exit(DONE)


def _with_tls(run: RunFile, certificate: Path | None, key: Path | None, *, client_roots: Path | None) -> RunFile:
    if certificate is None and key is None and client_roots is None:
        return run
    if certificate is None or key is None:
        raise SettingsError("--tls-cert and --tls-key belong together; one is missing.", hint="Give both.")
    roots = "" if client_roots is None else str(client_roots.resolve())
    return replace(run, tls_cert=str(certificate.resolve()), tls_key=str(key.resolve()), tls_client_roots=roots)
