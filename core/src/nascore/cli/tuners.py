"""``nascore tuners``: every installed tuner, good or broken, with its settings; ``nascore tuners new`` begins one."""

from __future__ import annotations

import click
from rich.table import Table
from rich.text import Text
from rich_click import RichGroup

from nascore.cli import newtuner
from nascore.cli.failure import WrongUsageError
from nascore.cli.screen import emit_document, printable, say, show
from nascore.cli.suggestion import did_you_mean
from nascore.cli.tables import table_of
from nascore.cli.verb import Verb, debug_option, json_option
from nascore.errors import NascoreError
from nascore.record import JsonValue
from nascore.tuner.contract import Determinism, Tuner
from nascore.tuner.plugins import TUNERS, Plugins, PluginState, PluginStatus
from nascore.tuner.settings import SettingsOption, settings_options

_STYLES = {PluginState.OK: "green", PluginState.BLOCKED: "yellow"}


class _Tuners(RichGroup):
    """The group; a word that is none of its commands is the name of a tuner."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the first word names, or the one that shows the tuner of that name."""
        if args[0] in self.commands:
            return super().resolve_command(ctx, args)
        return args[0], _one, args


@click.group(
    "tuners", cls=_Tuners, invoke_without_command=True, subcommand_metavar="[NAME | new NAME]", params=[debug_option()]
)
@json_option
@click.pass_context
def command(context: click.Context, *, as_json: bool) -> None:
    """List installed tuners and their settings.

    With NAME only that one. A broken one is listed with the reason and what to do about it. `new NAME` writes the
    package of a new one.
    """
    if context.invoked_subcommand is None:
        _list(Plugins(TUNERS).status(), as_json=as_json)


command.add_command(newtuner.command)


@click.command("tuners", cls=Verb)
@click.argument("name")
@json_option
@click.pass_context
def _one(context: click.Context, *, name: str, as_json: bool) -> None:
    """List one installed tuner and its settings."""
    is_json_before = context.parent is not None and context.parent.params["as_json"]
    _list(_only(Plugins(TUNERS).status(), name), as_json=as_json or is_json_before)


def _list(statuses: tuple[PluginStatus, ...], *, as_json: bool) -> None:
    if as_json:
        emit_document([_document(status) for status in statuses])
    elif not statuses:
        say("No tuners are installed. Install one: `pip install nas-evolution`; begin one: `nascore tuners new NAME`.")
    else:
        _print(statuses)


def _only(statuses: tuple[PluginStatus, ...], name: str) -> tuple[PluginStatus, ...]:
    chosen = tuple(status for status in statuses if status.name == name)
    if not chosen:
        known = [status.name for status in statuses]
        fix = (
            did_you_mean(name, [*known, newtuner.command.name or ""]) or f"Installed are {', '.join(known) or 'none'}."
        )
        raise WrongUsageError(f"There is no tuner `{name}`.", fix=fix)
    return chosen


def _print(statuses: tuple[PluginStatus, ...]) -> None:
    for index, status in enumerate(statuses):
        if index:
            show("")
        _print_one(status)


def _print_one(status: PluginStatus) -> None:
    heading = Text.assemble((status.name, "bold"), "  ", (status.state.value, _STYLES.get(status.state, "red")))
    heading.append(f"  {printable(status.distribution)} {printable(status.version)}", style="dim")
    show(heading)
    tuner = tuner_of(status)
    if tuner is None:
        show(Text(f"  {printable(status.reason)}", style="red"))
        show(Text(f"  {printable(status.remedy)}", style="green"))
        return
    show(Text(f"  {printable(tuner.summary)}"))
    show(Text(f"  {_abilities(tuner)}", style="dim"))
    options = settings_options(tuner.settings_type)
    if options:
        show(settings_table(options))


def _abilities(tuner: type[Tuner]) -> str:  # type: ignore[type-arg]  # any settings
    most = "any number of objectives" if tuner.max_objectives == 0 else f"objectives: {tuner.max_objectives}"
    modes = ", ".join(sorted(mode.value for mode in tuner.modes))
    return f"{modes}; {most}; {level_text(tuner.determinism)}"


def level_text(level: Determinism) -> str:
    """Return how faithfully a tuner goes on after a crash: ``L1 · deterministic replay``."""
    return f"{level.value} · {level.meaning}"


def level_of(name: str) -> str:
    """Return the level of an installed tuner in words; empty if it is not installed, is broken, or is no plugin."""
    try:
        tuner = tuner_of(Plugins(TUNERS).find(name))
    except NascoreError:
        return ""
    return "" if tuner is None else level_text(tuner.determinism)


def tuner_of(status: PluginStatus) -> type[Tuner] | None:  # type: ignore[type-arg]  # any settings
    """Return the tuner of a plugin that works; ``None`` for a broken one."""
    value = status.value
    return value if isinstance(value, type) and issubclass(value, Tuner) else None


def settings_table(options: tuple[SettingsOption, ...]) -> Table:
    """Return the settings of a tuner as a table."""
    table = table_of("  setting", "type", "default", "what it means")
    table.columns[-1].no_wrap = False
    for option in options:
        default = Text("required", style="red") if option.is_required else Text(printable(option.default))
        table.add_row(f"  {printable(option.name)}", printable(option.type), default, printable(option.help))
    return table


def _document(status: PluginStatus) -> dict[str, JsonValue]:
    document: dict[str, JsonValue] = {
        "name": status.name,
        "distribution": status.distribution,
        "version": status.version,
        "state": status.state.value,
    }
    tuner = tuner_of(status)
    if tuner is None:
        return {**document, "reason": status.reason, "remedy": status.remedy}
    document["summary"] = tuner.summary
    document["determinism"] = tuner.determinism.value
    document["determinism_text"] = tuner.determinism.meaning
    document["modes"] = [*sorted(mode.value for mode in tuner.modes)]
    document["max_objectives"] = tuner.max_objectives
    document["node_kinds"] = [*sorted(tuner.node_kinds)]
    document["settings"] = [_setting_document(option) for option in settings_options(tuner.settings_type)]
    return document


def _setting_document(option: SettingsOption) -> dict[str, JsonValue]:
    return {
        "name": option.name,
        "type": option.type,
        "default": option.default,
        "is_required": option.is_required,
        "help": option.help,
    }
