"""A grant: what the holder of one token may do, and until when. The server keeps the token's digest, never the token.

SHA-256 is right here, and a slow password hash is not needed: a token is 256 random bits and chosen by nobody, so there
is no list of likely ones to try, and 2^256 guesses are out of reach at any speed; a slow hash would only be paid with
each call. Not here: which call needs what (``nascore.service.rules``).
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from enum import StrEnum

from nascore.client.secret import Secret
from nascore.errors import InvalidInputError

MIN_TOKEN_LENGTH = 16
"""Characters; made tokens have 43. It refuses what people would think of as passwords."""

_ID_BYTES = 4


class Scope(StrEnum):
    """What a token is for."""

    ADMIN = "admin"
    """Everything."""
    WORKER = "worker"
    """Leasing, reporting and finishing trials, and nothing else."""
    READ = "read"
    """Looking, and nothing else."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What the holder of a token may do.

    Attributes:
        id: Names the token to people; it is no secret and says nothing of it.
        scope: What it is for.
        digest: SHA-256 of the token.
        experiments: Full ids of the experiments it is good for; empty for all of the server.
        workers: Names of the workers it may speak for; empty for any.
        expires_at: Unix time in seconds from which it is worth nothing; ``None`` for never.
        created_at: Unix time in seconds.

    Raises:
        InvalidInputError: If restrictions do not fit the scope.
    """

    id: str
    scope: Scope
    digest: bytes = field(repr=False)
    experiments: tuple[str, ...] = ()
    workers: tuple[str, ...] = ()
    expires_at: float | None = None
    created_at: float = 0.0

    def __post_init__(self) -> None:
        if self.scope is Scope.ADMIN and self.experiments:
            raise InvalidInputError(
                "token: an admin token is good for the whole server and cannot be kept to some experiments.",
                hint="Leave the experiments out, or choose the scope worker or read.",
            )
        if self.workers and self.scope is not Scope.WORKER:
            raise InvalidInputError(
                f"token: names of workers belong to the scope worker, not to {self.scope}.", hint="Leave them out."
            )

    def is_expired(self, now: float) -> bool:
        """Whether it has run out by ``now`` (Unix time in seconds)."""
        return self.expires_at is not None and now >= self.expires_at


def generate_token() -> Secret:
    """Return a fresh token of 256 random bits."""
    return Secret(secrets.token_urlsafe(32))


def digest_of(token: str) -> bytes:
    """Return the SHA-256 of a token."""
    return hashlib.sha256(token.encode()).digest()


def make_grant(
    scope: Scope,
    *,
    token: Secret,
    now: float,
    experiments: tuple[str, ...] = (),
    workers: tuple[str, ...] = (),
    expires_at: float | None = None,
) -> Grant:
    """Return a grant with a fresh id for ``token``.

    Raises:
        InvalidInputError: If the token is so short that it may be guessed, or the restrictions do not fit the scope.
    """
    if len(token.reveal()) < MIN_TOKEN_LENGTH:
        raise InvalidInputError(
            f"token: {len(token.reveal())} characters, at least {MIN_TOKEN_LENGTH} are needed, or it could be guessed.",
            hint="Make one with nascore.service.generate_token().",
        )
    return Grant(
        id=secrets.token_hex(_ID_BYTES),
        scope=scope,
        digest=digest_of(token.reveal()),
        experiments=experiments,
        workers=workers,
        expires_at=expires_at,
        created_at=now,
    )
