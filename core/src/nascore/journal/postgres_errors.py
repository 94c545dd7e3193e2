"""What PostgreSQL's errors mean to us (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""

from __future__ import annotations

import psycopg

from nascore.errors import (
    DataLossError,
    DeadlineError,
    ExhaustedResourceError,
    InternalError,
    InvalidInputError,
    NascoreError,
    NotFoundError,
    PermissionDeniedError,
    UnavailableError,
)
from nascore.journal.postgres_url import PostgresUrl
from nascore.journal.store import FULL


class StalledError(psycopg.OperationalError):
    """PostgreSQL did not answer in time; the connection was closed."""


_AWAY = (UnavailableError, "Is PostgreSQL running and reachable? It goes on by itself once it is.")
_PASSWORD = (
    PermissionDeniedError,
    "Give the password in ~/.pgpass (or PGPASSFILE), in PGPASSWORD, or by a service file; nascore keeps none.",
)
_RIGHTS = (
    PermissionDeniedError,
    "Let this role own the database, or grant it CREATE on the schema and all rights on the tables in it.",
)
_TEXT_RULES: tuple[tuple[str, tuple[type[NascoreError], str]], ...] = (
    ("password authentication failed", _PASSWORD),
    ("no password supplied", _PASSWORD),
    ("authentication failed", _PASSWORD),
    ("no pg_hba.conf entry", _RIGHTS),
    ("permission denied for database", _RIGHTS),
    ("invalid connection option", (InvalidInputError, "See libpq's list of connection parameters.")),
    ("invalid URI query parameter", (InvalidInputError, "See libpq's list of connection parameters.")),
    ("session is read-only", (UnavailableError, "Name the primary: a replica cannot be written to.")),
)
"""What a refused connection says, where the server's language is English; there is no code for it."""

_STATES: dict[str, tuple[type[NascoreError], str]] = {
    "08": _AWAY,
    "22": (InvalidInputError, "The value cannot be stored in PostgreSQL."),
    "23": (DataLossError, "Restore the database from a copy."),
    "25006": (PermissionDeniedError, "Name the primary: a replica cannot be written to."),
    "28": _PASSWORD,
    "3D000": (NotFoundError, "Make it with `createdb`."),
    "3F000": (NotFoundError, "Make the schema that search_path names."),
    "42": (DataLossError, "Tables of nascore are missing or changed; restore the database from a copy."),
    "42501": _RIGHTS,
    "53": (ExhaustedResourceError, FULL),
    "53300": _AWAY,
    "55P03": (DeadlineError, "Try again."),
    "57": _AWAY,
    "57014": (DeadlineError, "Is PostgreSQL overloaded? Try again."),
    "58": (ExhaustedResourceError, FULL),
    "XX001": (DataLossError, "Restore the database from a copy."),
    "XX002": (DataLossError, "Restore the database from a copy."),
}


def translated(error: psycopg.Error, url: PostgresUrl) -> NascoreError:
    """Return our error for one of PostgreSQL's; it never shows a password."""
    kind, hint = _meaning(error)
    text = url.redacted(" ".join(str(error).split())).rstrip(".")
    return kind(f"Database {url}: {text}.", hint=hint)


def _meaning(error: psycopg.Error) -> tuple[type[NascoreError], str]:
    if isinstance(error, StalledError):
        return DeadlineError, "Is PostgreSQL stopped or overloaded? It goes on by itself once it answers."
    for length in (5, 2):
        if found := _STATES.get((error.sqlstate or "")[:length]):
            return found
    text = str(error)
    for sentence, meaning in _TEXT_RULES:
        if sentence in text:
            return meaning
    if 'database "' in text and "does not exist" in text:
        return _STATES["3D000"]
    if isinstance(error, psycopg.OperationalError):
        return _AWAY
    return InternalError, "Please report it."
