"""Import statements of the generated file, in the usual order."""

from __future__ import annotations

import sys
from collections.abc import Iterable


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


def _root(text: str) -> str:
    return text.split()[1].partition(".")[0]
