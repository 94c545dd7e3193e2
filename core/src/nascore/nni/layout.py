"""How a JSON file is laid out, so that what is written into it looks like what was there.

A file that was read and not changed is written byte for byte as it was, whatever it looks like (see ``Original``). What
was changed is written in the layout that was found, which is that of every file from ``json.dumps``, with any indent,
separators and ``ensure_ascii``, or with lists on one line as NNI's documentation has them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from nascore.nni.located import Located

_SPACE = " \t\n\r"
_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*\\u[0-9a-fA-F]{4}")  # not after a backslash that is itself written with one


@dataclass(frozen=True, slots=True)
class Style:
    """A layout.

    Attributes:
        indent: What each level is indented by; ``None`` for everything on one line.
        newline: What ends a line.
        has_broken_lists: Whether each item of a list has a line of its own.
        comma: What stands between items on one line.
        broken_comma: What stands after an item that has its own line.
        colon: What stands between a name and its value.
        is_ascii: Whether other characters are escaped.
        end: What follows the document.
    """

    indent: str | None = "    "
    newline: str = "\n"
    has_broken_lists: bool = False
    comma: str = ", "
    broken_comma: str = ","
    colon: str = ": "
    is_ascii: bool = False
    end: str = "\n"


DOCUMENTED = Style()
"""The layout of NNI's own documentation: four spaces, lists on one line."""


@dataclass(frozen=True, slots=True, eq=False)
class Original:
    """A text that was read, and what it said."""

    text: str
    content: object
    style: Style


def render(document: object, style: Style) -> str:
    """A document of dictionaries, lists (or tuples) and scalars as JSON."""
    return "".join(_pieces(document, style, 0)) + style.end


def _pieces(value: object, style: Style, level: int) -> Iterator[str]:
    if isinstance(value, dict):
        is_broken = style.indent is not None
        parts = ((json.dumps(name, ensure_ascii=style.is_ascii) + style.colon, each) for name, each in value.items())
        yield from _container("{}", list(parts), style, level, is_broken=is_broken)
    elif isinstance(value, list | tuple):
        is_broken = style.indent is not None and (
            style.has_broken_lists or any(isinstance(each, dict) for each in value)
        )
        yield from _container("[]", [("", each) for each in value], style, level, is_broken=is_broken)
    else:
        yield json.dumps(value, ensure_ascii=style.is_ascii)


def _container(
    signs: str, parts: list[tuple[str, object]], style: Style, level: int, *, is_broken: bool
) -> Iterator[str]:
    yield signs[0]
    margin = style.newline + (style.indent or "") * (level + 1)
    for index, (name, value) in enumerate(parts):
        if index:
            yield style.broken_comma if is_broken else style.comma
        yield (margin if is_broken else "") + name
        yield from _pieces(value, style, level + 1)
    if is_broken and parts:
        yield style.newline + (style.indent or "") * level
    yield signs[1]


def style_of(text: str, root: Located) -> Style:
    """The layout of a text, from the first place that shows each part of it."""
    seen = _Seen(text)
    seen.look(root)
    return Style(
        indent=None if seen.opening is None else seen.opening.rpartition("\n")[2],
        newline="\r\n" if seen.opening is not None and "\r\n" in seen.opening else "\n",
        has_broken_lists=bool(seen.has_broken_lists),
        comma=", " if seen.comma is None else seen.comma,
        broken_comma="," if seen.broken_comma is None else seen.broken_comma,
        colon=": " if seen.colon is None else seen.colon,
        is_ascii=text.isascii() and _ESCAPE.search(text) is not None,
        end=text[len(text.rstrip(_SPACE)) :],
    )


class _Seen:
    """What was met of each part of a layout; the first counts."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.opening: str | None = None
        self.has_broken_lists: bool | None = None
        self.comma: str | None = None
        self.broken_comma: str | None = None
        self.colon: str | None = None

    def look(self, node: Located) -> None:
        """Looks at a container and what is in it."""
        if isinstance(node.value, dict):
            offsets = [name.offset for name in node.names.values()]
            members = list(node.value.values())
            self._items(node, offsets)
            for start, member in zip(offsets, members, strict=True):
                self._colon(start, member.offset)
        elif isinstance(node.value, list):
            members = node.value
            self._items(node, [item.offset for item in members])
            if members and self.has_broken_lists is None and not isinstance(members[0].value, dict):
                self.has_broken_lists = "\n" in self._before(members[0].offset)
        else:
            return
        for member in members:
            self.look(member)

    def _items(self, node: Located, offsets: list[int]) -> None:
        if offsets and isinstance(node.value, dict) and self.opening is None and not node.path:
            space = self._before(offsets[0])
            self.opening = space if "\n" in space else None
        for offset in offsets[1:2]:
            space = self._before(offset)
            comma = offset - len(space) - 1
            before = self._before(comma) + ","
            if "\n" in space:
                # Indentation ends the piece; what json.dumps puts behind the comma stays before the line's end.
                self.broken_comma = self.broken_comma or before + space.partition("\n")[0].removesuffix("\r")
            else:
                self.comma = self.comma or before + space

    def _colon(self, start: int, end: int) -> None:
        if self.colon is None:
            colon = self._text.rindex(":", start, end)
            self.colon = self._before(colon) + self._text[colon:end]

    def _before(self, offset: int) -> str:
        """The white space that ends at a character."""
        start = offset
        while start > 0 and self._text[start - 1] in _SPACE:
            start -= 1
        return self._text[start:offset]
