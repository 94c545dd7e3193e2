"""The program ``nascore``: the group of all commands, and the border where errors become blocks and exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click
from rich_click import RichCommandPanel, RichContext, RichGroup, RichHelpFormatter, RichOptionPanel

from nascore import failpoints
from nascore.cli.catalogue import BUILT_IN, MORE, PACKAGES, SECTIONS, LazyCommand, PluginCommand, plugin_packages
from nascore.cli.failure import DONE, INTERRUPTED, WrongUsageError, show_failure
from nascore.cli.screen import say
from nascore.cli.suggestion import did_you_mean
from nascore.cli.verb import DEBUG_KEY, HOME_KEY, debug_option
from nascore.cli.version import version_option

_EPILOG = (
    "Begin with `nascore hello`. Every option can also be set in the environment: "
    "`--trials` of `run` is NASCORE_RUN_TRIALS. Records are kept under NASCORE_HOME (~/.nascore)."
)


class Program(RichGroup):
    """The group of all commands; loads each only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, those of plugins last."""
        return [*BUILT_IN, *sorted(plugin_packages())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command that stands for the real one, or ``None`` if there is none of that name."""
        if cmd_name in BUILT_IN:
            return LazyCommand(cmd_name, BUILT_IN[cmd_name])
        package = plugin_packages().get(cmd_name)
        return None if package is None else PluginCommand(cmd_name, package)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; an unknown one is answered with what it may have been, or with what to install."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            raise self._unknown(ctx, name)
        return super().resolve_command(ctx, args)

    def _unknown(self, ctx: click.Context, name: str) -> click.UsageError:
        if name in PACKAGES:
            package = PACKAGES[name]
            return WrongUsageError(
                f"`{name}` comes with the package {package}.", fix=f"pip install {package}", context=ctx
            )
        question = did_you_mean(name, [*self.list_commands(ctx), *PACKAGES])
        return WrongUsageError(f"No command `{name}`.", fix=question, context=ctx)

    def format_options(self, ctx: RichContext, formatter: RichHelpFormatter) -> None:  # type: ignore[override]  # as rich_click
        """Write the help: commands by section, then options."""
        entries = {name: entry.section for name, entry in BUILT_IN.items()}
        for section in SECTIONS:
            names = [name for name in self.list_commands(ctx) if entries.get(name, MORE) == section]
            if names:
                self.add_panel(RichCommandPanel(section, commands=names))
        self.add_panel(RichOptionPanel("Options"))
        super().format_options(ctx, formatter)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: object,
    ) -> NoReturn:
        """Run the program and exit; every error ends as one block on stderr."""
        name = prog_name or "nascore"
        os.environ.setdefault("GRPC_VERBOSITY", "ERROR")  # gRPC tells of every fork otherwise
        # Its handlers run in the child between fork and exec, where now and then they crash it; nothing here uses gRPC
        # on both sides of a fork.
        os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")
        self._main_shell_completion(dict(extra), name, complete_var)
        sys.exit(self._run(list(sys.argv[1:] if args is None else args), name))

    def _run(self, args: list[str], name: str) -> int:
        context: click.Context | None = None
        try:
            failpoints.arm(os.environ.get(failpoints.VARIABLE, ""))
            with self.make_context(name, args) as context:
                self.invoke(context)
            sys.stdout.flush()
            return DONE
        except click.exceptions.Exit as done:
            return done.exit_code
        except (click.Abort, KeyboardInterrupt):
            say("Interrupted.")
            return INTERRUPTED
        except BrokenPipeError:
            _silence_stdout()
            return DONE
        except Exception as error:  # the border of the process: everything becomes one block and an exit code
            return show_failure(error, is_debug=bool(context is not None and context.meta.get(DEBUG_KEY)))


def _silence_stdout() -> None:
    """Point stdout at nothing: the reader has gone, and the interpreter would complain when it flushes at exit."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)


@click.command(
    cls=Program,
    name="nascore",
    invoke_without_command=True,
    epilog=_EPILOG,
    context_settings={"auto_envvar_prefix": "NASCORE", "help_option_names": ["-h", "--help"]},
)
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Where experiments are kept.  [default: ~/.nascore]",
)
@version_option
@click.pass_context
def program(context: click.Context, home: Path | None) -> None:
    """Neural architecture search with any tuner.

    A search is a conversation of a tuner, which proposes, and your trial, which builds, trains and measures.
    """
    if home is not None:
        context.meta[HOME_KEY] = home
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


program.params.append(debug_option())


def main() -> NoReturn:
    """Run the console script ``nascore``."""
    program.main(prog_name="nascore")
