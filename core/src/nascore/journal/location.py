"""Where a log is: a file of SQLite, or a PostgreSQL database by its URL."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Union

from nascore.errors import InvalidInputError
from nascore.journal.postgres_url import FORM, SCHEMES, PostgresUrl, parse_postgres_url

Location = Union[Path, PostgresUrl]

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")


def parse_location(text: str | Location) -> Location:
    """Return where a log is, from a path or a URL.

    Raises:
        InvalidInputError: It is a URL that is not understood, or empty.
    """
    if not isinstance(text, str):
        return text
    if text.startswith(SCHEMES):
        return parse_postgres_url(text)
    if found := _SCHEME.match(text):
        scheme = found[0].removesuffix(":/")
        raise InvalidInputError(
            f"A database at {scheme}://… is not supported.", hint=f"Name a file for SQLite, or {FORM}."
        )
    if not text or "\0" in text:
        raise InvalidInputError("The name of the database is empty or has a NUL in it.", hint="Name a file or a URL.")
    return Path(text).expanduser()
