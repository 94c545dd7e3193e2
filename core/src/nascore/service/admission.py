"""Admission: how much memory requests may hold while they are worked on, and answers until they are read.

gRPC bounds one message and the number of calls; their product is far more than a machine has. So a request that names
things only (an experiment, a trial, a worker) must be small, and all larger ones together have a budget. Who finds no
room is told to try again, and holds nothing meanwhile. An answer counts until the caller has taken it: many who read
slowly, or never, hold up those who want large answers as well, but cannot fill the memory. (gRPC has no way to take an
answer back.) Not here: what requests mean (``checks``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from google.protobuf.descriptor import MethodDescriptor

from nascore.errors import ExhaustedResourceError, InvalidInputError

SMALL_BYTES = 4 << 10
"""Requests up to this size always find room: the number of calls bounds them."""
MAX_NAMING_BYTES = 64 << 10
"""Largest request that carries neither a message nor bytes: nobody needs names as long as that."""
REQUESTS_BYTES = 64 << 20
"""What all larger requests of a service may hold together."""
ANSWERS_BYTES = 32 << 20
"""What all its larger answers may: each is held three times, by Python, by gRPC and on its way into a socket."""


class Admission:
    """The requests that are being worked on, and the answers that are on their way. Belongs to one event loop.

    Args:
        requests_bytes: What all larger requests may hold.
        answers_bytes: What all larger answers may hold.

    Attributes:
        held_bytes: Of all larger requests.
        sent_bytes: Of all larger answers that their callers have not taken yet.
    """

    def __init__(self, *, requests_bytes: int = REQUESTS_BYTES, answers_bytes: int = ANSWERS_BYTES) -> None:
        self._requests_bytes = requests_bytes
        self._answers_bytes = answers_bytes
        self.held_bytes = 0
        self.sent_bytes = 0

    @contextmanager
    def held(self, method: MethodDescriptor, size: int) -> Iterator[None]:
        """Count a request of ``size`` bytes while it is worked on.

        Raises:
            InvalidInputError: It is far larger than any request of its kind needs to be.
            ExhaustedResourceError: Too many large requests are worked on already.
        """
        if size <= SMALL_BYTES:
            yield
            return
        _check_size(method, size)
        if self.held_bytes and self.held_bytes + size > self._requests_bytes:
            raise ExhaustedResourceError(
                f"{method.name}: no room for a request of {size:,} bytes; others hold {self.held_bytes:,} of "
                f"{self._requests_bytes:,} bytes.",
                hint="Try again in a moment, or send less at a time.",
            )
        self.held_bytes += size
        try:
            yield
        finally:
            self.held_bytes -= size

    def lend(self, method: MethodDescriptor, size: int) -> Callable[[object], None] | None:
        """Count an answer of ``size`` bytes; returns what to call once the caller has taken it, if it counts at all.

        Raises:
            ExhaustedResourceError: Too many large answers have not been taken.
        """
        if size <= SMALL_BYTES:
            return None
        if self.sent_bytes and self.sent_bytes + size > self._answers_bytes:
            raise ExhaustedResourceError(
                f"{method.name}: no room for an answer of {size:,} bytes; {self.sent_bytes:,} bytes of answers "
                "have not been read by their callers yet.",
                hint="Try again in a moment, or ask for less at a time.",
            )
        self.sent_bytes += size

        def give_back(_: object) -> None:
            self.sent_bytes -= size

        return give_back


def _check_size(method: MethodDescriptor, size: int) -> None:
    carries_more = any(
        field.message_type is not None or field.type == field.TYPE_BYTES for field in method.input_type.fields
    )
    if size > MAX_NAMING_BYTES and not carries_more:
        raise InvalidInputError(
            f"{method.name}: a request of {size:,} bytes; it holds names and numbers only, so at most "
            f"{MAX_NAMING_BYTES:,} are taken.",
            hint="Check what fills it; fields that this server does not know count as well.",
        )
