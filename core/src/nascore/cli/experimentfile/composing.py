"""Parsing YAML under caps: nesting, aliases, values and tags are counted as they come, before anything grows from them.

Not here: what the values are (``document``).
"""

from __future__ import annotations

from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.events import AliasEvent, NodeEvent
from ruamel.yaml.nodes import Node

MOST_ALIASES = 64
MOST_LEVELS = 32
MOST_VALUES = 20_000


class CapError(ValueError):
    """A text has more of something than any sensible file; ``line`` counts from 0."""

    def __init__(self, message: str, *, line: int, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.hint = hint


def composed(text: str) -> tuple[Node | None, SafeConstructor]:
    """Return the root of a text (``None`` for nothing), and what gives plain scalars their values.

    Raises:
        CapError: There is too much of something, or a tag.
        YAMLError: It is not YAML; of texts that are very wrong, the parser raises other errors as well.
    """
    yaml = _Yaml(typ="safe", pure=True)
    yaml.Composer = CappedComposer
    return yaml.compose(text), yaml.constructor


class _Yaml(YAML):
    """Looks for no plug-ins of the parser, which would list a folder for every file that is read."""

    def official_plug_ins(self) -> list[str]:
        """Return none."""
        return []


class CappedComposer(Composer):
    """Composes nodes from events, and stops where there are too many."""

    def __init__(self, loader: Any = None) -> None:
        super().__init__(loader=loader)
        self._level = 0
        self._aliases = 0
        self._values = 0

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        """Compose the next node, unless it is one too many."""
        self._check(self.parser.peek_event())
        self._level += 1
        composed: Node | None = super().compose_node(parent, index)
        self._level -= 1
        return composed

    def _check(self, event: NodeEvent) -> None:
        line = event.start_mark.line if event.start_mark is not None else 0
        self._values += 1
        if isinstance(event, AliasEvent):
            self._aliases += 1
        elif event.anchor is not None and event.anchor in self.anchors:
            raise CapError(f"The anchor `&{event.anchor}` stands twice.", line=line, hint="Give one another name.")
        if self._level > MOST_LEVELS:
            raise CapError(f"Nested deeper than {MOST_LEVELS} levels.", line=line)
        if self._aliases > MOST_ALIASES:
            raise CapError(f"More than {MOST_ALIASES} aliases.", line=line, hint="Write the values out.")
        if self._values > MOST_VALUES:
            raise CapError(f"More than {MOST_VALUES:,} values.", line=line)
        tag = getattr(event, "tag", None)
        if tag not in (None, "!"):
            raise CapError(f"Tags such as `{tag!s:.80}` are not read.", line=line, hint="Write a plain value.")
