"""Expressions of the generated file, and their layout on lines of limited width.

Not here: what the expressions mean (`nas_trial.export.layers`, `nas_trial.export.values`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Union

WIDTH = 88
INDENT = "    "


@dataclass(frozen=True, slots=True)
class Call:
    """A call ``function(arguments, **keywords)``."""

    function: str
    arguments: Sequence[Expression] = ()
    keywords: Mapping[str, Expression] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Brackets:
    """Items between an opening and a closing bracket."""

    opening: str
    items: Sequence[Expression]
    closing: str


Expression = Union[str, Call, Brackets]


def render(expression: Expression, *, indent: int = 0, before: int = 0, after: int = 0) -> str:
    """The expression as text: on one line where it fits, else one item a line, with a trailing comma.

    Args:
        expression: What to write.
        indent: Depth of the statement, in steps of four columns.
        before: Columns that stand before it on its first line, indentation included.
        after: Columns that follow on its last line.
    """
    one_line = flat(expression)
    if isinstance(expression, str) or before + len(one_line) + after <= WIDTH:
        return one_line
    opening, items, closing = _parts(expression)
    if not items:
        return one_line
    if hugged := _hugged(opening, items, closing, indent=indent, before=before):
        return hugged
    margin = INDENT * (indent + 1)
    lines = (_item(name, item, indent=indent + 1) for name, item in items)
    return f"{opening}\n" + "".join(f"{margin}{line},\n" for line in lines) + f"{INDENT * indent}{closing}"


def flat(expression: Expression) -> str:
    """The expression on one line, however long."""
    if isinstance(expression, str):
        return expression
    opening, items, closing = _parts(expression)
    shown = [f"{name}={flat(item)}" if name else flat(item) for name, item in items]
    lone = "," if opening == "(" and len(items) == 1 else ""
    return opening + ", ".join(shown) + lone + closing


def statement(target: str, value: Expression, *, indent: int) -> str:
    """``target = value`` at a depth, as one or several lines without a final line end."""
    start = f"{INDENT * indent}{target} = "
    return start + render(value, indent=indent, before=len(start))


def call_statement(call: Call, *, indent: int) -> str:
    """A call that stands as a statement of its own."""
    start = INDENT * indent
    return start + render(call, indent=indent, before=len(start))


def quoted(text: str) -> str:
    """Text as a Python literal in double quotes where it may be, as the usual formatters write it."""
    shown = repr(text)
    return f'"{shown[1:-1]}"' if shown.startswith("'") and '"' not in shown else shown


def _hugged(opening: str, items: list[tuple[str, Expression]], closing: str, *, indent: int, before: int) -> str:
    """Brackets that open and close together, ``Sequential(OrderedDict([``, around the only item or a pair's second."""
    *short, (name, last) = items
    is_pair = opening == "(" and len(items) == 2 and isinstance(items[0][1], str)
    if name or isinstance(last, str) or opening == "[" or (short and not is_pair):
        return ""
    fits_on_a_line = len(INDENT) * (indent + 1) + len(flat(last)) < WIDTH
    if fits_on_a_line and not is_pair and not _is_wrapper(last):
        return ""
    start = opening + "".join(f"{text}, " for _, text in short)
    if before + len(start) > WIDTH - 20:
        return ""
    return start + render(last, indent=indent, before=before + len(start), after=len(closing)) + closing


def _is_wrapper(expression: Call | Brackets) -> bool:
    """Whether it only wraps one other thing with brackets of its own, or is a list."""
    if isinstance(expression, Brackets):
        return expression.opening == "["
    return len(expression.arguments) == 1 and not expression.keywords and not isinstance(expression.arguments[0], str)


def _item(name: str, item: Expression, *, indent: int) -> str:
    start = f"{name}=" if name else ""
    return start + render(item, indent=indent, before=len(INDENT) * indent + len(start), after=1)


def _parts(expression: Call | Brackets) -> tuple[str, list[tuple[str, Expression]], str]:
    if isinstance(expression, Call):
        named = list(expression.keywords.items())
        return f"{expression.function}(", [("", item) for item in expression.arguments] + named, ")"
    return expression.opening, [("", item) for item in expression.items], expression.closing
