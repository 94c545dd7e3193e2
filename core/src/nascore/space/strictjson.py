"""Reading JSON from people and strangers: strict, bounded, and every fault says where it is.

Not here: what the document means. Beyond RFC 8259 this refuses duplicate names, ``NaN`` and ``Infinity``, numbers that
no double holds, lone surrogates, and texts that are too large or too deep to be a space. So whatever was read can be
written, sent and printed again.
"""

from __future__ import annotations

import json
import math
import re

from nascore.errors import InvalidInputError

MAX_CHARACTERS = 64 * 2**20
MAX_LEVELS = 200
"""Lists and dictionaries in each other: more than the deepest space needs, and far from the interpreter's own end."""
MAX_DIGITS = 300
"""Digits of an integer; one more and it might not fit a double."""

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")


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
        decoded = text if isinstance(text, str) else text.decode("utf-8")
        document: object = _DECODER.decode(decoded)
        _check_depth(document, decoded)
        if _SURROGATE.search(decoded):
            json.dumps(document, ensure_ascii=False).encode("utf-8")
        return document
    except json.JSONDecodeError as fault:
        raise error(f"Not JSON: {fault.msg} at line {fault.lineno}, column {fault.colno}.") from fault
    except RecursionError as fault:
        raise error(_TOO_DEEP) from fault
    except UnicodeEncodeError as fault:
        found = f"{fault.object[fault.start]!r}"
        raise error(f"The JSON text has the lone surrogate {found}, which no UTF-8 text can hold.") from fault
    except ValueError as fault:
        # UnicodeDecodeError, and our own refusals below.
        raise error(f"Not a JSON text that can be read: {fault}.") from fault


def _check_depth(document: object, text: str) -> None:
    if text.count("[") + text.count("{") <= MAX_LEVELS:
        return
    level = [document]
    for _ in range(MAX_LEVELS):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer if isinstance(outer, list) else ())
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return
    raise RecursionError


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members: dict[str, object] = {}
    for name, value in pairs:
        if name in members:
            raise ValueError(f"the name {name!r:.80} appears twice in one dictionary")
        members[name] = value
    return members


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not a JSON number")


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"an integer of {len(text):,} digits is beyond the range of a double")
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text:.40} is beyond the range of a double")
    return number


_TOO_DEEP = f"The JSON text is nested too deeply; at most {MAX_LEVELS} lists and dictionaries may be in each other."
_DECODER = json.JSONDecoder(
    object_pairs_hook=_members, parse_constant=_refuse_constant, parse_float=_finite, parse_int=_integer
)
