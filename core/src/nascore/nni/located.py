"""JSON in which every value knows its place, so that whatever is wrong with it can be said with line and column.

The rules are those of ``nascore.space.strictjson``. A name that stands twice in a dictionary is reported and reading
goes on, so that one run lists everything; a text that is no JSON ends at its first fault. Not here: what the values
mean.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import accumulate
from json import decoder
from json.decoder import JSONDecodeError
from typing import NoReturn, Union

from nascore.space.strictjson import MAX_CHARACTERS, MAX_DIGITS, MAX_LEVELS

Value = Union[str, int, float, bool, None, dict[str, "Located"], list["Located"]]
Report = Callable[["Located", str], None]

# The decoder's own, in C; the stubs leave it out.
_scan_string: Callable[[str, int], tuple[str, int]] = getattr(decoder, "scanstring")  # noqa: B009

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?", re.ASCII)
_WORDS = {"t": ("true", True), "f": ("false", False), "n": ("null", None)}


@dataclass(frozen=True, slots=True)
class Located:
    """A value with its place.

    Attributes:
        value: A scalar, a list, or a dictionary.
        offset: Where it begins, in characters from the start of the text.
        path: Its place in the document: ``mutable_1.layer_1.optional_inputs[2]``.
        names: For a dictionary, its members' names with their own places.
    """

    value: Value
    offset: int
    path: str
    names: dict[str, Located] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Lines:
    """Where the lines of a text begin."""

    starts: tuple[int, ...]

    @classmethod
    def of(cls, text: str) -> Lines:
        """Finds the lines."""
        return cls((0, *accumulate(len(line) + 1 for line in text.split("\n"))))

    def place(self, offset: int) -> str:
        """Line and column of a character, both counted from 1: ``3:7``."""
        line = bisect_right(self.starts, offset)
        return f"{line}:{offset - self.starts[line - 1] + 1}"


class NotJsonError(ValueError):
    """A text is no JSON; ``offset`` is where."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


def locate(text: str, report: Report) -> Located:
    """Reads a JSON text.

    Args:
        text: The text.
        report: Told of a name that stands twice, of which the last value counts, as it does in NNI.

    Raises:
        NotJsonError: It is no JSON, or too large or too deep to be a space.
    """
    if len(text) > MAX_CHARACTERS:
        raise NotJsonError(f"the text has {len(text):,} characters; at most {MAX_CHARACTERS:,} are read", 0)
    if text.startswith("\ufeff"):
        raise NotJsonError("the text begins with a byte order mark; save it as UTF-8 without one", 0)
    scanner = _Scanner(text, report)
    root, end = scanner.value(scanner.skip(0), "", 0)
    end = scanner.skip(end)
    if end != len(text):
        raise NotJsonError("something follows after the end of the document; write one JSON dictionary", end)
    return root


class _Scanner:
    def __init__(self, text: str, report: Report) -> None:
        self._text = text
        self._report = report

    def skip(self, at: int) -> int:
        found = _SPACE.match(self._text, at)
        return at if found is None else found.end()

    def value(self, at: int, path: str, level: int) -> tuple[Located, int]:
        sign = self._text[at : at + 1]
        if level > MAX_LEVELS:
            raise NotJsonError(f"more than {MAX_LEVELS} lists and dictionaries are in each other", at)
        if sign == '"':
            text, end = self._string(at)
            return Located(text, at, path), end
        if sign == "{":
            return self._dictionary(at, path, level)
        if sign == "[":
            return self._list(at, path, level)
        return self._plain(at, path)

    def _dictionary(self, at: int, path: str, level: int) -> tuple[Located, int]:
        members: dict[str, Located] = {}
        names: dict[str, Located] = {}
        end = self.skip(at + 1)
        while self._text[end : end + 1] != "}" or members:
            if self._text[end : end + 1] != '"':
                raise NotJsonError("a name in double quotes must stand here", end)
            start = end
            name, end = self._string(start)
            here = f"{path}.{name}" if path else name
            end = self._sign(end, ":")
            member, end = self.value(self.skip(end), here, level + 1)
            key = Located(name, start, here)
            if name in members:
                self._report(key, f"the name {name!r} stands twice in one dictionary")
            members[name], names[name] = member, key
            end = self.skip(end)
            if self._text[end : end + 1] == "}":
                break
            end = self.skip(self._sign(end, ",", "}"))
        return Located(members, at, path, names), end + 1

    def _list(self, at: int, path: str, level: int) -> tuple[Located, int]:
        items: list[Located] = []
        end = self.skip(at + 1)
        while self._text[end : end + 1] != "]" or items:
            item, end = self.value(end, f"{path}[{len(items)}]", level + 1)
            items.append(item)
            end = self.skip(end)
            if self._text[end : end + 1] == "]":
                break
            end = self.skip(self._sign(end, ",", "]"))
        return Located(items, at, path), end + 1

    def _sign(self, at: int, *expected: str) -> int:
        at = self.skip(at)
        if self._text[at : at + 1] != expected[0]:
            raise NotJsonError(f"a {' or '.join(map(repr, expected))} must stand here", at)
        return at + 1

    def _string(self, at: int) -> tuple[str, int]:
        try:
            text, end = _scan_string(self._text, at + 1)
        except JSONDecodeError as error:
            raise NotJsonError(error.msg[0].lower() + error.msg[1:], error.pos) from error
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise NotJsonError("the text has a lone surrogate, which no UTF-8 text can hold", at)
        return text, end

    def _plain(self, at: int, path: str) -> tuple[Located, int]:
        word, value = _WORDS.get(self._text[at : at + 1], ("", None))
        if word and self._text.startswith(word, at):
            return Located(value, at, path), at + len(word)
        found = _NUMBER.match(self._text, at)
        if found is None:
            self._nothing(at)
        is_integer = found[1] is None and found[2] is None
        if (is_integer and len(found[0]) > MAX_DIGITS) or (not is_integer and not math.isfinite(float(found[0]))):
            raise NotJsonError(f"{found[0]:.40} is beyond the range of a double", at)
        return Located(int(found[0]) if is_integer else float(found[0]), at, path), found.end()

    def _nothing(self, at: int) -> NoReturn:
        shown = self._text[at : at + 20].split("\n")[0]
        hint = "; texts stand in double quotes" if shown[:1] in "'`" and shown else ""
        raise NotJsonError(f"a value must stand here, not {shown!r}{hint}" if shown else "the text ends too early", at)
