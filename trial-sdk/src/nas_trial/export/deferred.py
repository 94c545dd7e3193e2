"""Code of the generated file that is defined only when it is used, because it needs packages that the network does not.

It stands in a function, which defines it at the top level of the file: classes keep their places there, so that objects
of theirs can be sent to the processes that load data.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Sequence
from textwrap import wrap

from nas_trial.export.imports import sorted_imports
from nas_trial.export.layout import WIDTH, Brackets, quoted, render
from nas_trial.export.rewritten import without_annotations
from nas_trial.export.written import bound_names, indented

_DEFINE = '''
def define_validation() -> None:
    """Import and define what only the validation needs, at the top level of this file.

    The network does without. Packages: {packages}.
    """
{names}
    if "Validation" in globals():
        return

{body}


def __getattr__(name):
    """Find what define_validation() defines, also in processes that load data."""
    if name not in {defined}:
        raise AttributeError(f"module {{__name__!r}} has no attribute {{name!r}}")
    define_validation()
    return globals()[name]
'''


def foreign_packages(texts: Iterable[str]) -> list[str]:
    """Packages that code imports, sorted; torch and Python's own are left out."""
    roots = {root for text in texts for node in ast.walk(ast.parse(text)) for root in _roots(node)}
    return sorted(roots - sys.stdlib_module_names - {"torch"})


def define_validation(imports: Sequence[str], items: Sequence[str]) -> str:
    """The function ``define_validation``, and what finds by name what it defines.

    Args:
        imports: Import statements of the validation.
        items: What it is made of, in order; the class ``Validation`` is the last.
    """
    names = _names(imports) | (defined := _names(items))
    parts = ["\n".join(sorted_imports(imports)), *map(without_annotations, items)]
    return _DEFINE.strip().format(
        packages=", ".join(foreign_packages([*imports, *items])),
        names="\n".join(f"    global {line.rstrip(',')}" for line in wrap(", ".join(sorted(names)), WIDTH - 11)),
        body="\n\n".join(indented(part) for part in parts if part),
        defined=render(Brackets("{", [quoted(name) for name in sorted(defined)], "}"), indent=1, before=19, after=1),
    )


def _names(statements: Iterable[str]) -> set[str]:
    return {name for text in statements for node in ast.parse(text).body for name in bound_names(node)}


def _roots(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield node.module.partition(".")[0]
