"""Import statements: those of the generated file in the usual order, and those that it may not have."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable
from importlib.util import resolve_name

from nas_trial.export.failure import ExportError
from nas_trial.export.origin import is_local, is_sdk
from nas_trial.export.written import SourceFile

_HINT = (
    "A stand-alone file has no SDK: let __init__ make the choices and keep the plain module or number as an attribute, "
    "and use only that elsewhere."
)


def sorted_imports(statements: Iterable[str]) -> list[str]:
    """Import statements, those from one module joined: the standard library, an empty line, installed packages."""
    plain = {text for text in statements if text.startswith("import ")}
    names: dict[str, list[str]] = {}
    for text in sorted(set(statements) - plain):
        _, home, _, name = text.split(" ", 3)
        names.setdefault(home, []).append(name)
    texts = [*sorted(plain), *(f"from {home} import {', '.join(names[home])}" for home in sorted(names))]
    own = [text for text in texts if _root(text) in sys.stdlib_module_names]
    foreign = [text for text in texts if _root(text) not in sys.stdlib_module_names]
    return [*own, *([""] if own and foreign else []), *foreign]


def refuse_imports(tree: ast.AST, where: str) -> None:
    """Raises ExportError if generated code imports the SDK after all."""
    for node in ast.walk(tree):
        for home in _imported(node):
            refuse_sdk(home, home, where)


def refuse_inner_imports(file: SourceFile, tree: ast.stmt) -> None:
    """Refuses imports inside of copied code that a stand-alone file cannot follow.

    Raises:
        ExportError: They are of the SDK, or of a file of the user's own; the line is named.
    """
    for node in ast.walk(tree):
        for home in _imported(node):
            refuse_sdk(home, home, file.where(node))
            module = sys.modules.get(home)
            filename = getattr(module, "__file__", None)
            if (isinstance(node, ast.ImportFrom) and node.level) or (filename and is_local(filename)):
                raise ExportError(
                    f"{file.where(node)}: imports {home}, a file of your own, where the export cannot follow.",
                    hint="Move the import to the top of the file.",
                )


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or "."] if isinstance(node, ast.ImportFrom) else []


def refuse_sdk(home: str, name: str, where: str) -> None:
    """Raises ExportError if a name comes from a module of the SDK."""
    if is_sdk(home):
        raise ExportError(f"{where}: uses {name!r} of {home.partition('.')[0]}.", hint=_HINT)


def absolute_home(file: SourceFile, node: ast.ImportFrom) -> str:
    """The module that a statement imports from, by its full name."""
    relative = "." * node.level + (node.module or "")
    return resolve_name(relative, str(file.names.get("__package__") or "")) if node.level else relative


def import_as(module: str, name: str) -> str:
    """The statement that makes ``name`` mean a module."""
    parent, _, last = module.rpartition(".")
    return f"from {parent} import {name}" if parent and last == name else f"import {module} as {name}"


def from_import(home: str, alias: ast.alias) -> str:
    """The statement that imports one name from a module."""
    return f"from {home} import {alias.name}" + (f" as {alias.asname}" if alias.asname else "")


def _root(text: str) -> str:
    return text.split()[1].partition(".")[0]
