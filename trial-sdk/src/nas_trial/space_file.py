"""The answer to ``NASCORE_TASK=space``: the space of a trial file, written to the file that the environment names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from nascore.errors import SettingsError

from nas_trial.extract import Factory, extract


def write_space(factory: Factory, environ: Mapping[str, str]) -> None:
    """Write the space of a model as JSON to ``NASCORE_OUTPUT``, whole or not at all.

    Raises:
        SettingsError: The variable is not set.
        SpaceError: The choices do not make a space.
    """
    required(environ, "NASCORE_OUTPUT")
    write_text(extract(factory).to_json(), environ)


def write_text(space: str, environ: Mapping[str, str]) -> None:
    """Write a space that is JSON already to ``NASCORE_OUTPUT``, whole or not at all.

    Raises:
        SettingsError: The variable is not set.
    """
    target = Path(required(environ, "NASCORE_OUTPUT"))
    unfinished = target.with_name(f"{target.name}.part")
    unfinished.write_text(space, encoding="utf-8")
    unfinished.replace(target)


def required(environ: Mapping[str, str], name: str) -> str:
    """Return a variable that must be set beside ``NASCORE_TASK``.

    Raises:
        SettingsError: It is not.
    """
    if not environ.get(name):
        raise SettingsError(f"NASCORE_TASK is set, but {name} is not.", hint="`nascore` sets both.")
    return environ[name]
