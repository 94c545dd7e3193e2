"""The keyring: the grants that count on a running server, found by the digest of the token that a call carries.

Some live as long as the server (its own token, those of the workers it started); the others stand in a file that is
looked at again four times a second, and at once when a token is not known. A file that cannot be trusted opens nothing.

Grants are found by digest in a dictionary. What its timing tells is about the SHA-256 of a guess, of which nobody can
choose the first bytes to any use; the tokens themselves are never compared.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable

from nascore.errors import NascoreError
from nascore.service.grants import Grant
from nascore.service.tokens import Signature, TokenFile

LOOK_S = 0.25
"""Seconds after which a change of the file is noticed, at most."""

logger = logging.getLogger(__name__)


class Keyring:
    """The grants of one server. Belongs to one event loop.

    Args:
        grants: Those that live as long as the server.
        file: The others; ``None`` for none.
        monotonic: Monotonic seconds.
    """

    def __init__(
        self,
        grants: Iterable[Grant] = (),
        *,
        file: TokenFile | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._own = {grant.digest: grant for grant in grants}
        self._file = file
        self._monotonic = monotonic
        self._signature: Signature = None
        self._known = dict(self._own)
        self._look_at = 0.0
        self._look()

    def admit(self, grant: Grant) -> None:
        """Let a grant count until the server ends."""
        self._own[grant.digest] = grant
        self._known[grant.digest] = grant

    def find(self, digest: bytes) -> Grant | None:
        """Return the grant of the token with this SHA-256; ``None`` if there is none. It may have run out."""
        if self._monotonic() >= self._look_at:
            self._look()
        found = self._known.get(digest)
        if found is None and self._look():
            return self._known.get(digest)
        return found

    def _look(self) -> bool:
        """Read the file again if it has changed; returns whether it has."""
        self._look_at = self._monotonic() + LOOK_S
        if self._file is None or (signature := self._file.signature()) == self._signature:
            return False
        self._signature = signature
        try:
            grants = self._file.read()
        except NascoreError as error:
            logger.error("No token of the file is taken: %s", error)
            grants = ()
        # The server's own last: no line of a file can take the place of one of them.
        self._known = {grant.digest: grant for grant in grants} | self._own
        return True
