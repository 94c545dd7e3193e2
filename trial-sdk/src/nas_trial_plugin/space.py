"""``nascore space``: shows a space, wherever it comes from, and writes it in another dialect."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from nascore.errors import ArchitectureError, Violation

from nas_trial_plugin.showing import shown, shown_hub, shown_hubs
from nas_trial_plugin.sources import HUB, hub_facts, read_source, read_text
from nas_trial_plugin.space_conversion import Target, converted_architecture, converted_space, text_of

_SHOW = "show"
_FILE = click.Path(path_type=Path, dir_okay=False)
_WHAT = "TRIAL.PY|SPACE.json|hub:NAME"


class SpaceGroup(click.Group):
    """A group whose first argument may be a space, which is then shown."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``show`` before what is no command."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [_SHOW, *args]
        return super().parse_args(ctx, args)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write both ways to call it."""
        formatter.write_usage(ctx.command_path, f"{_WHAT} [OPTIONS]")
        formatter.write_usage(ctx.command_path, "COMMAND [OPTIONS]", prefix="       ")


@click.group("space", cls=SpaceGroup)
def space_command() -> None:
    """Show a search space: of a trial's code, of a space file (ours or NNI's), or of the hub (`hub:` lists all)."""


@space_command.command(_SHOW)
@click.argument("source", metavar=_WHAT)
@click.option("--json", "as_json", is_flag=True, help="Print the space as JSON.")
@click.option("-o", "--output", type=_FILE, help="Write the space as JSON to a file.")
@click.option("--lenient", is_flag=True, help="Read NNI's files as NNI did, and list what was forgiven.")
def show(source: str, as_json: bool, output: Path | None, lenient: bool) -> None:
    """Show a search space: its decisions and how many architectures there are."""
    if source == HUB:
        click.echo(shown_hubs(hub_facts(source)))
        return
    read = read_source(source, lenient=lenient)
    _tell_forgiven(read.nni.forgiven if read.nni is not None else ())
    if output is not None:
        output.write_text(read.space.to_json(), encoding="utf-8")
        click.echo(f"{output}: {len(read.space.decisions)} decisions, {read.space.size()} architectures", err=True)
    if as_json:
        click.echo(read.space.to_json())
    elif output is None:
        click.echo(f"{shown_hub(read.hub)}\n\n{shown(read.space)}" if read.hub else shown(read.space))


@space_command.command("convert")
@click.argument("source", metavar=_WHAT)
@click.option("--to", "target", type=click.Choice([each.value for each in Target]), required=True, help="Dialect.")
@click.option("-o", "--output", type=_FILE, help="File to write.  [default: standard output]")
@click.option("--architecture", type=_FILE, help="Write this architecture of the space instead of the space.")
@click.option("--lenient", is_flag=True, help="Read NNI's files as NNI did, and list what was forgiven.")
def convert(source: str, target: str, output: Path | None, architecture: Path | None, lenient: bool) -> None:
    """Write a space, or an architecture of it, in another dialect; the dialect of what is read is recognised.

    nascore: our space file. nni: blocks of mutable layers (v0.8). nni-wrapped: the same with _type and _value (v1.0).
    nni-flat: layer_choice, input_choice and hyper-parameters (v1.2 and later).
    """
    read = read_source(source, lenient=lenient)
    _tell_forgiven(read.nni.forgiven if read.nni is not None else ())
    if architecture is None:
        text = converted_space(read, Target(target))
    else:
        try:
            chosen = converted_architecture(read, read_text(architecture), Target(target), lenient=lenient)
        except ArchitectureError as error:
            message = f"{architecture}: {error.message}"
            raise ArchitectureError(message, hint=error.hint, violations=error.violations) from error
        _tell_forgiven(() if isinstance(chosen, str) else chosen.forgiven)
        text = text_of(chosen)
    if output is None:
        click.echo(text, nl=False)
    else:
        # No newline is translated: what is written is what was converted, byte for byte.
        output.write_bytes(text.encode("utf-8"))


def _tell_forgiven(forgiven: Sequence[Violation]) -> None:
    for violation in forgiven:
        click.echo(f"forgiven  {violation}", err=True)
