"""A YAML document with positions: plain values, each of which knows its line.

Only plain YAML is read: no tags, so that nothing in a file can name a Python object; at most 256 KiB, 64 aliases, 32
levels and 20,000 values, all counted while the text is parsed, so that no file can fill the memory or an hour. Not
here: what the keys mean (``nascore.cli.experimentfile.keys``), and the parsing itself (``composing``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Union

from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.nodes import Node as YamlNode

from nascore.cli.experimentfile.composing import MOST_LEVELS, MOST_VALUES, CapError, composed
from nascore.cli.failure import InputFileError
from nascore.record import JsonValue

_MOST_BYTES = 2**18
_LARGEST = 2**1023  # Beyond, an integer fits no double, and most of what is done with numbers fails.

# What ruamel.yaml raises, where it should say what is wrong: found by fuzzing ("%YAML 9.9", "\\UFFFFFFFF").
_PARSER_DEFECTS = (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError)

_TAG = "tag:yaml.org,2002:"
_MERGE = f"{_TAG}merge"

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
        root, construct = composed(text)
    except CapError as error:
        raise source.error(error.message, line=error.line, hint=error.hint) from error
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise source.error(
            f"Not valid YAML: {error.problem or error.context}.",
            line=mark.line if mark else 0,
            hint=_syntax_hint(error),
        ) from error
    except (YAMLError, *_PARSER_DEFECTS) as error:
        raise source.error(f"Not valid YAML: {error!s:.200}.", line=0) from error
    return _Converter(source, construct).convert(root, path="")


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise InputFileError(f"Cannot read the file: {error.strerror}.", where=str(path)) from error
    if len(content) > _MOST_BYTES:
        raise InputFileError("The file is larger than 256 KiB.", where=str(path), hint="Is it the right file?")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputFileError("The file is not UTF-8 text.", where=f"{path}:{line}", hint="Save it as UTF-8.") from error


def _syntax_hint(error: MarkedYAMLError) -> str:
    return "Indent with spaces, not tabs." if "\\t" in str(error.problem) else ""


class _Converter:
    """Turns what was parsed into values that know their place; an alias counts for all that it stands for."""

    def __init__(self, source: Source, construct: SafeConstructor) -> None:
        self._source = source
        self._construct = construct
        self._count = 0
        self._level = 0

    def convert(self, parsed: YamlNode | None, *, path: str) -> Node:
        line = 0 if parsed is None else parsed.start_mark.line
        self._count += 1
        if self._count > MOST_VALUES:
            raise self._source.error(f"More than {MOST_VALUES:,} values.", line=line)
        if isinstance(parsed, ScalarNode):
            return Node(self._scalar(parsed, line=line), self._source, line, path)
        if self._level > MOST_LEVELS:  # An alias may stand inside what it stands for.
            raise self._source.error(f"Nested deeper than {MOST_LEVELS} levels.", line=line)
        self._level += 1
        node = self._convert_collection(parsed, line=line, path=path)
        self._level -= 1
        return node

    def _convert_collection(self, parsed: YamlNode | None, *, line: int, path: str) -> Node:
        if isinstance(parsed, MappingNode):
            return self._convert_map(parsed, line=line, path=path)
        if isinstance(parsed, SequenceNode):
            items = [self.convert(item, path=f"{path}[{index}]") for index, item in enumerate(parsed.value)]
            return Node(items, self._source, line, path)
        return Node(None, self._source, line, path)

    def _convert_map(self, parsed: MappingNode, *, line: int, path: str) -> Node:
        nodes: dict[str, Node] = {}
        key_lines: dict[str, int] = {}
        merged: list[YamlNode] = []
        for key_node, value in parsed.value:
            if key_node.tag == _MERGE:
                merged.append(value)
                continue
            key = self._key(key_node)
            if key in nodes:
                message = f"Not valid YAML: found duplicate key `{key}`."
                raise self._source.error(message, line=key_node.start_mark.line, hint="Remove one of the two.")
            nodes[key] = self.convert(value, path=f"{path}.{key}" if path else key)
            key_lines[key] = key_node.start_mark.line
        for value in merged:
            for other in self._groups(value, path=path):
                for key, node in other.items():
                    nodes.setdefault(key, node)
                    key_lines.setdefault(key, line)  # It stands elsewhere; here is where it is wanted.
        return Node(nodes, self._source, line, path, key_lines)

    def _groups(self, parsed: YamlNode, *, path: str) -> Iterator[dict[str, Node]]:
        """Yield the groups of keys that ``<<`` takes in: one, or each of a list."""
        found = self.convert(parsed, path=path)
        for node in found.value if isinstance(found.value, list) else [found]:
            if not isinstance(node.value, dict):
                raise node.error("`<<` takes in groups of keys only.", hint="Write the keys out.")
            yield node.value

    def _key(self, parsed: YamlNode) -> str:
        line = parsed.start_mark.line
        key = self._scalar(parsed, line=line) if isinstance(parsed, ScalarNode) else None
        if not isinstance(key, str):
            shown = f" {parsed.value:.80}" if isinstance(parsed, ScalarNode) else ""
            raise self._source.error(f"The key{shown} is not text.", line=line, hint="Write it in quotes.")
        return key

    def _scalar(self, parsed: YamlNode, *, line: int) -> Value:
        kind = str(parsed.tag).removeprefix(_TAG)
        if kind not in ("str", "int", "float", "bool", "null"):
            message = f"`{parsed.value:.80}` is neither text nor a number."
            raise self._source.error(message, line=line, hint="Write it in quotes.")
        try:
            value: Value = getattr(self._construct, f"construct_yaml_{kind}")(parsed)
        except (ValueError, LookupError, YAMLError) as error:
            raise self._source.error(f"Not valid YAML: {error!s:.200}.", line=line) from error
        fault = _fault(value)
        if fault:
            raise self._source.error(f"`{parsed.value!r:.80}` {fault}.", line=line, hint="Write another value.")
        return value


def _fault(value: Value) -> str:
    """Say what is wrong with a value that nothing could do anything with."""
    if isinstance(value, int) and abs(value) >= _LARGEST:
        return "is an integer that fits no machine number"
    if isinstance(value, str) and ("\0" in value or any("\ud800" <= character <= "\udfff" for character in value)):
        return "has a NUL or a lone surrogate, which no name, path or file can hold"
    return ""
