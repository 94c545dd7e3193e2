"""What the copied code uses of its module: imports, constants, functions and classes, brought along as written.

A name is resolved in the file that uses it. Imports of installed packages are kept; what comes from the user's own
files is copied, with all that it uses in turn, and stands before its first use. The SDK itself is never brought along.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Set
from types import BuiltinFunctionType, FunctionType, ModuleType

import torch
from torch import nn

from nas_trial.export.failure import ExportError
from nas_trial.export.imports import absolute_home, from_import, import_as, refuse_inner_imports, refuse_sdk
from nas_trial.export.layout import statement
from nas_trial.export.names import attribute_names, first_use, global_names, reads_attributes_by_computed_name
from nas_trial.export.origin import is_local, is_sdk
from nas_trial.export.rewritten import without_current
from nas_trial.export.values import NoExpressionError, express
from nas_trial.export.written import SourceFile, file_of, read_file


class Carried:
    """Collects imports and copied items, in the order in which the generated file must have them.

    Args:
        known: What an earlier collection of the same code learned, which so is known from the beginning.

    Attributes:
        attributes: Names of all attributes that copied code mentions.
        needs_all_attributes: Whether copied code reads attributes by computed names.
        module_classes: Classes of modules that copied code names, each with the place that does.
    """

    def __init__(self, known: Carried | None = None) -> None:
        self.attributes: set[str] = set() if known is None else set(known.attributes)
        self.needs_all_attributes: bool = known is not None and known.needs_all_attributes
        self.module_classes: dict[type, str] = {}
        self._imports: dict[str, str] = {}
        self._targets: dict[str, str] = {}
        self._items: list[str] = []
        self._seen: set[tuple[str, str]] = set()
        self._copied: set[tuple[str, int]] = set()
        self._reserved = frozenset[str]() if known is None else known.names

    @property
    def items(self) -> tuple[str, ...]:
        """Constants, functions and classes, each after what it needs."""
        return tuple(self._items)

    @property
    def imports(self) -> tuple[str, ...]:
        """Import statements, one name each."""
        return tuple(self._imports.values())

    @property
    def names(self) -> frozenset[str]:
        """All names that the generated file has from here."""
        return self._reserved.union(self._targets)

    def bind(self, name: str, statement_text: str, target: str) -> None:
        """Makes ``name`` mean ``target`` in the generated file.

        Raises:
            ExportError: It means something else there already.
        """
        if self._targets.setdefault(name, target) != target:
            raise ExportError(
                f"The name {name!r} stands for two things: {self._targets[name]} and {target}.",
                hint="All code goes into one file: rename one of them.",
            )
        if statement_text:
            self._imports.setdefault(target if statement_text == f"import {target}" else name, statement_text)

    def bind_torch(self, name: str) -> str:
        """Makes sure of one of the names that generated code itself uses, and returns it."""
        statements = {
            "nn": ("from torch import nn", "torch.nn"),
            "torch": ("import torch", "torch"),
            "F": ("import torch.nn.functional as F", "torch.nn.functional"),
            "OrderedDict": ("from collections import OrderedDict", "collections.OrderedDict"),
            "Path": ("from pathlib import Path", "pathlib.Path"),
        }
        self.bind(name, *statements[name])
        return name

    def add(self, name: str, text: str) -> None:
        """Adds an item of the export's own, once."""
        if name not in self._targets:
            self.bind(name, "", f"a class that the export writes, {name}")
            self._items.append(text)

    def use(self, file: SourceFile, tree: ast.stmt, text: str, *, known: Set[str] = frozenset()) -> None:
        """Brings along whatever a copied piece of code uses.

        Args:
            file: The file that it was copied from.
            tree: Its syntax tree, with the line numbers of the file.
            text: Its text as copied.
            known: Names that need not be brought along, for they are there already.

        Raises:
            ExportError: It uses the SDK, or something that cannot be copied; the line is named.
        """
        self.attributes |= attribute_names(tree)
        self.needs_all_attributes |= reads_attributes_by_computed_name(tree)
        refuse_inner_imports(file, tree)
        for name in sorted(global_names(text) - known):
            self._need(file, name, tree)

    def refer(self, value: type | FunctionType | BuiltinFunctionType) -> str:
        """The expression that names a class or function in the generated file, which gets to have it.

        Raises:
            NoExpressionError: It is not reachable by a name.
        """
        name, home = value.__name__, getattr(value, "__module__", None) or ""
        if getattr(nn, name, None) is value:
            return f"{self.bind_torch('nn')}.{name}"
        for short, module in (("F", nn.functional), ("torch", torch)):
            if getattr(module, name, None) is value:
                return f"{self.bind_torch(short)}.{name}"
        if home == "builtins":
            return name
        if "<locals>" in value.__qualname__ or "." in value.__qualname__:
            raise NoExpressionError(f"{value.__qualname__}, which no module has by its name")
        if is_sdk(home):
            raise NoExpressionError(f"{value.__qualname__} of the SDK")
        module_object = sys.modules.get(home)
        filename = getattr(module_object, "__file__", None)
        if module_object is None or not filename or not is_local(filename):
            self.bind(name, f"from {home} import {name}", f"{home}.{name}")
        else:
            file = (
                file_of(value) if isinstance(value, type | FunctionType) else read_file(filename, vars(module_object))
            )
            self._need(file, name, None)
        return name

    def _need(self, file: SourceFile, name: str, user: ast.stmt | None) -> None:
        if (file.path, name) in self._seen:
            return
        bindings = file.bindings(name)
        place = (first_use(user, name) if user is not None else None) or user
        where = file.where(place) if place is not None else file.path
        if not bindings:
            self._need_unwritten(file, name, user, where)
            return
        self._seen.add((file.path, name))
        value = file.names.get(name)
        if isinstance(value, type) and issubclass(value, nn.Module) and isinstance(bindings[-1], ast.ClassDef):
            self.module_classes.setdefault(value, where)
            return
        for node in bindings:
            if isinstance(node, ast.Import | ast.ImportFrom):
                self._import(file, node, name, where)
            else:
                self._copy(file, node, name)

    def _need_unwritten(self, file: SourceFile, name: str, user: ast.stmt | None, where: str) -> None:
        if name not in file.names:
            if user is not None and first_use(user, name) is None:
                return  # a word in an annotation, such as Literal["same"]
            raise ExportError(f"{where}: the name {name!r} is not defined.", hint="Define it at the top of the file.")
        self._seen.add((file.path, name))
        value = file.names[name]
        if isinstance(value, ModuleType):
            refuse_sdk(value.__name__, name, where)
            self.bind(name, f"import {value.__name__} as {name}", value.__name__)
            return
        try:
            written = express(value, self.refer)
        except NoExpressionError as error:
            raise ExportError(
                f"{where}: {name} is {error}.", hint="Define it by a statement at the top level of the same file."
            ) from None
        if written != name:
            self.bind(name, "", f"{file.path}:{name}")
            self._items.append(statement(name, written, indent=0))

    def _copy(self, file: SourceFile, node: ast.stmt, name: str) -> None:
        key = (file.path, node.lineno)
        self.bind(name, "", f"{file.path}:{name}")
        if key in self._copied:
            return
        self._copied.add(key)
        text = without_current(file, file.segment(node))
        self.use(file, node, text)
        self._items.append(text)

    def _import(self, file: SourceFile, node: ast.Import | ast.ImportFrom, name: str, where: str) -> None:
        for alias in node.names:
            if (alias.asname or alias.name.split(".")[0]) != name:
                continue
            if isinstance(node, ast.Import):
                self._import_module(alias, name, where)
            else:
                self._import_from(absolute_home(file, node), alias, where)

    def _import_module(self, alias: ast.alias, name: str, where: str) -> None:
        refuse_sdk(alias.name, name, where)
        module = sys.modules.get(alias.name)
        filename = getattr(module, "__file__", None)
        if filename and is_local(filename):
            raise ExportError(
                f"{where}: {name} is the module {filename}, which a stand-alone file does not have.",
                hint=f"Import the names themselves, as in `from {alias.name} import …`; they are then copied.",
            )
        if alias.asname:
            self.bind(name, import_as(alias.name, alias.asname), alias.name)
        else:
            self.bind(name, "", name)
            self._imports.setdefault(alias.name, f"import {alias.name}")

    def _import_from(self, home: str, alias: ast.alias, where: str) -> None:
        name = alias.asname or alias.name
        if home == "__future__":
            return
        refuse_sdk(home, name, where)
        module = sys.modules.get(home)
        filename = getattr(module, "__file__", None)
        if module is None or not filename or not is_local(filename):
            self.bind(name, from_import(home, alias), f"{home}.{alias.name}")
            return
        if isinstance(getattr(module, alias.name, None), ModuleType):
            raise ExportError(
                f"{where}: {name} is a module of your own, which a stand-alone file does not have.",
                hint=f"Import the names themselves, as in `from {home}.{alias.name} import …`; they are then copied.",
            )
        self._need(read_file(filename, vars(module)), alias.name, None)
        if name != alias.name:
            self.bind(name, "", f"{filename}:{name}")
            self._items.append(f"{name} = {alias.name}")
