"""A Python file as it lies on the disk: its bytes, its text, and pieces of the text put in place of others.

What no edit touches comes out byte for byte: encoding, byte order mark, line ends, tabs and form feeds.
"""

from __future__ import annotations

import codecs
import io
import re
import tokenize
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath

_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, order=True, slots=True)
class Edit:
    """Put ``text`` in place of the characters from ``start`` up to ``end``."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that was read.

    Attributes:
        path: Where it is, seen from the folder that is compiled.
        name: What messages call it.
        module: Its dotted module name, seen from the folder that is compiled.
        text: What it says, without a byte order mark.
        encoding: How it is written.
        has_mark: Whether it begins with a byte order mark.
        starts: Where each line begins in ``text``.
    """

    path: PurePath
    name: str
    module: str
    text: str
    encoding: str
    has_mark: bool
    starts: tuple[int, ...]

    @classmethod
    def decoded(cls, data: bytes, *, path: PurePath, name: str, module: str) -> SourceFile:
        """Decode a file as Python does.

        Raises:
            SyntaxError: Its encoding is unknown.
            UnicodeDecodeError: It is not written in its encoding.
        """
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        has_mark = data.startswith(codecs.BOM_UTF8)
        if has_mark:
            encoding, data = "utf-8", data.removeprefix(codecs.BOM_UTF8)
        text = data.decode(encoding)
        starts = (0, *(found.end() for found in _LINE_END.finditer(text)))
        return cls(path, name, module, text, encoding, has_mark, starts)

    def offset(self, line: int, column: int) -> int:
        """Place in the text of a line from 1 and a column from 0."""
        return self.starts[line - 1] + column

    def line_of(self, offset: int) -> int:
        """The line, from 1, of a place in the text."""
        return bisect_right(self.starts, offset)

    def line_end(self, line: int) -> str:
        """How a line ends; as its neighbours do if it is the last one."""
        found = _LINE_END.search(self.text, self.starts[line - 1]) or _LINE_END.search(self.text)
        return found.group() if found else "\n"

    def edited(self, edits: Iterable[Edit]) -> bytes:
        """The file with some pieces replaced; they must not overlap."""
        ordered = sorted(edits)
        ends = (0, *(edit.end for edit in ordered))
        kept = (self.text[end : edit.start] for end, edit in zip(ends, ordered, strict=False))
        pieces = [piece for pair in zip(kept, (edit.text for edit in ordered), strict=True) for piece in pair]
        whole = "".join([*pieces, self.text[ends[-1] :]]).encode(self.encoding)
        return codecs.BOM_UTF8 + whole if self.has_mark else whole
