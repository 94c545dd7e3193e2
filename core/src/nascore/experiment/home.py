"""Where experiments live on this machine: one folder each, below one home.

::

    <home>/experiments/<id>/{log.db, log.db.lock, token, run.json, logs/, weights/}

Where the log is not ``log.db``, the file ``database`` says in one line where it is: a path, or a URL without its
password.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from nascore.errors import InvalidInputError
from nascore.journal.location import Location, parse_location

DATABASE_NAME = "log.db"

_PLACE_NAME = "database"

_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
_ID_LENGTH = 8


def home_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder of all experiments: ``NASCORE_HOME``, or ``.nascore`` in the user's own folder."""
    given = environ.get("NASCORE_HOME", "")
    return Path(given).expanduser() if given else Path.home() / ".nascore"


def experiment_folder(home: Path, identifier: str) -> Path:
    """Return the folder of an experiment.

    Raises:
        InvalidInputError: The id is none; a name never becomes a path unchecked.
    """
    check_identifier(identifier)
    return home / "experiments" / identifier


def remember_database(folder: Path, database: Location) -> None:
    """Write down where the log of a folder is, if not in the folder itself; a password is left out."""
    text = str(database.absolute() if isinstance(database, Path) else database)
    fresh = folder / f".{_PLACE_NAME}.{secrets.token_hex(4)}"
    with fresh.open("w", encoding="utf-8") as file:
        file.write(f"{text}\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(folder / _PLACE_NAME)


def database_of(folder: Path) -> Location:
    """Return where the log of a folder is.

    Raises:
        InvalidInputError: What was written down is neither a path nor a URL.
    """
    try:
        text = (folder / _PLACE_NAME).read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return folder / DATABASE_NAME
    return parse_location(text.removesuffix("\n"))


def has_log(folder: Path) -> bool:
    """Whether a folder has a log, here or elsewhere."""
    return (folder / DATABASE_NAME).exists() or (folder / _PLACE_NAME).exists()


def new_identifier() -> str:
    """Return a random id: 8 lowercase base32 characters."""
    return "".join(secrets.choice(_BASE32) for _ in range(_ID_LENGTH))


def check_identifier(identifier: str) -> None:
    """Make sure that a text is the id of an experiment.

    Raises:
        InvalidInputError: It is not.
    """
    if len(identifier) != _ID_LENGTH or not set(identifier) <= set(_BASE32):
        raise InvalidInputError(
            f"{identifier!r:.40} is not the id of an experiment: {_ID_LENGTH} characters of a-z and 2-7."
        )
