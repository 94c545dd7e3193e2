"""The file with the token of a server of weights: one server's alone while it runs, whoever else begins meanwhile.

A token is written and locked beside the file first, and put in its place then, so that whoever finds it there finds it
whole, and locked as long as its server lives. Not here: the server (``nascore.cli.weightsserve``).
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from nascore.errors import ConflictError, StateError

if TYPE_CHECKING:  # It brings gRPC, which the other verbs of this group do not need.
    from nascore.client.secret import Secret

_LONGEST = 200
_TRIES = 100
_is_token = re.compile(rb"[\w-]{1,200}\n?", re.ASCII).fullmatch


@contextmanager
def kept_token(path: Path) -> Iterator[Secret]:
    """Write a new token to a file, which is locked while the server runs and removed when it ends.

    Raises:
        StateError: A server that runs has its token there, or another one was faster.
        ConflictError: The file is something else, which would be lost.
    """
    # By name, for the same reason as above.
    service = import_module("nascore.service")
    token: Secret = service.generate_token()
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        service.write_token(fresh, token)
        with fresh.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            _put(fresh, path)
            try:
                yield token
            finally:
                if _is_at(path, file):
                    path.unlink()
    finally:
        fresh.unlink(missing_ok=True)


def _put(fresh: Path, path: Path) -> None:
    """Give a file its name, in place of one that a server left behind that was killed."""
    for _ in range(_TRIES):
        try:
            _link(fresh, path)
        except FileExistsError:
            with suppress(FileNotFoundError), path.open("rb") as left:
                _check_left(left, path)
                if _is_at(path, left):
                    fresh.replace(path)
                    return
        else:
            return
    raise StateError(f"{path} comes and goes all the time.", hint="Choose another file with --token-file.")


def _link(fresh: Path, path: Path) -> None:
    """Give a file a name that nothing has, or raise FileExistsError."""
    try:
        os.link(fresh, path)
    except FileExistsError:
        raise
    except OSError:  # A file system without hard links: of two that look at the same moment, the last one has it.
        if path.exists():
            raise FileExistsError(path) from None
        fresh.replace(path)


def _check_left(left: BinaryIO, path: Path) -> None:
    """Lock a file that is there, if it may be replaced."""
    if not _is_token(left.read(_LONGEST + 1)):
        raise ConflictError(f"{path} is there already, and is no token.", hint="Choose another file with --token-file.")
    try:
        fcntl.flock(left, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StateError(
            f"{path} has the token of a server that runs.",
            hint="Choose another file with --token-file, or end that server.",
        ) from None


def _is_at(path: Path, file: BinaryIO) -> bool:
    """Whether an open file still has this name, and no other one."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False
