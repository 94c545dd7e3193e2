"""The address of a PostgreSQL database: a URL as libpq reads it, whose password is kept apart and never shown.

Not here: connecting (``nascore.journal.postgres_connection``). Form of the URL:
https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from nascore.errors import InvalidInputError

SCHEMES = ("postgresql://", "postgres://")
FORM = "postgresql://USER@HOST:PORT/DATABASE"

_SECRETS = ("password", "sslpassword")
_URL = re.compile(r"postgres(?:ql)?://(?:([^@/?#]*)@)?([^@/?#]*)(/[^@/?#]*)?(?:\?([^#@]*))?")


@dataclass(frozen=True, slots=True)
class PostgresUrl:
    """A PostgreSQL database; as text, without its password.

    Attributes:
        public: The URL without secrets: this is shown, logged and kept.
        secrets: Passwords that stood in the URL, by libpq's names; libpq looks for others by itself.
    """

    public: str
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    def __str__(self) -> str:
        return self.public

    def redacted(self, text: str) -> str:
        """Return a text without the passwords, should it have come to contain one."""
        for secret in self.secrets.values():
            if len(secret) > 2:  # Shorter ones are no secret, and stand in every sentence.
                text = text.replace(secret, "***")
        return text


def parse_postgres_url(text: str) -> PostgresUrl:
    """Return the database that a URL names.

    Raises:
        InvalidInputError: It is not a URL of PostgreSQL; a password in it is not repeated.
    """
    found = _URL.fullmatch(text)
    if found is None or not text.isprintable() or " " in text:
        raise InvalidInputError(
            f"The address of the database is not of the form {FORM}.",
            hint="Signs such as @ / ? # % in a user's name or password are written as %40 %2F %3F %23 %25.",
        )
    user, hosts, path, options = (part or "" for part in found.groups())
    name, _, password = user.partition(":")
    secrets = {"password": unquote(password)} if password else {}
    kept = []
    for option in filter(None, options.split("&")):
        key, _, value = option.partition("=")
        if unquote(key) in _SECRETS:
            secrets[unquote(key)] = unquote(value)
        else:
            kept.append(option)
    authority = f"{name}@{hosts}" if name else hosts
    query = f"?{'&'.join(kept)}" if kept else ""
    return PostgresUrl(f"postgresql://{authority}{path}{query}", secrets)
