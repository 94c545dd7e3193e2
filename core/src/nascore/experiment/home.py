"""Where experiments live on this machine: one folder each, below one home.

::

    <home>/experiments/<id>/{log.db, log.db.lock, token, run.json, logs/, weights/}
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path

from nascore.errors import InvalidInputError

DATABASE_NAME = "log.db"

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
