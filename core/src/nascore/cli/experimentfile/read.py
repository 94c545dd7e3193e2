"""Reading an experiment file: strict, with the line of whatever is wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from nascore.cli.experimentfile.document import Node, read_document
from nascore.cli.experimentfile.keys import FOREIGN, KEYS, ONE_SHOT, Key
from nascore.cli.experimentfile.readers import members, read_direction, read_settings, read_text
from nascore.cli.request import RunRequest
from nascore.cli.suggestion import did_you_mean
from nascore.record import Direction, Objective

_BY_NAME = {name: key for key in KEYS for name in key.names}
_SETTINGS_NAMES = ("classArgs", "class_args", "settings")
_MODE_NAMES = ("optimize_mode", "optimizeMode")


def read_experiment_file(path: Path) -> RunRequest:
    """Return what an experiment file asks for.

    Raises:
        InputFileError: If it is not valid; names and quotes the line.
    """
    root = read_document(path)
    given = _keys_of(root)
    # Any, because each field has the type that its key's reader returns.
    said: dict[str, Any] = {}
    for key, node in given.values():
        if key.field == ONE_SHOT:
            said[ONE_SHOT] = said.get(ONE_SHOT, {}) | key.read(node)
        elif key.field:
            said[key.field] = key.read(node)
    mode = read_direction(given["optimizeMode"][1]) if "optimizeMode" in given else None
    if "tuner" in given:
        said["tuner"], said["settings"], tuner_mode = _read_tuner(given["tuner"][1])
        mode = mode or tuner_mode
    if "trial_file" in said and "trial_command" in said:
        raise given["trialCommand"][1].error("Both trialFile and trialCommand are given.", hint="Keep one of them.")
    if "folder" in said and not said["folder"].is_dir():
        raise given["trialCodeDirectory"][1].error(f"{said['folder']} is not a folder.")
    if isinstance(said.get("space_file"), str):
        said["hub"] = said.pop("space_file")
    request = RunRequest(**{"folder": path.resolve().parent} | said)
    return request if mode is None else replace(request, objectives=_with_mode(request, mode, root))


def _keys_of(root: Node) -> dict[str, tuple[Key, Node]]:
    if root.value is None:
        raise root.error("The file is empty.", hint="Begin with `trialFile: trial.py`, or with `nascore hello`.")
    if not isinstance(root.value, dict):
        raise root.error("The file is not a group of keys.", hint="Write lines such as `trialFile: trial.py`.")
    given: dict[str, tuple[Key, Node]] = {}
    for name, node in root.value.items():
        key = _BY_NAME.get(name)
        if key is None:
            raise root.source.error(f"Unknown key `{name}`.", line=root.key_lines[name], hint=_mend(name))
        if key.name in given:
            message = f"`{name}` says again what `{given[key.name][1].path}` says already."
            raise root.source.error(message, line=root.key_lines[name], hint="Remove one of the two.")
        given[key.name] = (key, node)
    return given


def _mend(name: str) -> str:
    if name in FOREIGN:
        return FOREIGN[name]
    style = [known for known in _BY_NAME if ("_" in known) == ("_" in name)]
    return (
        did_you_mean(name, style)
        or did_you_mean(name, _BY_NAME)
        or f"Known keys: {', '.join(key.name for key in KEYS)}."
    )


def _read_tuner(node: Node) -> tuple[str, dict[str, object], Direction | None]:
    if not isinstance(node.value, dict):
        return read_text(node), {}, None
    parts = members(node, ("name", *_SETTINGS_NAMES), required=("name",))
    given = [parts[name] for name in _SETTINGS_NAMES if name in parts]
    if len(given) > 1:
        raise given[1].error(f"`{given[1].path}` says again what `{given[0].path}` says.", hint="Keep one of them.")
    if not given:
        return read_text(parts["name"]), {}, None
    settings = dict(read_settings(given[0]))
    mode = None
    for name in _MODE_NAMES:  # NNI's tuners take the direction among their arguments
        if name in settings and isinstance(given[0].value, dict):
            settings.pop(name)
            mode = read_direction(given[0].value[name])
    return read_text(parts["name"]), dict(settings), mode


def _with_mode(request: RunRequest, mode: Direction, root: Node) -> tuple[Objective, ...]:
    objectives = request.objectives or (Objective("accuracy"),)
    if len(objectives) > 1:
        raise root.error("optimizeMode does not fit several objectives.", hint="Give each its own `direction`.")
    return (replace(objectives[0], direction=mode),)
