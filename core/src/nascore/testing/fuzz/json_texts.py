"""JSON that is nearly right: valid documents with values exchanged, doubled, dropped, nested and spoilt.

It works on the text, so that it can write what no Python value stands for: a name twice, ``NaN``, ``1e400``, integers
of thousands of digits, lone surrogates. Each valid document is taken apart once; a mutation then costs microseconds.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from nascore.errors import InvalidInputError
from nascore.testing.fuzz.corners import JSON_NUMBERS, TEXTS
from nascore.testing.fuzz.edits import Edit, edited, picked, torn

_BLANK = re.compile(r"[ \t\r\n]*")
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
_ATOM = re.compile(r"-?[0-9][0-9.eE+-]*|true|false|null")
_CORNERS: tuple[str, ...] = (
    *JSON_NUMBERS,
    *(json.dumps(text) for text in TEXTS),
    "null",
    "true",
    "false",
    "[]",
    "{}",
    "[[]]",
    "[null]",
    '{"":0}',
    "",
    "'a'",
    "// a",
    "tru",
    '"\\x"',
    '"\\u12"',
    '"\t"',
)
_DEPTHS = (2, 20, 40, 100, 400, 1200, 5000)


@dataclass(frozen=True, slots=True)
class JsonDocument:
    """A valid document, taken apart.

    Attributes:
        text: The document.
        values: Begin and end of every value, the document itself last.
        members: Begin and end of every member of an object, its name included.
        names: Begin and end of every name.
        commas: Places of all commas, colons and brackets.
    """

    text: str
    values: tuple[tuple[int, int], ...]
    members: tuple[tuple[int, int], ...]
    names: tuple[tuple[int, int], ...]
    commas: tuple[int, ...]

    @classmethod
    def of(cls, text: str) -> JsonDocument:
        """Take a valid document apart."""
        scan = _Scan(text)
        scan.value(0)
        return cls(text, tuple(scan.values), tuple(scan.members), tuple(scan.names), tuple(scan.marks))


class JsonTexts:
    """Makes texts that are nearly JSON of some kind.

    Args:
        documents: Valid documents of that kind; small ones make fast campaigns.
        values: More values to be put in, as JSON texts: what means something to the reader.
        names: More names of members.
    """

    def __init__(self, documents: Sequence[str], *, values: Sequence[str] = (), names: Sequence[str] = ()) -> None:
        self._documents = tuple(map(JsonDocument.of, documents))
        found = {each.text[begin:end] for each in self._documents for begin, end in each.values}
        self._values = (*sorted(text for text in found if len(text) < 400), *values)
        self._names = (
            *sorted({each.text[begin:end] for each in self._documents for begin, end in each.names}),
            *map(json.dumps, (*names, "", "__proto__", "\ud800", "__metadata__")),
        )

    def __call__(self, rng: random.Random) -> str:
        """Return the next text."""
        document = self._documents[int(rng.random() * len(self._documents))]
        edits = [self._edit(document, rng)]
        while rng.random() < 0.4 and len(edits) < 6:
            edits.append(self._edit(document, rng))
        text = edited(document.text, edits)
        return torn(text, rng) if rng.random() < 0.04 else text

    def _edit(self, document: JsonDocument, rng: random.Random) -> Edit[str]:
        kind = rng.random()
        if kind < 0.62 or not document.members:
            begin, end = document.values[int(rng.random() * len(document.values))]
            return begin, end, self._value(document.text[begin:end], rng)
        if kind < 0.8:
            begin, end = document.members[int(rng.random() * len(document.members))]
            return begin, end, self._member(document.text[begin:end], rng)
        if kind < 0.93:
            begin, end = document.names[int(rng.random() * len(document.names))]
            return begin, end, picked(self._names, rng)
        place = document.commas[int(rng.random() * len(document.commas))]
        return place, place + int(rng.random() * 2), picked((",", ":", "]", "}", "[", "{", "\x00", "\ufeff", " "), rng)

    def _value(self, old: str, rng: random.Random) -> str:
        kind = rng.random()
        if kind < 0.45:
            return picked(_CORNERS, rng)
        if kind < 0.75:
            return picked(self._values, rng)
        if kind < 0.85:
            return ",".join([old] * (2 + int(rng.random() * 3)))  # Twice in an array; malformed elsewhere.
        if kind < 0.97:
            return f"[{old}]" if rng.random() < 0.5 else f"{{{picked(self._names, rng)}:{old}}}"
        return _deep(old, rng)

    def _member(self, old: str, rng: random.Random) -> str:
        kind = rng.random()
        if kind < 0.4:
            return '"_":0' if kind < 0.05 else ""  # With a comma too many where it was not alone.
        if kind < 0.7:
            return f"{old},{old}"
        return f"{old},{picked(self._names, rng)}:{picked(self._values, rng)}"


def _deep(inner: str, rng: random.Random) -> str:
    depth = _DEPTHS[int(rng.random() * len(_DEPTHS))]
    opening, closing = ("[", "]") if rng.random() < 0.5 else ('{"a":', "}")
    return opening * depth + inner + closing * (depth if rng.random() < 0.8 else 0)


class _Scan:
    """Notes where everything stands in a valid text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.values: list[tuple[int, int]] = []
        self.members: list[tuple[int, int]] = []
        self.names: list[tuple[int, int]] = []
        self.marks: list[int] = []

    def value(self, begin: int) -> int:
        begin = self._blank(begin)
        opening = self._text[begin]
        if opening == '"':
            end = self._matched(_TEXT, begin)
        elif opening in "[{":
            end = self._parts(begin, "]" if opening == "[" else "}")
        else:
            end = self._matched(_ATOM, begin)
        self.values.append((begin, end))
        return end

    def _parts(self, begin: int, closing: str) -> int:
        place = self._blank(begin + 1)
        self.marks.append(begin)
        while self._text[place] != closing:
            start = self._blank(place)
            place = self._blank(self.value(start) if closing == "]" else self._member(start))
            self.marks.append(place)
            if self._text[place] == ",":
                place = self._blank(place + 1)
        return place + 1

    def _member(self, begin: int) -> int:
        name_end = self._matched(_TEXT, begin)
        self.names.append((begin, name_end))
        colon = self._blank(name_end)
        self.marks.append(colon)
        end = self.value(colon + 1)
        self.members.append((begin, end))
        return end

    def _blank(self, place: int) -> int:
        return self._matched(_BLANK, place)

    def _matched(self, pattern: re.Pattern[str], place: int) -> int:
        found = pattern.match(self._text, place)
        if found is None:
            raise InvalidInputError(f"The document is not JSON at character {place}.", hint="Give valid documents.")
        return found.end()
