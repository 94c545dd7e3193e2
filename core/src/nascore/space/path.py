"""Paths: where a decision stands in a space.

Segments are joined by ``/``: labels, the key of a candidate before its children (``op/conv3/kernel``), and copies of a
free repeat as ``stage[1]``, counted from 0. Labels and keys are free text, so ``%``, ``/``, ``[`` and ``]`` inside them
are percent-escaped (RFC 3986, section 2.1). Paths sort by code point.
"""

from __future__ import annotations

import re

from nascore.errors import InvalidInputError

_ESCAPED = re.compile(r"[%/\[\]]")
_ESCAPE = re.compile(r"%([0-9A-F]{2})")
_SEGMENT = re.compile(r"([^\[\]/]+)(?:\[(0|[1-9][0-9]*)\])?")


def escape(text: str) -> str:
    """A label or a key as it stands inside a path."""
    if _ESCAPED.search(text) is None:
        return text
    return _ESCAPED.sub(lambda found: f"%{ord(found.group()):02X}", text)


def unescape(segment: str) -> str:
    """The label or key that `escape` wrote.

    Raises:
        InvalidInputError: A ``%`` is not followed by two upper-case hexadecimal digits.
    """
    if segment.count("%") != len(_ESCAPE.findall(segment)):
        raise InvalidInputError(f"{segment!r} is not a path segment: % must be followed by two hexadecimal digits.")
    return _ESCAPE.sub(lambda found: chr(int(found.group(1), 16)), segment)


def join(*segments: str) -> str:
    """Joins segments that are escaped already; empty ones (the root) are left out."""
    return "/".join(segment for segment in segments if segment)


def child(prefix: str, label: str) -> str:
    """Path of ``label`` below ``prefix``; the label is escaped, the prefix (empty for the root) is a path already."""
    return f"{prefix}/{escape(label)}" if prefix else escape(label)


def copy(label: str, i: int) -> str:
    """Segment of copy ``i`` (from 0) of the free repeat ``label``: ``stage[1]``."""
    return f"{escape(label)}[{i}]"


def split(path: str) -> tuple[str, ...]:
    """The escaped segments of a path, outermost first; the root has none."""
    return tuple(path.split("/")) if path else ()


def label_and_copy(segment: str) -> tuple[str, int | None]:
    """The label of one segment and the number of its copy, or None.

    Raises:
        InvalidInputError: The text is not a segment.
    """
    found = _SEGMENT.fullmatch(segment)
    if found is None:
        raise InvalidInputError(f"{segment!r} is not a path segment, such as 'stage' or 'stage[1]'.")
    return unescape(found.group(1)), None if found.group(2) is None else int(found.group(2))
