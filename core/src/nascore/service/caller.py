"""To which experiments the caller of the call at work is kept; what a servicer may show depends on it.

The guard of a call says so (``nascore.service.auth``). It goes along into threads that are begun with the context of
the call, as `asyncio.to_thread` does. Not here: what is shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the id of the token, and the full ids of the experiments to which it is kept."""

    token: str
    experiments: tuple[str, ...]


_CALLER: ContextVar[Caller | None] = ContextVar("nascore_caller", default=None)


def kept_caller() -> Caller | None:
    """Return the caller of the call at work; ``None`` if it is not kept to experiments, or there is no call."""
    return _CALLER.get()


@contextmanager
def called_by(caller: Caller | None) -> Iterator[None]:
    """Say who calls while the block lasts."""
    token = _CALLER.set(caller)
    try:
        yield
    finally:
        _CALLER.reset(token)
