"""Tokens as callers hold them: from a file, or from the environment.

Not here: making and checking them (``nascore.service``). Messages never contain the token itself.
"""

from __future__ import annotations

from pathlib import Path

from nascore.client.secret import Secret
from nascore.errors import InvalidInputError, PermissionDeniedError

MAX_TOKEN_BYTES = 4096


def read_token(path: str | Path) -> Secret:
    """Return the token in a file.

    Raises:
        PermissionDeniedError: If the file cannot be read.
        InvalidInputError: If it holds no token.
    """
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_TOKEN_BYTES + 1)
    except OSError as error:
        raise PermissionDeniedError(
            f"token file {path}: cannot be read ({error.strerror}).",
            hint="It belongs to a running server and is removed with it; check NASCORE_TOKEN_FILE.",
        ) from None
    return check_token(content.decode("ascii", "replace").strip(), source=f"token file {path}")


def check_token(token: str | Secret, *, source: str) -> Secret:
    """Return ``token`` if it can travel in a header.

    Raises:
        InvalidInputError: If it is empty, too long, or has other than visible ASCII characters; ``source`` is named.
    """
    text = token.reveal() if isinstance(token, Secret) else token
    if not text:
        raise InvalidInputError(f"{source}: empty.", hint="Give the token that the server was started with.")
    if len(text) > MAX_TOKEN_BYTES or not all("!" <= character <= "~" for character in text):
        raise InvalidInputError(
            f"{source}: not a token (visible ASCII characters, at most {MAX_TOKEN_BYTES}).",
            hint="Check that it is the file that the server wrote.",
        )
    return Secret(text)
