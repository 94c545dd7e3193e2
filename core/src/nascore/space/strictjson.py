"""Reading JSON from people and strangers: strict, bounded, and every fault says where it is.

Not here: what the document means. Beyond RFC 8259 this refuses duplicate names, ``NaN`` and ``Infinity``, and texts
that are too large or too deep to be a space.
"""

from __future__ import annotations

import json
import math

from nascore.errors import InvalidInputError

MAX_CHARACTERS = 64 * 2**20


def read_json(text: str | bytes, *, error: type[InvalidInputError]) -> object:
    """Reads one JSON document.

    Args:
        text: The document; bytes must be UTF-8.
        error: The class of error to raise.

    Raises:
        InvalidInputError: As ``error``, with line and column where the text is not JSON.
    """
    if len(text) > MAX_CHARACTERS:
        raise error(f"The JSON text has {len(text):,} characters; at most {MAX_CHARACTERS:,} are read.")
    try:
        return json.loads(text, object_pairs_hook=_members, parse_constant=_refuse_constant, parse_float=_finite)
    except json.JSONDecodeError as fault:
        raise error(f"Not JSON: {fault.msg} at line {fault.lineno}, column {fault.colno}.") from fault
    except RecursionError as fault:
        raise error("The JSON text is nested too deeply.") from fault
    except ValueError as fault:
        # UnicodeDecodeError, our own refusals below, and integers of thousands of digits.
        raise error(f"Not a JSON text that can be read: {fault}.") from fault


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members: dict[str, object] = {}
    for name, value in pairs:
        if name in members:
            raise ValueError(f"the name {name!r} appears twice in one dictionary")
        members[name] = value
    return members


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is beyond the range of a double")
    return number
