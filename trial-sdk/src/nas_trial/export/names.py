"""Which names a piece of source uses: global names, attributes of anything, attributes of its own first parameter.

Scopes are those of Python's own compiler (`symtable`); annotations count, also when written as text.
"""

from __future__ import annotations

import ast
import builtins
import symtable
from collections.abc import Iterator


def global_names(text: str) -> set[str]:
    """Names that the text takes from its module; those that every module has (``len``, ``__name__``) are left out."""
    table = symtable.symtable(text, "<exported>", "exec")
    used = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced()}
    used |= {name for inner in table.get_children() for name in _globals_of(inner)}
    used |= _annotation_names(ast.parse(text))
    return {name for name in used if not hasattr(builtins, name) and name not in {"__name__", "__file__", "__class__"}}


def outer_names(text: str) -> set[str]:
    """Names that the text uses outside of function bodies: inside of a class, these may be the class's own."""
    table = symtable.symtable(text, "<exported>", "exec")
    return {symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced()}


def attribute_names(tree: ast.AST) -> set[str]:
    """Names of the attributes that are read or set anywhere, also by ``getattr(x, "name")``."""
    found = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return found | {
        node.args[1].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"getattr", "hasattr", "setattr"}
        and len(node.args) > 1
        and isinstance(node.args[1], ast.Constant)
        and isinstance(node.args[1].value, str)
    }


def own_attributes(method: ast.AST) -> dict[str, ast.Attribute]:
    """The first use of each ``self.name`` in a method, whatever its first parameter is called."""
    owner = _first_parameter(method)
    found: dict[str, ast.Attribute] = {}
    for node in ast.walk(method):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == owner:
            found.setdefault(node.attr, node)
    return found


def reads_attributes_by_computed_name(tree: ast.AST) -> bool:
    """Whether it says ``vars(x)``, ``x.__dict__`` or ``getattr(x, expression)``, so that any attribute may be used."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "__dict__":
            return True
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id == "vars":
                return True
            if node.func.id == "getattr" and len(node.args) > 1 and not isinstance(node.args[1], ast.Constant):
                return True
    return False


def first_use(tree: ast.AST, name: str) -> ast.Name | None:
    """The first place that says ``name``; ``None`` where only an annotation in quotes does."""
    uses = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == name]
    return min(uses, key=lambda node: (node.lineno, node.col_offset), default=None)


def _globals_of(table: symtable.SymbolTable) -> Iterator[str]:
    for symbol in table.get_symbols():
        if symbol.is_global() and (symbol.is_referenced() or symbol.is_declared_global()):
            yield symbol.get_name()
    for inner in table.get_children():
        yield from _globals_of(inner)


def _annotation_names(tree: ast.AST) -> set[str]:
    annotations: list[ast.expr | None] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign):
            annotations.append(node.annotation)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            annotations.append(node.returns)
    return {name for annotation in annotations if annotation is not None for name in _names_in_annotation(annotation)}


def _names_in_annotation(annotation: ast.expr) -> Iterator[str]:
    for node in ast.walk(annotation):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _names_in_text(node.value)


def _names_in_text(text: str) -> Iterator[str]:
    try:
        tree = ast.parse(text, mode="eval")
    except SyntaxError:
        return
    yield from (node.id for node in ast.walk(tree) if isinstance(node, ast.Name))


def _first_parameter(method: ast.AST) -> str:
    if not isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef):
        return "self"
    parameters = [*method.args.posonlyargs, *method.args.args]
    return parameters[0].arg if parameters else "self"
