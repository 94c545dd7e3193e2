"""What a client shows the server with every call: its token, read again from its file once the server refuses it.

A server that starts again makes new tokens, and takes calls a moment before it has written them; files of tokens that
run out are replaced from outside. Not here: reading a file (``nascore.client.token``). Thread-safe.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias

from nascore.client.retry import Patience
from nascore.client.secret import Secret
from nascore.errors import InvalidInputError, PermissionDeniedError

NEW_TOKEN_S = 15.0
"""Seconds for which a new token is waited for where the refused one was good before."""

Headers: TypeAlias = tuple[tuple[str, str], ...]


class Credentials:
    """The token of a client.

    Args:
        token: Sent with every call; ``None`` for none.
        read_again: Reads it again; ``None`` where it cannot change.

    Attributes:
        headers: What is sent.
    """

    def __init__(self, token: Secret | None, *, read_again: Callable[[], Secret] | None = None) -> None:
        self.headers: Headers = () if token is None else _bearer(token)
        self._accepted: Headers = ()
        self._read_again = read_again

    def accept(self, sent: Headers) -> None:
        """Note that the server took them."""
        self._accepted = sent

    def has_other(self, sent: Headers, *, patience: Patience, closed: threading.Event) -> bool:
        """Whether other headers than the refused ones are there; waits for them if those were good before.

        Args:
            sent: What the server did not know.
            patience: How long to wait at most, see ``NEW_TOKEN_S``.
            closed: Ends the wait.
        """
        while self._read_again is not None and self.headers == sent:
            # What cannot be read says less than the server's refusal.
            with suppress(PermissionDeniedError, InvalidInputError):
                self.headers = _bearer(self._read_again())
            delay = patience.next_delay()
            if self._accepted != sent or self.headers != sent or delay is None or closed.wait(delay):
                break
        return self.headers != sent


def _bearer(token: Secret) -> Headers:
    return (("authorization", f"Bearer {token.reveal()}"),)
