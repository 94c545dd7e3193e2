"""Suggestions: "Did you mean …?" for anything that has a name."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches

_MOST = 3
_SLACK = 0.1


def close_to(wrong: str, known: Iterable[str]) -> tuple[str, ...]:
    """Return up to three known names that look like the wrong one, nearest first; case does not matter.

    Names that are much less alike than the nearest are left out.
    """
    by_lower = {name.lower(): name for name in known}
    near = get_close_matches(wrong.lower(), by_lower, n=_MOST, cutoff=0.6)
    alike = [SequenceMatcher(None, wrong.lower(), name).ratio() for name in near]
    return tuple(by_lower[name] for name, ratio in zip(near, alike, strict=True) if ratio > alike[0] - _SLACK)


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """Return the question as a sentence; empty if nothing looks like it."""
    near = close_to(wrong, known)
    return f"Did you mean {one_of(near)}?" if near else ""


def one_of(names: Iterable[str]) -> str:
    """Return names as prose: ```a`, `b` or `c```."""
    quoted = [f"`{name}`" for name in names]
    return " or ".join([", ".join(quoted[:-1]), quoted[-1]]) if len(quoted) > 1 else "".join(quoted)
