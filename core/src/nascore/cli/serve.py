"""``nascore serve``: a long-lived server of a search, whose workers connect from anywhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from nascore.cli.beginning import begin_search
from nascore.cli.dataport import data_port_option
from nascore.cli.failure import DONE
from nascore.cli.options import Count, database_option
from nascore.cli.plan import plan_of
from nascore.cli.progress import choose_reporter
from nascore.cli.runfile import RunFile
from nascore.cli.searchoptions import given_search, search_options
from nascore.cli.serving import show_connection
from nascore.cli.sharing import Sharing, with_sharing
from nascore.cli.source import chosen_home
from nascore.cli.tunerverb import TunerVerb
from nascore.cli.verb import quiet_option
from nascore.errors import SettingsError
from nascore.journal import Location

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("serve", cls=TunerVerb)
@search_options
@click.option("--space", "space_file", type=_FILE, help="Search space as JSON.  [default: the first worker tells it]")
@click.option("--address", default="unix:", help="unix:PATH or HOST:PORT (port 0: a free one).  [default: unix:]")
@click.option("--tls-cert", type=_FILE, help="Certificate (PEM); needed where other machines can connect.")
@click.option("--tls-key", type=_FILE, help="Its private key (PEM).")
@click.option("--tls-client-roots", type=_FILE, help="Callers need a certificate of these roots (PEM) too (mTLS).")
@data_port_option
@click.option("--parallel", type=Count(), metavar="N", help="With --share-weights async: workers of each supernet.")
@database_option
@quiet_option
@click.pass_context
def command(
    context: click.Context,
    /,
    *,
    space_file: Path | None,
    address: str,
    tls_cert: Path | None,
    tls_key: Path | None,
    tls_client_roots: Path | None,
    data_port: str,
    parallel: int | None,
    sharing: str | None,
    database: Location | None,
    is_quiet: bool,
    **_read_from_context: object,
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
    request = replace(given_search(context), parallel=parallel, space_file=space_file)
    plan = plan_of(with_sharing(request, sharing), address=address)
    plan = replace(plan, run=_with_tls(plan.run, tls_cert, tls_key, client_roots=tls_client_roots))
    plan = replace(plan, run=replace(plan.run, data_port=data_port))
    begin_search(
        plan,
        home=chosen_home(context),
        reporter=choose_reporter(is_quiet=is_quiet, workers=None),
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
