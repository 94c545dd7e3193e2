"""The screen: where data and messages go. Data to stdout, messages to stderr; JSON as one document or as lines.

Not here: what an error looks like (``nascore.cli.failure``), and tables (``nascore.cli.tables``).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence

import click
from rich.console import Console, RenderableType
from rich.text import Text

LINE_WIDTH = 120
"""Characters of a line where nobody looks: what has no natural end, as an architecture, is cut to fit."""

_PIPE_WIDTH = 4096
_CONTROL = {code: None for code in [*range(0x20), *range(0x7F, 0xA0)] if chr(code) not in "\n\t"}


def data_console() -> Console:
    """Return the console of stdout; wide where nobody looks, so that nothing is cut or wrapped in a pipe."""
    return _console(is_wide=not sys.stdout.isatty(), is_stderr=False)


def show(*renderables: RenderableType) -> None:
    """Print data for people on stdout; in a pipe without spaces at the ends of lines."""
    _print(data_console(), renderables, is_stderr=False)


def tell(*renderables: RenderableType) -> None:
    """Print messages for people on stderr; in a pipe without spaces at the ends of lines."""
    _print(message_console(), renderables, is_stderr=True)


def _print(console: Console, renderables: Sequence[RenderableType], *, is_stderr: bool) -> None:
    if console.is_terminal:
        console.print(*renderables, sep="\n")
        return
    with console.capture() as capture:
        console.print(*renderables, sep="\n")
    lines = [line.rstrip() for line in capture.get().removesuffix("\n").split("\n")]
    click.echo("\n".join(lines), err=is_stderr)


def message_console() -> Console:
    """Return the console of stderr."""
    return _console(is_wide=not sys.stderr.isatty(), is_stderr=True)


def _console(*, is_wide: bool, is_stderr: bool) -> Console:
    width = _PIPE_WIDTH if is_wide else None
    return Console(stderr=is_stderr, width=width, highlight=False, markup=False, emoji=False)


def say(text: str, *, style: str = "") -> None:
    """Print a message for people on stderr; `words in backticks` are set off."""
    tell(prose(text, style=style))


def prose(text: str, *, style: str = "") -> Text:
    """Return text for the terminal: control characters removed, `words in backticks` set off."""
    shown = Text(printable(text), style=style)
    shown.highlight_regex(r"`[^`\n]+`", "bold")
    return shown


def printable(text: str) -> str:
    """Return text without control characters, so that no name or message of a trial steers the terminal."""
    return text.translate(_CONTROL)


def emit_document(document: Mapping[str, object] | Sequence[object]) -> None:
    """Print one JSON document on stdout, indented."""
    click.echo(json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2))


def emit_line(document: Mapping[str, object]) -> None:
    """Print one JSON document as a line of a stream on stdout, at once."""
    click.echo(json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")))
    sys.stdout.flush()
