"""Options of a choice as candidates of a space: each option has one key, and from key and literal comes the option.

A number or a truth value is written as Python does; a text is its own key unless it reads like something else, which
puts it in quotes; a list or ``null`` is its JSON. An input without a name is ``#2`` for the one at place 2.
"""

from __future__ import annotations

import json
import re

from nascore.errors import SpaceError
from nascore.nni.entries import Json, Nested
from nascore.space import Candidate, Node

UNNAMED = re.compile(r"#\d+")


def option_key(option: Json | Nested) -> str:
    """The key of the candidate that an option becomes."""
    if isinstance(option, Nested):
        return option.name
    if isinstance(option, str):
        return json.dumps(option, ensure_ascii=False) if _is_ambiguous(option) else option
    if isinstance(option, tuple) or option is None:
        return json.dumps(option, ensure_ascii=False)
    return str(option)


def candidate_of(option: Json | Nested, children: tuple[Node, ...] = ()) -> Candidate:
    """The candidate that an option becomes."""
    if isinstance(option, Nested):
        return Candidate(option.name, children=children)
    key = option_key(option)
    return Candidate(key, key if isinstance(option, tuple) or option is None else option)


def option_of(candidate: Candidate) -> Json:
    """The option that a candidate without children stands for.

    Raises:
        SpaceError: Its key is another than the one that its value has in NNI's file.
    """
    value: Json = candidate.key if candidate.value is None else candidate.value
    if candidate.value == candidate.key and _is_ambiguous(candidate.key):
        thawed = _thawed(candidate.key)
        value = thawed if isinstance(thawed, tuple) or thawed is None else value
    if option_key(value) != candidate.key:
        raise SpaceError(
            f"The candidate {candidate.key!r} stands for {value!r}, which NNI would call {option_key(value)!r}.",
            hint="Give it that key.",
        )
    return value


def input_key(name: str, place: int) -> str:
    """The key of an input."""
    return name or f"#{place}"


def input_name(key: str) -> str:
    """The name of an input; empty if it has none."""
    return "" if UNNAMED.fullmatch(key) else key


def _is_ambiguous(text: str) -> bool:
    if text in ("", "True", "False"):
        return True
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _thawed(text: str) -> Json:
    def frozen(value: object) -> Json:
        return tuple(map(frozen, value)) if isinstance(value, list) else value  # type: ignore[return-value]  # JSON

    return frozen(json.loads(text)) if text not in ("", "True", "False") else text
