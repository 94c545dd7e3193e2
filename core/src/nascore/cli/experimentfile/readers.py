"""Readers: what may stand at a key of an experiment file, checked, with the line in every error."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

from nascore.cli.duration import parse_duration
from nascore.cli.experimentfile.document import Node
from nascore.cli.limits import parse_amount, parse_figure, parse_figures
from nascore.cli.request import Isolation, parse_direction, parse_gpus, parse_space
from nascore.cli.suggestion import did_you_mean
from nascore.errors import SettingsError
from nascore.record import Direction, JsonValue, Objective

_Answer = TypeVar("_Answer")
_NAMES: Mapping[type, str] = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    dict: "a group of keys",
    list: "a list",
    type(None): "nothing",
}


def wrong_type(node: Node, wanted: str, *, hint: str = "") -> SettingsError:
    """Return the error that another kind of value is wanted here."""
    found = "" if isinstance(node.value, dict | list | None) else f" `{node.value}`"
    return node.error(f"{node.path}: wanted {wanted}, found {_NAMES[type(node.value)]}{found}.", hint=hint)


def read_text(node: Node) -> str:
    """Return non-empty text."""
    if not isinstance(node.value, str) or not node.value.strip():
        raise wrong_type(node, "text")
    return node.value


def read_count(node: Node) -> int:
    """Return a whole number above zero."""
    if isinstance(node.value, bool) or not isinstance(node.value, int):
        raise wrong_type(node, "a whole number")
    if node.value < 1:
        raise node.error(f"{node.path}: {node.value} is not above 0.")
    return node.value


def read_seed(node: Node) -> int:
    """Return a seed: a whole number from 0 to 2^64 - 1."""
    if isinstance(node.value, bool) or not isinstance(node.value, int):
        raise wrong_type(node, "a whole number")
    if not 0 <= node.value < 2**64:
        raise node.error(f"{node.path}: {node.value} is not within 0 and 2^64 - 1.")
    return node.value


def read_number(node: Node) -> float:
    """Return a finite number."""
    if isinstance(node.value, bool) or not isinstance(node.value, int | float):
        raise wrong_type(node, "a number")
    if not math.isfinite(node.value):
        raise node.error(f"{node.path}: {node.value} is not finite.")
    return float(node.value)


def read_duration(node: Node) -> float:
    """Return seconds from ``24h``, ``1h30m``, or a number of seconds."""
    if isinstance(node.value, bool) or not isinstance(node.value, str | int | float):
        raise wrong_type(node, "a duration", hint="Write for example 90s, 30m or 24h.")
    return located(node, parse_duration, str(node.value))


def read_path(node: Node) -> Path:
    """Return the path of something that exists; relative to the file's own folder."""
    text = read_text(node)
    try:
        path = (node.source.path.parent / Path(text).expanduser()).resolve()
        is_there = path.exists()
    except (OSError, ValueError, RuntimeError) as error:  # Too long, NUL or a surrogate inside, no such user's home.
        raise node.error(f"{node.path}: {text[:80]!r} cannot be a path: {error!s:.200}.") from error
    if not is_there:
        raise node.error(f"{node.path}: there is no {path}.", hint="Paths are relative to the folder of this file.")
    return path


def read_space(node: Node) -> Path | str:
    """Return the path of a space file that exists, or a space of the hub as it stands."""
    space = located(node, parse_space, read_text(node))
    return space if isinstance(space, str) else read_path(node)


def read_command(node: Node) -> tuple[str, ...]:
    """Return a command from one line of text or a list of words; no shell is used."""
    if isinstance(node.value, list):
        words = tuple(read_text(word) for word in node.value)
    else:
        words = located(node, lambda text: tuple(shlex.split(text)), read_text(node))
    if not words:
        raise node.error(f"{node.path}: the command is empty.")
    return words


def read_isolation(node: Node) -> Isolation:
    """Return how trials are kept apart."""
    text = read_text(node)
    if text not in list(Isolation):
        raise node.error(f"{node.path}: `{text}` is neither `fork` nor `none`.")
    return Isolation(text)


