"""Files that only this user can read, written in one step; read back only if nobody else could have written them."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from nascore.client.secret import Secret
from nascore.errors import DataLossError, PermissionDeniedError


def write_token(path: str | Path, token: str | Secret) -> None:
    """Write ``token`` to a file that only this user can read (0600); an older one is replaced in one step."""
    text = token.reveal() if isinstance(token, Secret) else token
    write_private(Path(path), f"{text}\n".encode("ascii"))


def write_private(target: Path, content: bytes) -> None:
    """Write a file of mode 0600, wholly or not at all; a link in its place is replaced, not followed."""
    fresh = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(target)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)  # or a power cut could bring back a token that was revoked


def read_private(path: Path, *, most: int) -> bytes:
    """Return the content of a file of this user that no other user could have changed; ``b""`` if there is none.

    Raises:
        PermissionDeniedError: If it cannot be read, is no plain file, or another user owns it or may open it.
        DataLossError: If it is longer than ``most`` bytes.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise PermissionDeniedError(f"{path}: cannot be read ({error.strerror}).") from None
    try:
        _check_private(path, os.fstat(descriptor))
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(most + 1)
    finally:
        os.close(descriptor)
    if len(content) > most:
        raise DataLossError(f"{path}: over {most} bytes, more than nascore writes there.")
    return content


def _check_private(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise PermissionDeniedError(f"{path}: not a plain file.", hint="Remove it.")
    if found.st_uid != os.geteuid():
        raise PermissionDeniedError(
            f"{path}: belongs to user {found.st_uid}, who could change it.", hint="Remove it, and make new tokens."
        )
    if found.st_mode & 0o077:
        raise PermissionDeniedError(
            f"{path}: mode {stat.S_IMODE(found.st_mode):04o} lets other users at it.",
            hint=f"See that nobody added a token (`nascore token ls`), then `chmod 600 {path}`.",
        )


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
