"""A tuner's saved state as it is stored: with who made it, and when the next one is due.

A state means something only to the very version that made it, so name and version stand before it, and a state of
another tuner or version is never handed over. Not here: where it is stored and its checksum (``nascore.journal``), and
what is done when none can be used (``restoring``).
"""

from __future__ import annotations

import json

from nascore.errors import UnsupportedError
from nascore.tuner.session import Description

FORMAT = 1
ASKS_A_SNAPSHOT = 256
"""Proposals after which the tuner's state is saved, in a young experiment."""
SECONDS_A_SNAPSHOT = 60.0
"""Running time after which it is saved if anything was proposed meanwhile."""
_SHARE = 16
"""In an old experiment the part of all proposals that may come after the last saved state: one of so many."""


def is_due(*, asked: int, asked_before: int, elapsed_s: float) -> bool:
    """Whether the tuner's state shall be saved again.

    States may grow with the log, so in a long experiment they are saved less often: all of them together then cost a
    constant times the last one.

    Args:
        asked: Proposals so far.
        asked_before: Proposals when it was saved last.
        elapsed_s: Running time since then.
    """
    fresh = asked - asked_before
    return fresh >= max(ASKS_A_SNAPSHOT, asked // _SHARE) or (fresh > 0 and elapsed_s >= SECONDS_A_SNAPSHOT)


def sealed(state: bytes, description: Description) -> bytes:
    """Return a tuner's state with its maker's name and version before it."""
    return json.dumps([FORMAT, description.name, description.version]).encode() + b"\n" + state


def unsealed(stored: bytes, description: Description) -> bytes:
    """Return the state that `sealed` was given.

    Raises:
        UnsupportedError: Another tuner, another version of it, or another nascore made it.
    """
    header, _, state = stored.partition(b"\n")
    try:
        form, name, version = json.loads(header)
    except ValueError:
        form = name = version = None
    if form != FORMAT:
        raise UnsupportedError(f"It is of a form that this nascore does not know, which is not form {FORMAT}.")
    if (name, version) != (description.name, description.version):
        now = f"{description.name} {description.version}".strip()
        raise UnsupportedError(f"{name} {version}".strip() + f" made it, and the tuner is now {now}.")
    return state
