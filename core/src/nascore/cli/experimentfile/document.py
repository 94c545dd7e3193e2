"""A YAML document with positions: plain values, each of which knows its line.

Only plain YAML is read: no tags, so that nothing in a file can name a Python object; at most 1 MiB, 64 aliases, 32
levels and 20,000 values, so that no file can fill the memory. Not here: what the keys mean
(``nascore.cli.experimentfile.keys``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Union

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, NodeEvent

from nascore.cli.failure import InputFileError
from nascore.record import JsonValue

_MOST_BYTES = 2**20
_MOST_ALIASES = 64
_MOST_LEVELS = 32
_MOST_VALUES = 20_000

Value = Union[str, int, float, bool, None, dict[str, "Node"], list["Node"]]


@dataclass(frozen=True, slots=True)
class Source:
    """The file that a document came from: its path, and its lines for quoting."""

    path: Path
    lines: tuple[str, ...]

    def error(self, message: str, *, line: int, hint: str = "") -> InputFileError:
        """Return an error that names and quotes a line, counted from 0."""
        text = self.lines[line].rstrip() if line < len(self.lines) else ""
        excerpt = f"{line + 1:>4} │ {text[:200]}" if text else ""
        return InputFileError(message, where=f"{self.path}:{line + 1}", excerpt=excerpt, hint=hint)


@dataclass(frozen=True, slots=True)
class Node:
    """A value with its place.

    Attributes:
        value: A scalar, a list of nodes, or a dictionary of nodes.
        source: The file.
        line: Line of the value, from 0.
        path: Its place in the document (``tuner.classArgs``), for messages.
        key_lines: For a dictionary, the line of each key.
    """

    value: Value
    source: Source
    line: int
    path: str
    key_lines: Mapping[str, int] = field(default_factory=dict)

    def error(self, message: str, *, hint: str = "") -> InputFileError:
        """Return an error about this value."""
        return self.source.error(message, line=self.line, hint=hint)

    def plain(self) -> JsonValue:
        """Return the value without positions."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


def read_document(path: Path) -> Node:
    """Read a YAML file and return its root.

    Raises:
        InputFileError: If it cannot be read, is not plain YAML, or is larger than any sensible file; names the line.
    """
    text = _read_text(path)
    source = Source(path, tuple(text.splitlines()))
    try:
        _check_events(text, source)
        loaded = YAML(typ="rt", pure=True).load(text)
    except InputFileError:
        raise
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise source.error(
            f"Not valid YAML: {error.problem or error.context}.",
            line=mark.line if mark else 0,
            hint=_syntax_hint(error),
        ) from error
    except (YAMLError, ValueError, RecursionError) as error:
        raise source.error(f"Not valid YAML: {error}.", line=0) from error
    return _Converter(source).convert(loaded, line=0, path="")


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise InputFileError(f"Cannot read the file: {error.strerror}.", where=str(path)) from error
    if len(content) > _MOST_BYTES:
        raise InputFileError("The file is larger than 1 MiB.", where=str(path), hint="Is it the right file?")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputFileError("The file is not UTF-8 text.", where=f"{path}:{line}", hint="Save it as UTF-8.") from error


def _syntax_hint(error: MarkedYAMLError) -> str:
    problem = str(error.problem)
    if "\\t" in problem:
        return "Indent with spaces, not tabs."
    return "Remove one of the two." if "duplicate key" in problem else ""


def _check_events(text: str, source: Source) -> None:
    level = aliases = 0
    for event in YAML(typ="rt", pure=True).parse(text):
        line = event.start_mark.line if event.start_mark is not None else 0
        if isinstance(event, CollectionStartEvent):
            level += 1
        elif isinstance(event, CollectionEndEvent):
            level -= 1
        aliases += isinstance(event, AliasEvent)
        if level > _MOST_LEVELS:
            raise source.error(f"Nested deeper than {_MOST_LEVELS} levels.", line=line)
        if aliases > _MOST_ALIASES:
            raise source.error(f"More than {_MOST_ALIASES} aliases.", line=line, hint="Write the values out.")
        tag = getattr(event, "tag", None) if isinstance(event, NodeEvent) else None
        if tag not in (None, "!"):
            raise source.error(f"Tags such as `{tag}` are not read.", line=line, hint="Write a plain value.")


class _Converter:
    """Turns what ruamel loaded into nodes, counting them."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._count = 0

    def convert(self, loaded: object, *, line: int, path: str) -> Node:
        self._count += 1
        if self._count > _MOST_VALUES:
            raise self._source.error(f"More than {_MOST_VALUES:,} values.", line=line)
        if isinstance(loaded, CommentedMap):
            return self._convert_map(loaded, line=line, path=path)
        if isinstance(loaded, CommentedSeq):
            return Node(list(self._items(loaded, path=path)), self._source, line, path)
        return Node(self._scalar(loaded, line=line), self._source, line, path)

    def _convert_map(self, loaded: CommentedMap, *, line: int, path: str) -> Node:
        nodes, key_lines = {}, {}
        for key, value in loaded.items():
            key_line, value_line = self._lines(loaded, key, fallback=line)
            if not isinstance(key, str):
                raise self._source.error(f"The key {key!r} is not text.", line=key_line, hint="Write it in quotes.")
            nodes[str(key)] = self.convert(value, line=value_line, path=f"{path}.{key}" if path else str(key))
            key_lines[str(key)] = key_line
        return Node(nodes, self._source, line, path, key_lines)

    @staticmethod
    def _lines(loaded: CommentedMap, key: object, *, fallback: int) -> tuple[int, int]:
        try:
            return loaded.lc.key(key)[0], loaded.lc.value(key)[0]
        except KeyError:  # a key merged in with << stands elsewhere
            return fallback, fallback

    def _items(self, loaded: Sequence[object], *, path: str) -> Iterator[Node]:
        assert isinstance(loaded, CommentedSeq)
        for index, item in enumerate(loaded):
            yield self.convert(item, line=loaded.lc.item(index)[0], path=f"{path}[{index}]")

    def _scalar(self, loaded: object, *, line: int) -> Value:
        if loaded is None or isinstance(loaded, bool):
            return loaded
        # ruamel's own scalar classes remember how they were written; an anchored boolean is an int to Python.
        if type(loaded).__name__ == "ScalarBoolean":
            return bool(loaded)
        for plain in (str, int, float):
            if isinstance(loaded, plain):
                return plain(loaded)
        raise self._source.error(f"`{loaded}` is neither text nor a number.", line=line, hint="Write it in quotes.")
