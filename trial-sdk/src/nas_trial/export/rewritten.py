"""Small changes to copied text, at the places that the syntax tree gives; all else stays as it was written."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from types import ModuleType

from nas_trial.export.written import Definition, SourceFile
from nas_trial.value_functions import current

Change = Callable[[ast.AST], str | None]
"""Gives the text to stand for a node, or ``None`` to leave it."""


def rewritten(text: str, change: Change) -> str:
    """The text with every node replaced for which `change` gives a text, from the last to the first."""
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.expr)]
    return _replaced(text, [(node, new) for node in nodes if (new := change(node)) is not None])


def without_current(file: SourceFile, text: str) -> str:
    """The text with ``nas.current(x)`` replaced by ``x``: once the choices are made, that is what it gives."""

    def change(node: ast.AST) -> str | None:
        if isinstance(node, ast.Call) and len(node.args) == 1 and _is_current(file, node.func):
            inner = ast.get_source_segment(text, node.args[0]) or ""
            return (
                inner if isinstance(node.args[0], ast.Name | ast.Attribute | ast.Call | ast.Subscript) else f"({inner})"
            )
        return None

    changed = rewritten(text, change)
    return changed if changed == text else without_current(file, changed)


def without_annotations(text: str) -> str:
    """The text with ``x: int = 1`` as ``x = 1``, outside of functions and classes: a global name has no annotation."""
    places: list[tuple[ast.expr | ast.stmt, str]] = []
    for node in _outside_definitions(ast.parse(text)):
        if isinstance(node, ast.AnnAssign):
            name = ast.get_source_segment(text, node.target)
            value = None if node.value is None else ast.get_source_segment(text, node.value)
            places.append(
                (node, "pass" if value is None else f"{name} = ({value})" if "\n" in value else f"{name} = {value}")
            )
    return _replaced(text, places)


def is_super_attribute(node: ast.AST) -> bool:
    """Whether a node is ``super().name`` or ``super(Class, self).name``."""
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name)
        and node.value.func.id == "super"
    )


def _is_current(file: SourceFile, function: ast.expr) -> bool:
    if isinstance(function, ast.Name):
        return file.names.get(function.id) is current
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        home = file.names.get(function.value.id)
        return isinstance(home, ModuleType) and getattr(home, function.attr, None) is current
    return False


def _replaced(text: str, places: list[tuple[ast.expr | ast.stmt, str]]) -> str:
    content = text.encode()
    for node, new in sorted(places, key=lambda place: (place[0].lineno, place[0].col_offset), reverse=True):
        start = _offset(text, node.lineno, node.col_offset)
        end = _offset(text, node.end_lineno or node.lineno, node.end_col_offset or 0)
        content = content[:start] + new.encode() + content[end:]
    return content.decode()


def _outside_definitions(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        yield node
        if not isinstance(node, Definition | ast.Lambda):
            yield from _outside_definitions(node)


def _offset(text: str, line: int, column: int) -> int:
    before = text.splitlines(keepends=True)[: line - 1]
    return sum(len(each.encode()) for each in before) + column
