"""Pieces of code in the layout of the place that they are put in: indentation, line ends, what may be removed."""

from __future__ import annotations

import ast
import re

from nas_trial_plugin.annotation.sourcefile import Edit, SourceFile
from nas_trial_plugin.annotation.statements import Annotation, Span

_MARGIN = re.compile(r"[ \t]*\Z")
INDENT = "    "


def replaced(source: SourceFile, annotation: Annotation, statements: tuple[str, ...]) -> Edit:
    """Put statements, written with four spaces and plain line ends, in place of an annotation."""
    span = annotation.span
    if annotation.is_inline:
        # Behind the head of a block on the same line, further statements have no line to stand on.
        return Edit(span.start, span.end, "; ".join(_joined(statement) for statement in statements))
    line_end = source.line_end(span.line)
    text = "\n".join(statements).replace("\n", f"\n{_margin(source, span)}")
    return Edit(span.start, span.end, text.replace("\n", line_end))


def removed(source: SourceFile, annotation: Annotation) -> Edit:
    """Take an annotation away, with its lines if nothing else is on them."""
    span = annotation.span
    first = source.starts[span.line - 1]
    last = source.line_of(span.end)
    after = source.starts[last] if last < len(source.starts) else len(source.text)
    rest = source.text[first : span.start] + source.text[span.end : after]
    if rest.strip(" \t\r\n") or annotation.is_inline:
        return Edit(span.start, span.end, "pass")
    return Edit(first, after, "")


def wrapped(source: SourceFile, span: Span, before: str, after: str) -> tuple[Edit, Edit]:
    """Put text around an expression, which becomes an argument of a call."""
    text = source.text[span.start : span.end]
    is_argument = _is_argument(text)
    opening, closing = ("", "") if is_argument else ("(", ")")
    return Edit(span.start, span.start, before + opening), Edit(span.end, span.end, closing + after)


def _is_argument(text: str) -> bool:
    try:
        call = ast.parse(f"f({text}\n)", mode="eval").body
    except SyntaxError:
        return False
    return (
        isinstance(call, ast.Call)
        and len(call.args) == 1
        and not call.keywords
        and (not isinstance(call.args[0], ast.GeneratorExp | ast.Starred | ast.NamedExpr))
    )


def _margin(source: SourceFile, span: Span) -> str:
    """What the lines of a block begin with."""
    line = source.text[source.starts[span.line - 1] : span.start]
    return line[: len(line) - len(line.lstrip(" \t\f"))].replace("\f", "")


def _joined(statement: str) -> str:
    return " ".join(line.strip() for line in statement.split("\n"))
