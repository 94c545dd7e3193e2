"""A verb that takes a tuner: the settings of the named tuner become options of the command, in its help too."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

import click
from rich_click import RichOption, RichOptionPanel

from nascore.cli.tunerchoice import is_address, options_of, parse_setting, parse_value
from nascore.cli.verb import Verb
from nascore.errors import NascoreError, SettingsError
from nascore.record import JsonValue
from nascore.tuner.settings import SettingsOption

_TUNER_KEY = "nascore.tuner"
_OPTIONS_KEY = "nascore.tuner_options"
_SETTINGS_KEY = "nascore.settings"
_Function = TypeVar("_Function", bound=Callable[..., object])


class TunerVerb(Verb):
    """A verb with ``--tuner``; the tuner's settings follow as options (``--population-size``)."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.panels.append(RichOptionPanel("Options"))  # said here so that the tuner's panel comes after it

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: object
    ) -> click.Context:
        """Look for the name of the tuner before the options are parsed, because it decides which there are."""
        tuner = _tuner_in(args) or os.environ.get(f"NASCORE_{str(info_name).upper()}_TUNER", "")
        if parent is not None and tuner:
            parent.meta[_TUNER_KEY] = tuner
        return super().make_context(info_name, args, parent, **extra)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the command's own options and those of the tuner."""
        own = super().get_params(ctx)
        taken = {name for parameter in own for name in parameter.opts}
        return [*own, *(option for option in _tuner_options(ctx) if not taken & set(option.opts))]


def _tuner_in(args: list[str]) -> str:
    for index, word in enumerate(args):
        if word == "--tuner" and index + 1 < len(args):
            return args[index + 1]
        if word.startswith("--tuner="):
            return word.partition("=")[2]
    return ""


def _tuner_options(context: click.Context) -> list[click.Option]:
    tuner = context.meta.get(_TUNER_KEY, "")
    if not tuner or is_address(tuner):
        return []
    if _OPTIONS_KEY not in context.meta:  # click compares parameters by identity between its calls
        try:
            context.meta[_OPTIONS_KEY] = [_option(setting, tuner) for setting in options_of(tuner)]
        except NascoreError:  # it is said in full when the command runs; help must not fail on it
            context.meta[_OPTIONS_KEY] = []
    options: list[click.Option] = context.meta[_OPTIONS_KEY]
    return options


def _option(setting: SettingsOption, tuner: str) -> click.Option:
    default = f"  [default: {setting.default}]" if setting.default else ""
    return RichOption(
        [f"--{setting.name.replace('_', '-')}", f"tuner_setting_{setting.name}"],
        metavar=_metavar(setting),
        help=f"{setting.help}{f'  [{_plain(setting.type)}]' if ' ' in setting.type else ''}{default}",
        panel=f"Settings of {tuner}",
        expose_value=False,
        callback=_remember(setting.name),
    )


def _plain(kind: str) -> str:
    return kind.replace(" (", " ").removesuffix(")")


def _metavar(setting: SettingsOption) -> str:
    if setting.type == "boolean":
        return "true|false"
    return setting.type.upper() if " " not in setting.type else "VALUE"


def _remember(name: str) -> Callable[[click.Context, click.Parameter, str | None], None]:
    def remember(context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
        if value is not None:
            context.meta.setdefault(_SETTINGS_KEY, {})[name] = parse_value(value)

    return remember


def settings_option(function: _Function) -> _Function:
    """Add ``--set key=value``, which may be repeated."""
    return click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="KEY=VALUE",
        callback=_parse_settings,
        help="A setting of the tuner; may be repeated. `--tuner NAME --help` lists them.",
    )(function)


def insecure_option(function: _Function) -> _Function:
    """Add ``--insecure``, which is about tuners on other machines."""
    text = "Speak to a grpc:// tuner on another machine without TLS."
    return click.option("--insecure", "is_tuner_insecure", is_flag=True, help=text)(function)


def _parse_settings(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> object:
    settings: dict[str, JsonValue] = {}
    for text in values:
        key, value = parse_setting(text)
        if key in settings:
            raise SettingsError(f"--set: `{key}` is given twice.", hint="Keep one of the two.")
        settings[key] = value
    return settings


def given_settings(context: click.Context, settings: dict[str, JsonValue]) -> dict[str, JsonValue] | None:
    """Return everything that was set, by ``--set`` or by an option of its own; ``None`` if nothing was.

    Raises:
        SettingsError: If one setting is given in both ways.
    """
    own: dict[str, JsonValue] = context.meta.get(_SETTINGS_KEY, {})
    if twice := sorted(own.keys() & settings.keys()):
        raise SettingsError(f"`{twice[0]}` is given twice.", hint="Keep either the option or --set.")
    return {**own, **settings} or None
