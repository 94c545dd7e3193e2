"""Canonical JSON: one byte sequence for one value, in every language.

This is the JSON Canonicalization Scheme, RFC 8785: no white space, members sorted by UTF-16 code units, the shortest
text that reads back as the same double (ECMAScript's ``Number::toString``), and only the escapes that must be. It
serves identity (SHA-256 of it), not people; `SearchSpace.to_json` is for people.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

from nascore.errors import InvalidInputError

JsonValue = None | bool | int | float | str | Sequence["JsonValue"] | Mapping[str, "JsonValue"]

_LARGEST_SAFE_INTEGER = 2**53 - 1
_encode = json.JSONEncoder(ensure_ascii=False).encode


def canonical_json(value: JsonValue) -> bytes:
    """Writes a value by RFC 8785.

    Raises:
        InvalidInputError: A number is not finite or an integer fits no double exactly, or a text has a lone surrogate.
    """
    parts: list[str] = []
    _write(value, parts)
    try:
        return "".join(parts).encode("utf-8")
    except UnicodeEncodeError as error:
        surrogate = error.object[error.start : error.end]
        raise InvalidInputError(f"{surrogate!r} is a lone surrogate, which no UTF-8 text can hold.") from error


def number_text(number: int | float) -> str:
    """A number as ECMAScript writes it (RFC 8785, section 3.2.2.3).

    Raises:
        InvalidInputError: The number is not finite, or is an integer beyond 2**53 - 1.
    """
    if isinstance(number, int):
        if abs(number) > _LARGEST_SAFE_INTEGER:
            raise InvalidInputError(f"{number} is beyond 2**53 - 1, where JSON numbers are inexact; write it as text.")
        return str(number)
    if not math.isfinite(number):
        raise InvalidInputError(f"{number} is not a finite number, so JSON cannot hold it.")
    return _real_text(number)


def _real_text(number: float) -> str:
    if number == 0:
        return "0"
    sign = "-" if number < 0 else ""
    digits, point = _digits_and_point(abs(number))
    if 0 < point <= 21:
        whole, fraction = digits[:point].ljust(point, "0"), digits[point:]
        return f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    mantissa = f"{digits[0]}.{digits[1:]}" if len(digits) > 1 else digits
    return f"{sign}{mantissa}e{point - 1:+d}"


def _digits_and_point(number: float) -> tuple[str, int]:
    """Shortest digits d1d2..dn and the place p of the point, so that number = 0.d1d2..dn * 10**p."""
    # Python's repr gives the same shortest digits as ECMAScript; only the layout differs.
    mantissa, _, exponent = repr(number).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = whole + fraction
    point = len(whole) + int(exponent or 0)
    stripped = digits.lstrip("0")
    return stripped.rstrip("0"), point - (len(digits) - len(stripped))


def _write(value: JsonValue, parts: list[str]) -> None:
    if value is None or isinstance(value, (bool, str)):
        parts.append(_encode(value))
    elif isinstance(value, (int, float)):
        parts.append(number_text(value))
    elif isinstance(value, Mapping):
        _write_object(value, parts)
    else:
        _write_array(value, parts)


def _write_object(members: Mapping[str, JsonValue], parts: list[str]) -> None:
    opening = "{"
    for name in sorted(members, key=_utf16):
        parts += (opening, _encode(name), ":")
        _write(members[name], parts)
        opening = ","
    parts.append("}" if members else "{}")


def _write_array(items: Sequence[JsonValue], parts: list[str]) -> None:
    opening = "["
    for item in items:
        parts.append(opening)
        _write(item, parts)
        opening = ","
    parts.append("]" if items else "[]")


def _utf16(name: str) -> bytes:
    return name.encode("utf-16-be", "surrogatepass")
