"""The user's source as written: files, their syntax trees, and segments of text with the comments that belong to them.

Text is cut by lines and moved by columns, never reformatted; the inside of strings that span lines stays as it is.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import FunctionType

from nas_trial.export.failure import ExportError

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of the user's: its lines, its syntax tree, and its global names at run time."""

    path: str
    lines: tuple[str, ...]
    tree: ast.Module
    names: Mapping[str, object]

    def where(self, node: ast.AST) -> str:
        """``trial.py:12``, as error messages show a place."""
        return f"{Path(self.path).name}:{getattr(node, 'lineno', 1)}"

    def segment(self, node: ast.stmt) -> str:
        """The statement's own text, moved to column 0, with the decorators and comments right above it."""
        first, last = self._first_line(node), node.end_lineno or node.lineno
        protected = {line for inner in ast.walk(node) for line in _inside_string(inner)}
        margin = node.col_offset
        return "".join(
            line if number in protected else _moved(line, margin)
            for number, line in enumerate(self.lines[first - 1 : last], start=first)
        ).rstrip()

    def bindings(self, name: str) -> list[ast.stmt]:
        """The statements at the top level, in order, that give ``name`` its value."""
        return [node for node in _top_level(self.tree.body) if name in bound_names(node)]

    def find_class(self, cls: type) -> ast.ClassDef:
        """The statement that defines a class of this file.

        Raises:
            ExportError: There is none, because the class was made at run time.
        """
        lines = {function.__code__.co_firstlineno for function in functions_of(cls).values()}
        same_name = [node for node in _classes(self.tree) if node.name == cls.__name__]
        for node in same_name:
            if any(node.lineno <= line <= (node.end_lineno or 0) for line in lines):
                return node
        if same_name:
            return same_name[-1]
        raise ExportError(
            f"The class {cls.__qualname__} is not written in {self.path}.",
            hint="Classes that are made at run time cannot be exported: write it as a class statement.",
        )

    def _first_line(self, node: ast.stmt) -> int:
        decorators = node.decorator_list if isinstance(node, Definition) else []
        first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
        margin = node.col_offset
        while first > 1 and self.lines[first - 2].startswith(" " * margin + "#"):
            first -= 1
        return first


def file_of(thing: type | FunctionType) -> SourceFile:
    """The file that a class or function was written in.

    Raises:
        ExportError: Its text is not at hand.
    """
    function = thing if isinstance(thing, FunctionType) else next(iter(functions_of(thing).values()), None)
    if function is not None:
        return read_file(function.__code__.co_filename, function.__globals__)
    module = sys.modules.get(thing.__module__)
    if module is None or not getattr(module, "__file__", None):
        raise ExportError(
            f"The source of {thing.__qualname__} is not at hand.", hint="Write it into a file that Python imports."
        )
    return read_file(str(module.__file__), vars(module))


def functions_of(cls: type) -> dict[str, FunctionType]:
    """The functions written in a class body, wrappers of properties, static and class methods and decorators undone."""
    found = {name: plain_function(value) for name, value in vars(cls).items()}
    return {
        name: function
        for name, function in found.items()
        if function is not None
        and function.__module__ == cls.__module__
        and function.__code__.co_filename != "<string>"
    }


def plain_function(value: object) -> FunctionType | None:
    """The function inside a property, static or class method or decorator; ``None`` if there is none."""
    if isinstance(value, property):
        value = value.fget
    elif isinstance(value, (staticmethod, classmethod)):
        value = value.__func__
    elif hasattr(value, "func") and type(value).__name__ == "cached_property":
        value = value.func
    if callable(value):
        value = inspect.unwrap(value)
    return value if isinstance(value, FunctionType) else None


def indented(text: str, depth: int = 1) -> str:
    """Text moved to the right by steps of four columns; the inside of strings that span lines stays."""
    protected = {line for node in ast.walk(ast.parse(text)) for line in _inside_string(node)}
    return "\n".join(
        line if number in protected or not line.strip() else " " * 4 * depth + line
        for number, line in enumerate(text.splitlines(), start=1)
    )


def read_file(filename: str, names: Mapping[str, object]) -> SourceFile:
    """A file with the global names that its code has at run time.

    Raises:
        ExportError: Its text is not at hand.
    """
    lines = tuple(linecache.getlines(filename, dict(names)))
    if not lines:
        raise ExportError(f"The source file {filename} cannot be read.", hint="Write the classes into a file.")
    return SourceFile(filename, lines, _parsed("".join(lines), filename), names)


def bound_names(node: ast.stmt) -> set[str]:
    """The names that a statement gives a value to where it stands, also inside of its branches."""
    if isinstance(node, Definition):
        return {node.name}
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return {alias.asname or alias.name.split(".")[0] for alias in node.names}
    stored = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)}
    children = list(ast.iter_child_nodes(node))
    handled = [inner for child in children if isinstance(child, ast.ExceptHandler) for inner in child.body]
    return stored.union(*(bound_names(inner) for inner in [*children, *handled] if isinstance(inner, ast.stmt)))


@lru_cache(maxsize=64)
def _parsed(text: str, filename: str) -> ast.Module:
    return ast.parse(text, filename)


@lru_cache(maxsize=64)
def _classes(tree: ast.Module) -> tuple[ast.ClassDef, ...]:
    return tuple(node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))


def _top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from node.body
        else:
            yield node


def _moved(line: str, margin: int) -> str:
    return line[margin:] if not line[:margin].strip() else line


def _inside_string(node: ast.AST) -> Iterator[int]:
    if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes))):
        yield from range(node.lineno + 1, (node.end_lineno or node.lineno) + 1)
