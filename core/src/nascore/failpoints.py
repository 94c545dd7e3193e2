"""Named places at which a test lets this very process die, fail or wait; in production they do nothing.

Each step that makes something durable, and each that acknowledges it, has a failpoint before and after it. They are
armed by the programs' entry points from the variable ``NASCORE_FAILPOINTS``, in the manner of etcd's gofail and
FreeBSD's fail(9)::

    NASCORE_FAILPOINTS="journal.before_commit=kill@3;snapshot.before_save=error:ENOSPC@2"

Actions: ``kill`` (SIGKILL to this process), ``error:NAME`` (``OSError`` with that errno), ``sleep:SECONDS``. ``@N``
acts at the Nth passage only; without it at every one. Only who may set this process's environment can arm them: nothing
that comes over a wire does.
"""

from __future__ import annotations

import errno
import os
import re
import signal
import time
from dataclasses import dataclass

from nascore.errors import InvalidInputError

VARIABLE = "NASCORE_FAILPOINTS"
_RULE = re.compile(r"([a-z_]+(?:\.[a-z_]+)*)=(kill|error:[A-Z0-9]+|sleep:[0-9.]+)(?:@([1-9][0-9]*))?")


@dataclass(slots=True)
class _Rule:
    action: str
    at: int
    passed: int = 0


_armed: dict[str, _Rule] = {}


def failpoint(name: str) -> None:
    """Pass the place ``name``; acts only if a test armed it.

    Raises:
        OSError: As armed by ``error:NAME``.
    """
    if _armed and (rule := _armed.get(name)) is not None:
        _pass(rule, name)


def arm(text: str) -> None:
    """Arm failpoints as ``text`` says, and disarm all others; an empty text disarms all.

    Raises:
        InvalidInputError: A rule cannot be read.
    """
    rules = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        found = _RULE.fullmatch(part)
        if found is None or (found[2].startswith("error:") and not hasattr(errno, found[2].removeprefix("error:"))):
            raise InvalidInputError(
                f"{VARIABLE}: {part!r} is no rule.", hint="Write name=kill@3, name=error:ENOSPC or name=sleep:0.5."
            )
        rules[found[1]] = _Rule(found[2], int(found[3] or 0))
    _armed.clear()
    _armed.update(rules)


def passages(name: str) -> int:
    """Return how often an armed place was passed; 0 if it is not armed."""
    rule = _armed.get(name)
    return 0 if rule is None else rule.passed


def _pass(rule: _Rule, name: str) -> None:
    rule.passed += 1
    if rule.at and rule.passed != rule.at:
        return
    verb, _, argument = rule.action.partition(":")
    if verb == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif verb == "sleep":
        time.sleep(float(argument))
    else:
        code = getattr(errno, argument)
        raise OSError(code, f"{os.strerror(code)} (failpoint {name})")
