"""Writing an experiment file and the space file beside it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from nascore.cli.importing.nniexperiment import Imported
from nascore.errors import SettingsError
from nascore.nni import search_space_of
from nascore.record import JsonValue

_PATHS = ("trialFile", "trialCodeDirectory")
_BARE = re.compile(r"[A-Za-z_][\w./-]*(?: [\w./-]+)*")
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})


def write_experiment(imported: Imported, target: Path, *, source: Path) -> tuple[Path, ...]:
    """Writes both files, unless one is there already, and returns their paths.

    Raises:
        SettingsError: One of the files is there already.
        SpaceError: NNI's space is too large to be one of ours.
    """
    space_file = target.with_name(f"{target.stem}.space.json")
    files = [target] if imported.space is None else [target, space_file]
    for file in files:
        if file.exists():
            raise SettingsError(f"{file} is there already.", hint="Remove it, or write elsewhere with `-o FILE`.")
    keys = dict(imported.keys)
    if imported.space is not None:
        space_file.write_text(search_space_of(imported.space).to_json(), encoding="utf-8")
        keys["searchSpaceFile"] = space_file.name
    target.write_text(yaml_of(_relative(keys, target), source=source), encoding="utf-8")
    return tuple(files)


def yaml_of(keys: Mapping[str, JsonValue], *, source: Path) -> str:
    """The text of an experiment file."""
    lines = [f"# Written from {source.name} by `nascore import nni`; begin with `nascore run`."]
    lines += [f"{key}: {_scalar(value)}" for key, value in keys.items()]
    return "\n".join(lines) + "\n"


def _relative(keys: Mapping[str, JsonValue], target: Path) -> dict[str, JsonValue]:
    home = target.parent.resolve()
    return {
        key: os.path.relpath(value, home) if key in _PATHS and isinstance(value, str) else value
        for key, value in keys.items()
    }


def _scalar(value: JsonValue) -> str:
    """A value as YAML: text without quotes where nothing else could be read, the rest as JSON, which YAML includes."""
    if isinstance(value, str) and _BARE.fullmatch(value) and value.lower() not in _WORDS:
        return value
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_scalar(inner)}" for key, inner in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)