def read_gpus(node: Node) -> tuple[str, ...]:
    """Return GPU indices from a list, or from text such as ``0,1`` or ``none``."""
    if isinstance(node.value, list):
        text = ",".join(str(item.value) for item in node.value)
    elif isinstance(node.value, str | int) and not isinstance(node.value, bool):
        text = str(node.value)
    else:
        raise wrong_type(node, "a list of GPU indices")
    return located(node, parse_gpus, text)


def read_direction(node: Node) -> Direction:
    """Return a direction from ``maximize`` or ``minimize``."""
    return located(node, parse_direction, read_text(node))


def read_objectives(node: Node) -> tuple[Objective, ...]:
    """Return objectives from a metric's name, from {metric, direction, bound}, or from a list of those."""
    nodes = node.value if isinstance(node.value, list) else [node]
    objectives = tuple(_read_objective(item) for item in nodes)
    names = [objective.metric for objective in objectives]
    if not names or len(set(names)) != len(names):
        raise node.error(f"{node.path}: wanted one or more objectives with distinct metrics, found {names}.")
    return objectives


def _read_objective(node: Node) -> Objective:
    if not isinstance(node.value, dict):
        return located(node, Objective, read_text(node))
    parts = members(node, ("metric", "direction", "bound"), required=("metric",))
    direction = read_direction(parts["direction"]) if "direction" in parts else Direction.MAXIMIZE
    bound = read_number(parts["bound"]) if "bound" in parts else None
    return located(node, lambda metric: Objective(metric, direction, bound), read_text(parts["metric"]))


def read_maxima(node: Node) -> Mapping[str, float]:
    """Return limits on figures of networks from a group such as {params: 3M, latency: 5ms}."""
    if not isinstance(node.value, dict):
        raise wrong_type(node, "a group of keys", hint="Write for example {params: 3M, latency: 5ms}.")
    maxima: dict[str, float] = {}
    for name, amount in node.value.items():
        figure = located(amount, parse_figure, name)
        if isinstance(amount.value, bool) or not isinstance(amount.value, str | int | float):
            raise wrong_type(amount, "an amount", hint="Write for example 3M, 300M or 5ms.")
        maxima[figure] = located(amount, partial(parse_amount, figure), str(amount.value))
    return maxima


def read_figures(node: Node) -> tuple[str, ...]:
    """Return figures of networks from a list, or from text such as ``params,macs``."""
    if isinstance(node.value, list):
        return tuple(dict.fromkeys(located(item, parse_figure, read_text(item)) for item in node.value))
    return located(node, parse_figures, read_text(node))


def read_settings(node: Node) -> Mapping[str, JsonValue]:
    """Return the settings of a tuner, as they stand."""
    if node.value is None:
        return {}
    if not isinstance(node.value, dict):
        raise wrong_type(node, "a group of keys")
    return {key: value.plain() for key, value in node.value.items()}


def members(node: Node, known: tuple[str, ...], *, required: tuple[str, ...] = ()) -> dict[str, Node]:
    """Return the members of a group, whose keys must all be known."""
    if not isinstance(node.value, dict):
        raise wrong_type(node, "a group of keys", hint=f"Its keys are {', '.join(known)}.")
    for key in node.value:
        if key not in known:
            hint = did_you_mean(key, known) or f"Its keys are {', '.join(known)}."
            raise node.source.error(f"Unknown key `{key}` in {node.path}.", line=node.key_lines[key], hint=hint)
    for key in required:
        if key not in node.value:
            raise node.error(f"{node.path}: `{key}` is missing.")
    return node.value


def located(node: Node, parse: Callable[[str], _Answer], text: str) -> _Answer:
    """Parse text, and name the line if it cannot be."""
    try:
        return parse(text)
    except SettingsError as error:
        raise node.error(f"{node.path}: {error.message}", hint=error.hint) from error
    except ValueError as error:
        raise node.error(f"{node.path}: {error}.") from error
