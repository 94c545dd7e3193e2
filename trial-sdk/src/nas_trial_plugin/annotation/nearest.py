"""The nearest of some names, for a name that is none of them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, names: Iterable[str]) -> str:
    """A question that names the nearest; empty if none is near."""
    found = difflib.get_close_matches(name, tuple(names), n=1, cutoff=0.6)
    return f"Did you mean {found[0]}?" if found else ""
