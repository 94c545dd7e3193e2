"""``nascore token``: makes, lists and revokes the tokens of a server; one that runs takes note at once.

They are made on the machine of the server, by writing their digests beside its log; no call over the wire makes one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import click
from rich_click import RichGroup

from nascore.cli.duration import parse_duration
from nascore.cli.failure import WrongUsageError
from nascore.cli.options import Parsed
from nascore.cli.screen import emit_document, printable, say, show
from nascore.cli.source import chosen_home
from nascore.cli.tables import table_of
from nascore.cli.verb import Verb, json_option
from nascore.cli.wording import time_text
from nascore.errors import NotFoundError, SettingsError
from nascore.experiment import archive
from nascore.service import TOKENS_NAME, Grant, Scope, TokenFile, generate_token, make_grant, write_token


@click.group("token", cls=RichGroup)
def command() -> None:
    """Make, list and revoke tokens of a server.

    A token lets programs of other people and machines call a server: `worker` leases and finishes trials, `read` only
    looks, `admin` does everything.
    """


@command.command("new", cls=Verb)
@click.option("--scope", type=click.Choice([scope.value for scope in Scope]), required=True, help="What it is for.")
@click.option("--experiment", metavar="ID", default="last", help="The experiment it is good for.  [default: last]")
@click.option("--all", "is_for_all", is_flag=True, help="Good for all experiments of that one's server.")
@click.option("--worker", "workers", multiple=True, metavar="NAME", help="Speaks only for this worker; repeatable.")
@click.option("--expires", "lifetime_s", type=Parsed("duration", parse_duration), help="Ends after this, as in 7d.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write it to this file (0600).")
@click.pass_context
def new(
    context: click.Context,
    *,
    scope: str,
    experiment: str,
    is_for_all: bool,
    workers: tuple[str, ...],
    lifetime_s: float | None,
    output: Path | None,
) -> None:
    """Make a token and print it, once.

    Only its digest is kept. An admin token is good for the whole server of the experiment.
    """
    found, now, token = archive.load(chosen_home(context), experiment), time.time(), generate_token()
    is_kept = not is_for_all and scope != Scope.ADMIN
    grant = make_grant(
        Scope(scope),
        token=token,
        now=now,
        experiments=(found.record.id,) if is_kept else (),
        workers=workers,
        expires_at=None if lifetime_s is None else now + lifetime_s,
    )
    if output is not None:
        _check_free(output)
    TokenFile(found.folder / TOKENS_NAME).add(grant)
    if output is None:
        click.echo(token.reveal())
    else:
        write_token(output, token)
    where = "It is shown this once." if output is None else f"It is in {output}."
    say(f"Token {grant.id}: {_powers(grant)}, {_end(grant)}. {where}")
    say(f"Take it back with `nascore token revoke {grant.id}`.")


@command.command("ls", cls=Verb)
@json_option
@click.pass_context
def ls(context: click.Context, *, as_json: bool) -> None:
    """List the tokens that were made; none of them is shown."""
    rows = [(file.path.parent.name, grant) for file in _files(context) for grant in file.read()]
    if as_json:
        emit_document([_document(server, grant) for server, grant in rows])
    elif not rows:
        say("No tokens were made. Make one: `nascore token new --scope worker`.")
    else:
        table = table_of("id", "scope", "experiments", "workers", "made", "ends", "server")
        for server, grant in rows:
            experiments, workers = ", ".join(grant.experiments) or "all", ", ".join(grant.workers) or "any"
            cells = (grant.id, grant.scope.value, experiments, workers if grant.scope is Scope.WORKER else "")
            table.add_row(*map(printable, (*cells, time_text(grant.created_at), _end(grant), server)))
        show(table)


@command.command("revoke", cls=Verb)
@click.argument("identifiers", metavar="TOKEN_ID...", nargs=-1, required=True)
@click.pass_context
def revoke(context: click.Context, *, identifiers: tuple[str, ...]) -> None:
    """Take tokens back; what they opened is closed within a second."""
    files = {grant.id: file for file in _files(context) for grant in file.read()}
    if unknown := [identifier for identifier in identifiers if identifier not in files]:
        raise NotFoundError(f"There is no token {unknown[0]!r:.40}; none was revoked.", hint="See `nascore token ls`.")
    for identifier in dict.fromkeys(identifiers):
        files[identifier].revoke(identifier)
        click.echo(f"{identifier} is revoked.")


def _files(context: click.Context) -> Iterator[TokenFile]:
    for path in sorted((chosen_home(context) / "experiments").glob(f"*/{TOKENS_NAME}")):
        yield TokenFile(path)


def _check_free(output: Path) -> None:
    if output.exists() or output.is_symlink():
        raise WrongUsageError(f"{output} is there already.", fix="Choose another file, or remove it.")
    if not output.parent.is_dir():
        raise SettingsError(f"There is no folder {output.parent}.", hint="Make it first.")


def _powers(grant: Grant) -> str:
    if grant.scope is Scope.ADMIN:
        return "everything"
    where = f"experiment {', '.join(grant.experiments)}" if grant.experiments else "all experiments"
    who = f" as {', '.join(grant.workers)}" if grant.workers else ""
    return f"{grant.scope} of {where}{who}"


def _end(grant: Grant) -> str:
    if grant.expires_at is None:
        return "until it is revoked"
    over = "ended" if grant.is_expired(time.time()) else "until"
    return f"{over} {time_text(grant.expires_at)}"


def _document(server: str, grant: Grant) -> dict[str, object]:
    return {
        "id": grant.id,
        "scope": grant.scope.value,
        "experiments": list(grant.experiments),
        "workers": list(grant.workers),
        "created_at": grant.created_at,
        "expires_at": grant.expires_at,
        "server": server,
    }
