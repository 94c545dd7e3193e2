"""The choice of a tuner: a name that is installed or an address, with settings checked before anything begins."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from nascore.cli.suggestion import did_you_mean
from nascore.errors import InvalidInputError, NotFoundError, SettingsError, UnsupportedError
from nascore.record import JsonValue, Objective
from nascore.tuner.address import endpoint
from nascore.tuner.contract import Settings, Tuner
from nascore.tuner.plugins import TUNERS, Plugins, load_tuner, package_of
from nascore.tuner.settings import SettingsOption, settings_options, validate

DEFAULT_TUNER = "random"


class UnknownTunerError(NotFoundError, InvalidInputError):
    """No tuner of that name is installed; nothing was begun."""

    reason = NotFoundError.reason


def is_address(tuner: str) -> bool:
    """Whether this is the address of a tuner (``exec:``, ``grpc://``) and not the name of an installed one."""
    return ":" in tuner


def check_tuner(
    tuner: str, settings: Mapping[str, JsonValue], *, objectives: Sequence[Objective] = (), is_insecure: bool = False
) -> None:
    """Check that a tuner is installed and takes these settings; one behind an address checks them itself.

    Args:
        tuner: Name or address.
        settings: Its settings.
        objectives: What is optimised.
        is_insecure: Whether a tuner on another machine may be spoken to without TLS.

    Raises:
        NotFoundError: If there is no such tuner; says what it may have been, or what to install.
        InvalidInputError: If the address is malformed.
        PluginError: If it is installed but broken.
        SettingsError: If the settings are not valid.
        UnsupportedError: If it cannot optimise so many objectives together.
    """
    if is_address(tuner):
        endpoint(tuner, insecure=is_insecure)
        return
    loaded = _load(tuner)
    validate(loaded.settings_type, settings)
    if 0 < loaded.max_objectives < len(objectives):
        most, named = loaded.max_objectives, ", ".join(objective.metric for objective in objectives)
        raise UnsupportedError(
            f"The tuner `{tuner}` optimises at most {most} of the {len(objectives)} objectives {named}.",
            hint="Give fewer --objective, or take a tuner for several; `nascore tuners` says which ones are.",
        )


def options_of(tuner: str) -> tuple[SettingsOption, ...]:
    """Return the settings of an installed tuner; none for one behind an address.

    Raises:
        NotFoundError: If there is no such tuner.
    """
    return () if is_address(tuner) else settings_options(_load(tuner).settings_type)


def summary_of(tuner: str) -> str:
    """Return one sentence about an installed tuner; empty for one behind an address."""
    return "" if is_address(tuner) else _load(tuner).summary


def _load(tuner: str) -> type[Tuner[Settings]]:
    try:
        return load_tuner(tuner)[0]
    except NotFoundError as error:
        raise UnknownTunerError(f"There is no tuner `{tuner}`.", hint=_remedy(tuner)) from error


def _remedy(tuner: str) -> str:
    if package := package_of(tuner):
        return f"Install it: `pip install {package}`."
    names = Plugins(TUNERS).names()
    if question := did_you_mean(tuner, names):
        return f"{question} See `nascore tuners` for the installed ones."
    return f"Installed are {', '.join(names)}." if names else "None is installed: `pip install nas-evolution`."


def parse_setting(text: str) -> tuple[str, JsonValue]:
    """Return key and value of ``key=value``; the value is JSON where it is valid JSON, and text otherwise.

    Raises:
        SettingsError: If there is no ``=`` or no key.
    """
    key, separator, value = text.partition("=")
    if not separator or not key.strip():
        raise SettingsError(f"`{text}` is not a setting.", hint="Write key=value, for example population_size=50.")
    return key.strip(), parse_value(value)


def parse_value(text: str) -> JsonValue:
    """Return JSON where the text is valid JSON with finite numbers, and the text itself otherwise."""
    try:
        value: JsonValue = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return text
    return value


def _refuse(word: str) -> None:
    raise ValueError(word)
