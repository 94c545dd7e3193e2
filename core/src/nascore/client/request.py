"""What every request carries: an id that makes it safe to send twice, and whole numbers that fit."""

from __future__ import annotations

import secrets

from nascore.errors import InvalidInputError

MAX_UINT64 = 2**64 - 1


def request_id_or_new(request_id: str | None) -> str:
    """Return ``request_id``, or a fresh random one; the server answers the same id with the same answer."""
    return secrets.token_hex(16) if request_id is None else request_id


def unsigned(value: int, field: str) -> int:
    """Return ``value`` if it is an unsigned 64-bit number.

    Raises:
        InvalidInputError: If it is not; ``field`` is named.
    """
    if not 0 <= value <= MAX_UINT64:
        raise InvalidInputError(f"{field}: {value} is not within 0 and 2^64 - 1.")
    return value
