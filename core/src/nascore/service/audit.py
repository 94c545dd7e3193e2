"""The audit: one log line for each call that was refused, and for each that changed what others rely on.

The lines go to the logger ``nascore.audit``: refusals as warnings, at most twenty a second, so that a flood of them
fills neither disk nor screen; changes as information. They name the token by its id, and the caller by its address and,
with mTLS, by the names in its certificate; never a secret, and nothing that could steer a terminal.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from nascore.service.grants import Grant

MOST_A_SECOND = 20
_LONGEST = 200
_COMMON_NAME = "x509_common_name"
_OTHER_NAMES = "x509_subject_alternative_name"

logger = logging.getLogger("nascore.audit")


class Peer(Protocol):
    """What gRPC's context tells of a caller."""

    def peer(self) -> str:
        """Return its address."""
        ...

    def auth_context(self) -> Mapping[str, Iterable[bytes]]:
        """Return what the handshake said of it."""
        ...


class Audit:
    """Writes the lines. Belongs to one event loop.

    Args:
        monotonic: Monotonic seconds.
    """

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._second = 0
        self._written = 0
        self._left_out = 0

    def refused(self, method: str, grant: Grant | None, peer: Peer, *, why: str) -> None:
        """Write that a call was refused."""
        second = int(self._monotonic())
        if second != self._second:
            if self._left_out:
                logger.warning("%d more refusals were not written down.", self._left_out)
            self._second, self._written, self._left_out = second, 0, 0
        if self._written >= MOST_A_SECOND:
            self._left_out += 1
            return
        self._written += 1
        logger.warning("Refused %s to %s: %s", _plain(method), caller(grant, peer), _plain(why))

    def let_in(self, method: str, grant: Grant, peer: Peer) -> None:
        """Write that a call that changes something was let in."""
        logger.info("%s by %s", _plain(method), caller(grant, peer))


def caller(grant: Grant | None, peer: Peer) -> str:
    """Return who calls: token, names in the certificate, address."""
    token = "no known token" if grant is None else f"token {grant.id} ({grant.scope})"
    known = peer.auth_context()
    names = [name.decode("utf-8", "replace") for name in known.get(_COMMON_NAME, ())]
    others = [name.decode("utf-8", "replace") for name in known.get(_OTHER_NAMES, ())]
    certificate = f", certificate {_plain('/'.join([*names, *(n for n in others if n not in names)]))}" if names else ""
    return f"{_plain(token)}{certificate}, at {_plain(peer.peer())}"


def _plain(text: str) -> str:
    return ascii(text[:_LONGEST])[1:-1]
